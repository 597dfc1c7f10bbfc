// Text from elsewhere on one line, so that whoever shows it shows it, and does not obey it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kvreel {

// Whether a character is an order to what shows text, or invisible: control characters (C0, DEL,
// C1), formatting characters (directions, zero widths, tags), and what separates lines and
// paragraphs. By Unicode's general categories Cc, Cf, Zl and Zp.
bool is_unseen(int32_t code_point);

// The character as an escape: \n, \r, \t, \x1b, \u202e, \U000e0001.
std::string escape_of(int32_t code_point);

// Any bytes as one line: what is unseen as an escape, what is not UTF-8 as U+FFFD, all else as it
// is. For messages, labels and comments; a backslash stays one, so that paths read as they are
// typed. Visible text stays as it is when it is made visible again.
std::string visible_line(std::string_view bytes);

// The same of each line of a text, with a line feed after each.
std::string visible_lines(std::string_view bytes);

// JSON that was written with characters beyond ASCII as they are: with those that are unseen
// as \u escapes. Every reader reads the same values, and a terminal obeys none of them.
std::string unseen_escaped_json(std::string_view json);

}  // namespace kvreel
