// Owned HDF5 identifiers, and HDF5's error stack as a text.
//
// HDF5 is not thread-safe everywhere: of a process, one thread at a time may use what this room
// offers.
#pragma once

#include <hdf5.h>

#include <string>
#include <string_view>

namespace kvreel::tracer {

// Makes the calling thread fit to use HDF5: nothing is printed by the library, and nothing runs at
// exit (ids that outlive main crashed inside libhdf5 1.10.8). Cheap; every entry to this room calls
// it.
void prepare_thread();

// What HDF5 says about the last failed call of this thread: the system's error where one is behind
// it, else the innermost message. Clears the stack.
std::string error_text();

// An identifier with its closing function. Destroying ignores errors; close() reports them.
class Hid {
 public:
  using Close = herr_t (*)(hid_t);

  Hid() = default;
  Hid(hid_t id, Close closer) : id_(id), close_(closer) {}
  Hid(Hid&& other) noexcept;
  Hid& operator=(Hid&& other) noexcept;
  ~Hid() { reset(); }

  hid_t get() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }

  void reset();
  // Throws Error "cannot <doing>: ..." when HDF5 fails to close, which is where late writes fail.
  void close(std::string_view doing);

 private:
  hid_t id_ = -1;
  Close close_ = nullptr;
};

// The identifier, or Error "cannot <doing>: <HDF5's text>".
Hid owned(hid_t id, Hid::Close close, std::string_view doing);

// Throws Error "cannot <doing>: <HDF5's text>" for a negative status.
void check(herr_t status, std::string_view doing);

}  // namespace kvreel::tracer
