// The figures of every run beside the session's reference, computed anew only where something
// changed.
#pragma once

#include <string>
#include <vector>

#include "viewer/model/overview_table.h"
#include "viewer/model/session.h"

namespace kvreel::viewer {

class RunBook {
 public:
  // Once a frame. True where figures have changed: everything handed out before is then invalid.
  bool update(Session& session);

  // Every run of every open trace, in order.
  const std::vector<RunOfTable>& runs() const { return runs_; }
  const RunOfTable* find(RunRef run) const;  // null: unknown
  // Counts changes.
  uint64_t version() const { return version_; }
  // What could not be loaded, a sentence for each trace.
  const std::vector<std::string>& failures() const { return failures_; }
  bool loading() const { return loading_; }

 private:
  struct Known {
    TraceId trace;
    std::shared_ptr<const Overview> overview;
    std::shared_ptr<const Outputs> outputs;
    bool operator==(const Known&) const = default;
  };

  std::vector<Known> known_;
  RunRef reference_;
  std::vector<RunOfTable> runs_;
  std::vector<std::string> failures_;
  bool loading_ = false;
  uint64_t version_ = 0;
};

}  // namespace kvreel::viewer
