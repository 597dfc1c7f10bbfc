// Reads block by block, and where a block cannot be read looks for the rows that cannot.
#include "tracer/read/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "tracer/hdf5/trace_file.h"
#include "tracer/read/trial.h"

namespace kvreel::tracer {
namespace {

constexpr uint64_t kElementsAtOnce = 1u << 18;  // elements read at once
constexpr uint64_t kPiece = 1u << 14;  // elements named where they cannot be read: a chunk's, or
                                       // fewer

class Verifier {
 public:
  Verifier(const PartFile& file, VerifyReport& report) : file_(file), report_(report) {}

  void run() {
    for (size_t table = 0; table < file_.tables().size(); ++table) {
      if (file_.kind() == PartKind::main && file_.counted()[table]) ++report_.tables;
      const std::vector<DataSetSpec>& sets = file_.tables()[table].sets;
      for (size_t set = 0; set < sets.size(); ++set) {
        if (!file_.has(table, set)) continue;
        if (sets[set].part == Part::values) {
          verify_values(table, set);
        } else {
          verify_rows(table, set);
        }
      }
    }
    // Of what is as it was recorded, opening it has compared every commit.
    if (!file_.has_sums()) return;
    if (file_.raw()) {
      report_.commits += file_.commits().size();
      return;
    }
    ++report_.commits;
    sum_.add_row(file_.commit(), file_.counted());
    if (readable_ && sum_.value() != file_.commit().checksum) {
      report_.damage.push_back(
          fmt::format("{} can be read, but is not what was written: it does not match the checksum "
                      "of its commit; copy it again",
                      file_.path()));
    }
  }

 private:
  void verify_rows(size_t table, size_t set) {
    each_block(table, set, file_.rows(table), "rows", [&](uint64_t begin, uint64_t end) {
      file_.read_rows(table, set, begin, end, block_.data());
    });
  }

  void verify_values(size_t table, size_t set) {
    uint64_t values = 0;
    try {
      for (uint64_t begin = 0; begin < file_.rows(table); begin += kElementsAtOnce) {
        const uint64_t end = std::min(begin + kElementsAtOnce, file_.rows(table));
        uint64_t before = 0;
        const std::vector<uint64_t> ends = file_.read_ends(table, set, begin, end, before);
        values = ends.back();
      }
    } catch (const Error& error) {
      readable_ = false;
      report_.damage.push_back(error.what());
      return;
    }
    each_block(table, set, values, "values", [&](uint64_t begin, uint64_t end) {
      file_.read_values(table, set, begin, end, block_.data());
    });
  }

  template <typename Read>
  void each_block(size_t table, size_t set, uint64_t count, std::string_view what, Read&& read) {
    const DataSetSpec& spec = file_.tables()[table].sets[set];
    const size_t element = element_bytes(spec.type);
    block_.resize(std::min(count, kElementsAtOnce) * element);
    for (uint64_t begin = 0; begin < count; begin += kElementsAtOnce) {
      const uint64_t end = std::min(begin + kElementsAtOnce, count);
      try {
        read(begin, end);
        sum_.add(block_.data(), (end - begin) * element);
        report_.bytes += (end - begin) * element;
      } catch (const Error& error) {
        name_pieces(table, set, begin, end, what, error.what(), read);
      }
    }
  }

  template <typename Read>
  void name_pieces(size_t table, size_t set, uint64_t begin, uint64_t end, std::string_view what,
                   const std::string& why, Read&& read) {
    uint64_t first = end;  // of the pieces that cannot be read
    uint64_t last = end;
    for (uint64_t at = begin; at < end; at += kPiece) {
      try {
        read(at, std::min(at + kPiece, end));
      } catch (const Error&) {
        if (first == end) first = at;
        last = std::min(at + kPiece, end);
      }
    }
    if (first == end) first = begin;
    readable_ = false;
    report_.damage.push_back(
        fmt::format("{} of {} is damaged between its {} {} and {}: {}",
                    set_path(file_.tables()[table], file_.tables()[table].sets[set]), file_.path(),
                    what, first, last, why));
  }

  const PartFile& file_;
  VerifyReport& report_;
  Crc sum_;
  bool readable_ = true;
  std::vector<uint8_t> block_;
};

}  // namespace

VerifyReport verify(const std::string& path) {
  std::optional<TraceFile> tried;
  read_on_trial(
      path, [&] { tried = TraceFile::open(path); },
      [&] {
        VerifyReport unread;
        for (const PartFile* part : tried->parts()) Verifier(*part, unread).run();
      },
      kReadingAll);
  const TraceFile trace = TraceFile::open(path);
  if (trace.origin() == Origin::live) {
    fail("{} is still being recorded; verify it when that has ended", path);
  }
  VerifyReport report;
  if (!trace.warning().empty()) report.damage.push_back(trace.warning());
  for (const PartFile* part : trace.parts()) Verifier(*part, report).run();
  return report;
}

}  // namespace kvreel::tracer
