// The byte-level alphabet: every byte as one printable character, as GPT-2's tokenizer introduced
// it.
#pragma once

#include <string>
#include <string_view>

namespace kvreel::engine {

// `bytes` with each byte replaced by its character (1 or 2 bytes of UTF-8).
void append_byte_level(std::string& text, std::string_view bytes);

// The bytes that `token` spells. A token with any character outside the alphabet stands for itself,
// as an added token may: its UTF-8 is returned.
std::string from_byte_level(std::string_view token);

}  // namespace kvreel::engine
