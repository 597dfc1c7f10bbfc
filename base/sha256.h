// SHA-256 of files and bytes, to say which model and prompts a trace was made from.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kvreel {

// Lower-case hexadecimal SHA-256 (64 characters) of `bytes`.
std::string sha256(std::string_view bytes);

// The same of a whole file, read in pieces. `progress`, where given, is told the bytes of each
// piece. Throws Error when the file cannot be read.
std::string sha256_file(const std::filesystem::path& path,
                        const std::function<void(size_t)>& progress = {});

// The same of several files, one after the other, as `cat FILES | sha256sum` has it.
std::string sha256_files(const std::vector<std::string>& paths);

}  // namespace kvreel
