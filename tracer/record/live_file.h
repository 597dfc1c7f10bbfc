// The file of a running recording: appends rows, commits them so that a kill at any moment leaves a
// readable trace.
//
// One thread uses it from creation to destruction: HDF5 is not thread-safe everywhere.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "tracer/format/kept_trace.h"
#include "tracer/format/schema.h"

namespace kvreel::tracer {

namespace detail {
template <typename Tuple>
struct VariantOf;
template <typename... Ts>
struct VariantOf<std::tuple<Ts...>> {
  using type = std::variant<Ts...>;
};
}  // namespace detail

// Rows of one table, on their way to the file.
using AnyTable = detail::VariantOf<Tables>::type;

class LiveFile {
 public:
  // Creates the file with every data set and starts SWMR writing. Throws Error, and removes what it
  // made, where it cannot. An existing file is refused, or with `overwrite` replaced once the new
  // one is there.
  LiveFile(const std::string& path, std::string_view provenance, bool overwrite = false);
  // Goes on with a trace: copies the rows that stay into a new live file, which then replaces the
  // old one. A kill at any moment leaves one of them whole under its name. Throws Error, and leaves
  // the old one alone, where it cannot be read, is being recorded, or is not the file that `kept`
  // was found in.
  explicit LiveFile(const KeptTrace& kept);
  // Commits nothing; closes the file cleanly, or abandons it after a failure.
  ~LiveFile();
  LiveFile(const LiveFile&) = delete;
  LiveFile& operator=(const LiveFile&) = delete;

  // Adds rows at the end of their table. They count once they are committed.
  void append(const AnyTable& rows);
  // Makes everything appended so far valid; returns false when nothing was. Throws Error where the
  // disk is full, the file was removed, or the like; the file then stays what it was at the last
  // commit, and only destroying is left to do.
  bool commit(int64_t time_ns);
  void set_status(Status status);
  // Closes the file, which is then a whole, uncompressed trace. Throws Error.
  void close();

 private:
  struct Parts;
  template <typename Fill, typename Publish>
  void create(std::string_view provenance, int64_t time_ns, Fill&& fill, Publish&& publish);
  void require_in_place() const;
  void write(const AnyTable& rows);
  void flush_and_commit(int64_t time_ns);
  template <typename Work>
  void guarded(Work&& work);

  std::string path_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace kvreel::tracer
