// Any text as Markdown and as LaTeX that shows it and does nothing else.
#pragma once

#include <string>
#include <string_view>

namespace kvreel::exports {

// Of one line of text (see visible()), for a cell of a GitHub table: what Markdown, HTML, a table
// or GitHub's formulas would take for their own gets a backslash.
std::string escape_markdown(std::string_view text);

// Of one line of text, for a tabular under any of LaTeX's engines: no character has another
// meaning, starts an optional argument, or joins its neighbour in a ligature. Characters beyond
// ASCII stay UTF-8.
std::string escape_latex(std::string_view text);

}  // namespace kvreel::exports
