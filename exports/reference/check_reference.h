// kvreel's recorded decisions beside those of the code released with ReFreeKV.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "exports/reference/released_code.h"
#include "tracer/read/trace.h"

namespace kvreel::exports {

struct CheckOptions {
  std::vector<std::string> runs;  // names; empty: every run of the policy refreekv
  // Distances that lie no further from the threshold can be on either side of it: the rows and the
  // released code's sums are in single precision.
  double tolerance = 1e-6;
  size_t listed = 3;  // differences listed of each variant
};

// A decision that differs.
struct Difference {
  int32_t sample = 0;
  std::string sample_id;
  int32_t layer = 0;
  int64_t candidates = 0;
  int64_t cut = 0;       // candidates that kvreel evicted
  int64_t released = 0;  // candidates that the released code evicts
  double distance = 0;   // of the larger cut by the released code's rule: it is what is disputed
  double threshold = 0;  // of the released code's rule
  std::string reason;
};

// One run beside one variant.
struct VariantReport {
  std::string name;   // "paper"
  std::string flags;  // of the released code
  bool own = false;   // the variant that the run's parameters name, with the run's threshold and
                      // exempt layers
  std::string not_compared;  // why, where nothing could be; the rest is then empty
  int64_t decisions = 0;
  int64_t equal = 0;
  int64_t ties = 0;  // different within the tolerance
  int64_t different = 0;
  int64_t same_cut = 0;  // of the different ones: as many candidates go, but not the same
  std::map<std::string, int64_t> reasons;  // of the different ones
  int64_t unexplained = 0;                 // of the different ones
  std::vector<Difference> first;
};

struct RunReport {
  std::string run;
  std::string variant;  // the own one's name, or "none: " and why
  std::vector<VariantReport> variants;
  int64_t passes_without_rows = 0;
};

struct CheckReport {
  std::string trace;
  double tolerance = 0;
  std::vector<RunReport> runs;
  // Differences to runs' own variants that nothing explains.
  int64_t unexplained() const;
};

// Throws UsageError for runs that the trace does not have or that are not of the policy refreekv;
// Error where there is none, where no attention rows were recorded, and for damaged traces.
CheckReport check_reference(const tracer::Trace& trace, const CheckOptions& options);

}  // namespace kvreel::exports
