// Replays the log of a recording's writes, one at a time, and looks at the trace after each: what a
// kill at that very moment would have left.
//
//   kvreel_replay LOG PREFIX REFERENCE DIRECTORY [--before TRACE] [--every N] [--torn]
//                 [--recover-every N]
//
// LOG is what the preloaded library wrote (preload.c) for a recording into PREFIX; REFERENCE is
// that recording's finished trace, DIRECTORY a place for the files. At every boundary the trace
// must open, must have no fewer rows than at the boundary before, and each of its rows must be the
// reference's. --torn: also with each write cut off where a page ends, which is where a kill can
// cut it. --before: the trace that lay at PREFIX when the recording began; until the new one takes
// its place, it must be whole. --every, --recover-every: only every N-th boundary is looked at (or
// recovered, which is off without). Prints what it looked at; exits with 1 at the first fault.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "tracer/read/recover.h"
#include "tracer/read/trace.h"

namespace kvreel::tracer {
namespace {

constexpr uint64_t kPage = 4096;

// As preload.c writes it, but for the lengths, which the strings have.
struct Change {
  enum Kind : uint32_t { write = 1, truncate, rename, unlink, link, flushed, held };
  Kind kind = write;
  uint64_t offset = 0;
  std::string path;
  std::string other;
  std::string data;
};

std::optional<Change> next_change(std::ifstream& log) {
  struct Header {
    uint32_t kind, path_bytes, other_bytes, reserved;
    uint64_t time_ns, offset, data_bytes;
  } header{};
  if (!log.read(reinterpret_cast<char*>(&header), sizeof header)) return std::nullopt;
  Change change;
  change.kind = static_cast<Change::Kind>(header.kind);
  change.offset = header.offset;
  const auto read = [&](std::string& text, uint64_t bytes) {
    text.resize(bytes);
    if (!log.read(text.data(), static_cast<std::streamsize>(bytes))) fail("the log is cut short");
  };
  read(change.path, header.path_bytes);
  read(change.other, header.other_bytes);
  read(change.data, header.data_bytes);
  return change;
}

// The files of a recording, as far as they have been written.
class Files {
 public:
  Files(std::string prefix, std::filesystem::path directory)
      : prefix_(std::move(prefix)), directory_(std::move(directory)) {}

  std::string trace() const { return (directory_ / "trace.h5").string(); }

  void apply(const Change& change) const {
    switch (change.kind) {
      case Change::write:
        put(change, change.data.size());
        break;
      case Change::truncate:
        std::filesystem::resize_file(here(change.path), change.offset);
        break;
      case Change::rename:
        std::filesystem::rename(here(change.path), here(change.other));
        break;
      case Change::link:
        std::filesystem::create_hard_link(here(change.path), here(change.other));
        break;
      case Change::unlink:
        std::filesystem::remove(here(change.path));
        break;
      case Change::flushed:
      case Change::held:
        break;
    }
  }

  // The first `bytes` of a write.
  void put(const Change& change, uint64_t bytes) const {
    const std::string path = here(change.path);
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    const auto offset = static_cast<off_t>(change.offset);
    const bool done =
        fd >= 0 && ::pwrite(fd, change.data.data(), bytes, offset) == static_cast<ssize_t>(bytes);
    if (fd >= 0) ::close(fd);
    if (!done) fail("cannot write {}: {}", path, std::strerror(errno));
  }

 private:
  std::string here(const std::string& path) const {
    if (!path.starts_with(prefix_)) fail("the log tells of {}, not of {}", path, prefix_);
    return trace() + path.substr(prefix_.size());
  }

  std::string prefix_;
  std::filesystem::path directory_;
};

using Rows = std::array<uint64_t, kTableCount>;

Rows rows_of(const Trace& trace) {
  Rows rows = {};
  for_each_table([&](auto empty) {
    using Table = decltype(empty);
    rows[table_index<Table>()] = trace.rows<Table>();
  });
  return rows;
}

template <typename T>
bool begins_with(const std::vector<T>& whole, const std::vector<T>& part) {
  return part.size() <= whole.size() &&
         (part.empty() || std::memcmp(whole.data(), part.data(), part.size() * sizeof(T)) == 0);
}

// What a trace must agree with: all rows of a finished one.
class Reference {
 public:
  explicit Reference(const std::string& path) {
    const Trace trace = Trace::open(path);
    rows_ = rows_of(trace);
    for_each_table([&](auto empty) {
      using Table = decltype(empty);
      std::get<Table>(tables_) = trace.read<Table>(0, trace.rows<Table>());
    });
  }

  const Rows& rows() const { return rows_; }

  // Throws Error naming the first column that is not the beginning of the reference's.
  void require_beginning(const Trace& trace) const {
    for_each_table([&](auto empty) {
      using Table = decltype(empty);
      const Table part = trace.read<Table>(0, trace.rows<Table>());
      std::vector<bool> sound;
      compare(std::get<Table>(tables_), part, sound);
      size_t at = 0;
      Table::columns(part, [&](std::string_view name, const auto&, std::string_view,
                               std::string_view) {
        if (!sound[at++])
          fail("column {} of the {} rows of {} is wrong", name, trace.rows<Table>(), Table::kName);
      });
    });
  }

 private:
  template <typename Table>
  static void compare(const Table& whole, const Table& part, std::vector<bool>& sound) {
    // Both tables' columns come in the same order: visited side by side by number.
    size_t columns = 0;
    Table::columns(part, [&](std::string_view, const auto&, std::string_view, std::string_view) {
      ++columns;
    });
    for (size_t wanted = 0; wanted < columns; ++wanted) {
      size_t i = 0;
      Table::columns(
          whole, [&](std::string_view, const auto& ours, std::string_view, std::string_view) {
            if (i++ != wanted) return;
            size_t j = 0;
            Table::columns(part, [&](std::string_view, const auto& theirs, std::string_view,
                                     std::string_view) {
              using Ours = std::remove_cvref_t<decltype(ours)>;
              if (j++ != wanted) return;
              if constexpr (!std::is_same_v<Ours, std::remove_cvref_t<decltype(theirs)>>) {
                return;
              } else if constexpr (is_list_column<Ours>) {
                sound.push_back(begins_with(ours.ends, theirs.ends) &&
                                begins_with(ours.values, theirs.values));
              } else {
                sound.push_back(begins_with(ours, theirs));
              }
            });
          });
    }
  }

  Tables tables_;
  Rows rows_ = {};
};

struct Options {
  std::string log;
  std::string prefix;
  std::string reference;
  std::string directory;
  std::string before;
  uint64_t every = 1;
  uint64_t recover_every = 0;
  bool torn = false;
};

class Replay {
 public:
  explicit Replay(const Options& options)
      : options_(options),
        files_(options.prefix, options.directory),
        reference_(options.reference) {
    for (const auto& left : std::filesystem::directory_iterator(options.directory)) {
      if (left.path().string().starts_with(files_.trace())) std::filesystem::remove(left.path());
    }
    if (options.before.empty()) return;
    std::filesystem::copy_file(options.before, files_.trace(),
                               std::filesystem::copy_options::overwrite_existing);
    before_.emplace(options.before);
  }

  void run() {
    std::ifstream log(options_.log, std::ios::binary);
    if (!log) fail("cannot open the log {}", options_.log);
    while (std::optional<Change> change = next_change(log)) {
      const bool is_change = change->kind <= Change::link;
      changes_ += is_change;
      const bool due = is_change && changes_ % options_.every == 0;
      if (options_.torn && due && change->kind == Change::write) tear(*change);
      files_.apply(*change);
      if (before_ && change->kind == Change::rename && change->other == options_.prefix) {
        before_.reset();
        seen_ = {};
      }
      if (due || change->kind == Change::rename) look("after");
    }
    look("at the end");
    if (seen_ != reference_.rows()) fail("the last trace lacks rows of the reference");
    fmt::print(
        "{} changes, {} boundaries without a trace yet, {} looked at, {} of them torn, {} "
        "with rows, {} recovered, {} commits seen: every row right\n",
        changes_, early_, looks_, torn_, with_rows_, recovered_, commits_);
  }

 private:
  // A write reaches the file page by page: cut off at the first, a middle and the last boundary.
  void tear(const Change& change) {
    const uint64_t end = change.offset + change.data.size();
    const uint64_t first = (change.offset / kPage + 1) * kPage;
    if (first >= end) return;
    const uint64_t last = (end - 1) / kPage * kPage;
    const uint64_t middle = first + (last - first) / kPage / 2 * kPage;
    std::vector<uint64_t> cuts = {first, middle, last};
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    for (const uint64_t cut : cuts) {
      files_.put(change, cut - change.offset);
      torn_ += std::filesystem::exists(files_.trace());
      look("torn before the end of");
    }
  }

  void look(std::string_view where) {
    const std::string path = files_.trace();
    if (!std::filesystem::exists(path)) {
      ++early_;
      return;
    }
    ++looks_;
    try {
      const Trace trace = Trace::open(path);
      const Rows rows = rows_of(trace);
      for (size_t table = 0; table < kTableCount; ++table) {
        if (rows[table] < seen_[table]) fail("rows of table {} that were there are gone", table);
      }
      if (before_ && rows != before_->rows()) fail("the old trace has lost rows");
      (before_ ? *before_ : reference_).require_beginning(trace);
      commits_ += rows != seen_;
      seen_ = rows;
      with_rows_ += rows[table_index<Steps>()] > 0;
    } catch (const std::exception& error) {
      fail("{} change {}: {}", where, changes_, error.what());
    }
    if (options_.recover_every > 0 && looks_ % options_.recover_every == 0) check_recovery(path);
  }

  void check_recovery(const std::string& path) {
    const std::string clean = path + ".recovered";
    try {
      recover(path, clean, true);
      const Trace trace = Trace::open(clean);
      if (rows_of(trace) != seen_) fail("recovering has lost rows");
      (before_ ? *before_ : reference_).require_beginning(trace);
    } catch (const std::exception& error) {
      fail("recovered after change {}: {}", changes_, error.what());
    }
    ++recovered_;
  }

  Options options_;
  Files files_;
  Reference reference_;
  std::optional<Reference> before_;
  Rows seen_ = {};
  uint64_t changes_ = 0;
  uint64_t early_ = 0;
  uint64_t looks_ = 0;
  uint64_t torn_ = 0;
  uint64_t with_rows_ = 0;
  uint64_t recovered_ = 0;
  uint64_t commits_ = 0;
};

Options parse(const std::vector<std::string>& words) {
  Options options;
  std::vector<std::string> names;
  for (size_t i = 0; i < words.size(); ++i) {
    const auto value = [&] {
      if (i + 1 == words.size()) fail("{} needs a value", words[i]);
      return words[++i];
    };
    if (words[i] == "--torn") {
      options.torn = true;
    } else if (words[i] == "--before") {
      options.before = value();
    } else if (words[i] == "--every") {
      options.every = std::stoull(value());
    } else if (words[i] == "--recover-every") {
      options.recover_every = std::stoull(value());
    } else {
      names.push_back(words[i]);
    }
  }
  if (names.size() != 4 || options.every == 0)
    fail("usage: kvreel_replay LOG PREFIX REFERENCE DIRECTORY [option...], see replay.cpp");
  options.log = names[0];
  options.prefix = names[1];
  options.reference = names[2];
  options.directory = names[3];
  return options;
}

}  // namespace
}  // namespace kvreel::tracer

int main(int argc, char** argv) {
  try {
    kvreel::tracer::Replay(kvreel::tracer::parse({argv + 1, argv + argc})).run();
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
