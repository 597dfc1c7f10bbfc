// Policies by name: "refreekv:threshold=5%,sinks=4" on the command line becomes a Policy.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/policy/policy.h"

namespace kvreel::engine {

// A count of positions: absolute, or a share of the prompt.
struct Amount {
  double value = 0;
  bool is_share = false;

  // Positions out of n: a share is rounded to the nearest, halves to even, as Python's round()
  // does.
  int64_t of(int64_t n) const;
  std::string text() const;
};

// The options of one policy as written. A policy takes what it knows; what is left over is an
// error.
class PolicyOptions {
 public:
  PolicyOptions(std::string policy, std::vector<std::pair<std::string, std::string>> values);

  // Each returns the fallback where the option is absent, and throws UsageError where its value
  // does not fit.
  double take_fraction(std::string_view key, double fallback);         // "1%" or "0.01"
  double take_signed_fraction(std::string_view key, double fallback);  // also "-30%"
  int64_t take_count(std::string_view key, int64_t fallback);          // 0, 1, 2, ..., 10^12
  int64_t take_seed(std::string_view key, int64_t fallback);           // 0, 1, 2, ..., 2^63 - 1
  Amount take_amount(std::string_view key, Amount fallback);           // "50%", "0.5" or "128"
  std::string take_choice(std::string_view key, std::string_view fallback,
                          const std::vector<std::string>& choices);
  std::vector<int> take_layers(std::string_view key,
                               std::vector<int> fallback);  // "none", "0-1", "0+1+31"
  // An amount of at least one position and at most the whole prompt.
  Amount take_budget(std::string_view key, Amount fallback);
  // "none", "0-1@100%+31@128": layers, ascending, each with its amount. Absent: none.
  std::vector<std::pair<int, Amount>> take_layer_amounts(std::string_view key);
  double take_number(std::string_view key, double fallback, double least, double most);

  // Throws UsageError for options that were not taken, with the nearest known one.
  void finish() const;

 private:
  const std::string* take(std::string_view key);
  double take_fraction_from(std::string_view key, double fallback, double least);
  int64_t take_whole(std::string_view key, int64_t fallback, int64_t most);
  std::vector<int> parse_layers(std::string_view key, const std::string& text) const;

  std::string policy_;
  std::vector<std::pair<std::string, std::string>> values_;
  std::vector<bool> taken_;
  std::vector<std::string> known_;
};

// One policy with one configuration.
struct PolicySpec {
  std::string text;  // "refreekv:threshold=5%": the run's name
  std::string name;  // "refreekv"
  std::vector<std::pair<std::string, std::string>> options;
};

// Parses name[:key=value[,key=value]...]. A value may be a list: "threshold=1%,5%" stands for one
// spec each; several lists for every combination, 1000 at most. Throws UsageError for malformed
// text.
std::vector<PolicySpec> parse_policy_specs(std::string_view text);

// Throws UsageError for unknown policies, options and values, with the nearest known one.
std::unique_ptr<Policy> make_policy(const PolicySpec& spec);

struct PolicyInfo {
  std::string name;
  std::string summary;  // one line
  std::string options;  // lines for --help, "key=default  meaning"
  std::function<std::unique_ptr<Policy>(PolicyOptions&)> make;
};
const std::vector<PolicyInfo>& known_policies();

// Text of layer lists as take_layers() reads them: "none", "0+1".
std::string layers_text(const std::vector<int>& layers);
// 0.01 -> "1%".
std::string percent_text(double fraction);

}  // namespace kvreel::engine
