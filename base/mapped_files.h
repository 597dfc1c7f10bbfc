// Which files are mapped where, for a signal handler: a mapped file that somebody shortens ends the
// process with SIGBUS where its missing pages are read, and the handler can say whose they were.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace kvreel {

// Notes that `bytes` are a mapping of the file, until it is forgotten. What does not fit into the
// table any more (1024 files) is not noted, and its loss stays nameless. Any thread.
void note_mapped_file(std::span<const std::byte> bytes, const std::string& path);
void forget_mapped_file(std::span<const std::byte> bytes);

// The name, made visible and perhaps cut, of the file that is mapped at an address; null where none
// is. May be called from a signal handler.
const char* mapped_file_at(const void* address);

}  // namespace kvreel
