// A whole file in memory, but never more of it than was agreed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace kvreel {

// The bytes of a file, a pipe or a device, of which there may be `most` at most. `what` names it in
// errors: "the prompts". Throws Error where it is missing, is a directory, cannot be read to its
// end, or has more bytes; `remedy` ends that last sentence: "split it into parts".
std::string read_file(const std::filesystem::path& path, uint64_t most, std::string_view what,
                      std::string_view remedy);

}  // namespace kvreel
