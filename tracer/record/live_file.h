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

struct RootFacts;

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

struct LiveFileOptions {
  bool overwrite = false;    // replace an existing file once the new one is there
  uint64_t shard_bytes = 0;  // of rows of tables of Volume::many in a file before they go on in the
                             // next; 0: without end
};

class LiveFile {
 public:
  // Creates the file with every data set and starts SWMR writing. Throws Error, and removes what it
  // made, where it cannot. An existing file is refused, or replaced with its shards.
  LiveFile(const std::string& path, std::string_view provenance,
           const LiveFileOptions& options = {});
  // Goes on with a trace: copies the rows that stay into a new live file, which then replaces the
  // old one and its shards. A kill at any moment leaves one of them whole under its name. Throws
  // Error, and leaves the old one alone, where it cannot be read, is being recorded, or is not the
  // file that `kept` was found in.
  explicit LiveFile(const KeptTrace& kept, const LiveFileOptions& options = {});
  // Commits nothing; closes the file cleanly, or abandons it after a failure.
  ~LiveFile();
  LiveFile(const LiveFile&) = delete;
  LiveFile& operator=(const LiveFile&) = delete;

  // Adds rows at the end of their table. They count once they are committed.
  void append(const AnyTable& rows);
  // Makes everything appended so far valid; returns false when nothing was. Where the file or the
  // shard in which the large tables lie has become as large as it may, they go on in a new shard.
  // Throws Error where the disk is full, the file was removed, or the like; the file then stays
  // what it was at the last commit, and only destroying is left to do.
  bool commit(int64_t time_ns);
  // Whether the next commit begins a new shard, which is then due.
  bool is_full() const;
  void set_status(Status status);
  // Closes the file, which is then a whole, uncompressed trace. Throws Error.
  void close();

  // Compresses a part, of about 2 MiB, of a shard that is closed already; false where there is
  // nothing to do, or while recording no room for it. What goes wrong leaves the shard as it was,
  // and is said in the end.
  bool compress_step();
  // After close(): replaces every file by its compressed and checksummed copy. Returns "", or why
  // some stayed as they were: whole and readable.
  std::string finalise(Status status);
  // Of all files, as they are now.
  uint64_t file_bytes() const;

 private:
  struct Parts;
  RootFacts main_facts() const;
  void write(const AnyTable& rows);
  void commit_parts(int64_t time_ns);
  void rotate(int64_t time_ns);
  void close_shard();
  template <typename Work>
  void guarded(Work&& work);

  std::string path_;
  LiveFileOptions options_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace kvreel::tracer
