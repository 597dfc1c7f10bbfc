// Closing identifiers, reading the error stack.
#include "tracer/hdf5/handle.h"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include "base/error.h"

namespace kvreel::tracer {
namespace {

herr_t collect(unsigned, const H5E_error2_t* entry, void* out) {
  static_cast<std::vector<std::string>*>(out)->emplace_back(entry->desc ? entry->desc : "");
  return 0;
}

// The number behind "errno = " in one of HDF5's messages, 0 where there is none.
int system_error(const std::string& message) {
  constexpr std::string_view kKey = "errno = ";
  const size_t at = message.find(kKey);
  return at == std::string::npos ? 0 : std::atoi(message.c_str() + at + kKey.size());
}

}  // namespace

void prepare_thread() {
  static std::once_flag once;
  std::call_once(once, [] {
    H5dont_atexit();
    H5open();
    // A trace needs no filter but the built-in ones; a file must not make the library load code.
    H5PLset_loading_state(0);
  });
  // HDF5 keeps the printing of errors per thread.
  thread_local bool quiet = false;
  if (!quiet) {
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    quiet = true;
  }
}

std::string error_text() {
  std::vector<std::string> messages;  // innermost first
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, collect, &messages);
  H5Eclear2(H5E_DEFAULT);
  for (const std::string& message : messages) {
    if (const int code = system_error(message); code != 0) return std::strerror(code);
  }
  return messages.empty() ? "HDF5 gives no reason"
                          : fmt::format("HDF5 says '{}'", messages.front());
}

Hid::Hid(Hid&& other) noexcept
    : id_(std::exchange(other.id_, -1)), close_(std::exchange(other.close_, nullptr)) {}

Hid& Hid::operator=(Hid&& other) noexcept {
  if (this != &other) {
    reset();
    id_ = std::exchange(other.id_, -1);
    close_ = std::exchange(other.close_, nullptr);
  }
  return *this;
}

void Hid::reset() {
  if (id_ < 0) return;
  if (close_(std::exchange(id_, -1)) < 0) H5Eclear2(H5E_DEFAULT);
}

void Hid::close(std::string_view doing) {
  if (id_ < 0) return;
  check(close_(std::exchange(id_, -1)), doing);
}

Hid owned(hid_t id, Hid::Close close, std::string_view doing) {
  if (id < 0) fail("cannot {}: {}", doing, error_text());
  return Hid(id, close);
}

void check(herr_t status, std::string_view doing) {
  if (status < 0) fail("cannot {}: {}", doing, error_text());
}

}  // namespace kvreel::tracer
