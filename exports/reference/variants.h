// Variants of the released code by name, and which of them a run's parameters name.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "exports/reference/released_code.h"

namespace kvreel::exports {

struct Variant {
  std::string name;
  std::string flags;  // of the released code, or what it is where no flags give it
  Rule rule;
};

// At the flags they were published with.
const std::vector<Variant>& published_variants();

// The rule that kvreel states a run of its policy refreekv to follow.
struct RunRule {
  Rule rule;
  double metric_share = 0;  // where not 0: rule.metric_rows is this share of the prompt
  std::string variant;    // name of the published variant with the same rule, threshold and exempt
                          // layers aside; "" where there is none
  std::string why_not;    // a clause where there is none
  bool is_stated = true;  // false: `rule` cannot say what the run does, and nothing is compared

  Rule at(int64_t keys) const;
};

// `parameters` is the run's JSON object. Throws Error where it is none or a value is malformed.
RunRule read_run_rule(std::string_view parameters);

// The run's own variant with its threshold and exempt layers as the released code's flags.
Variant own_variant(const RunRule& run);

// In what two rules can differ. `adopt` makes the first agree with the second in it.
struct Aspect {
  std::string_view name;
  bool (*differs)(const Rule&, const Rule&);
  void (*adopt)(Rule&, const Rule&);
};
// What is named first is looked for first where several could explain a difference.
const std::array<Aspect, 8>& aspects();

}  // namespace kvreel::exports
