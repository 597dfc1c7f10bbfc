// The list of policies, and the reading of their specs.
#include "engine/policy/registry.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "engine/policy/policies.h"

namespace kvreel::engine {
namespace {

// More than any prompt has, and exact in a double; sums of a few of them are far from overflow.
constexpr int64_t kMostPositions = 1'000'000'000'000;
constexpr int64_t kMostLayers = 4096;  // no model has more
constexpr size_t kMostSpecs = 1000;    // of one --policy: beyond, somebody's comma slipped

// A whole decimal number, or nothing.
bool parse_number(std::string_view text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
}

bool parse_count(std::string_view text, int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0;
}

// Text in pieces between separators; an empty text has one empty piece.
std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> pieces;
  while (true) {
    const size_t at = text.find(separator);
    pieces.emplace_back(trim(text.substr(0, at)));
    if (at == std::string_view::npos) return pieces;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string> policy_names() {
  std::vector<std::string> names;
  for (const PolicyInfo& info : known_policies()) names.push_back(info.name);
  return names;
}

}  // namespace

const std::vector<PolicyInfo>& known_policies() {
  static const std::vector<PolicyInfo> kPolicies = {
      full_policy(),          refreekv_policy(), top_p_policy(),  hard_kv_policy(),
      streaming_llm_policy(), h2o_policy(),      snapkv_policy(), tova_policy(),
      pyramidkv_policy(),     ada_kv_policy(),   cake_policy(),   expected_attention_policy(),
      key_norm_policy(),      key_diff_policy(), random_policy()};
  return kPolicies;
}

int64_t Amount::of(int64_t n) const {
  if (!is_share) return std::min(static_cast<int64_t>(value), n);
  return std::llrint(value * static_cast<double>(n));  // default rounding mode: halves to even
}

std::string Amount::text() const {
  return is_share ? percent_text(value) : fmt::format("{}", static_cast<int64_t>(value));
}

std::string percent_text(double fraction) {
  return fmt::format("{:.6g}%", fraction * 100);
}

std::string layers_text(const std::vector<int>& layers) {
  return layers.empty() ? "none" : fmt::format("{}", fmt::join(layers, "+"));
}

PolicyOptions::PolicyOptions(std::string policy,
                             std::vector<std::pair<std::string, std::string>> values)
    : policy_(std::move(policy)), values_(std::move(values)), taken_(values_.size(), false) {}

const std::string* PolicyOptions::take(std::string_view key) {
  known_.emplace_back(key);
  for (size_t i = 0; i < values_.size(); ++i) {
    if (values_[i].first == key) {
      taken_[i] = true;
      return &values_[i].second;
    }
  }
  return nullptr;
}

double PolicyOptions::take_fraction(std::string_view key, double fallback) {
  return take_fraction_from(key, fallback, 0);
}

double PolicyOptions::take_signed_fraction(std::string_view key, double fallback) {
  return take_fraction_from(key, fallback, -1);
}

double PolicyOptions::take_fraction_from(std::string_view key, double fallback, double least) {
  const std::string* text = take(key);
  if (!text) return fallback;
  double value = 0;
  const bool percent = text->ends_with('%');
  const std::string_view digits = std::string_view(*text).substr(0, text->size() - percent);
  if (parse_number(digits, value)) {
    if (percent) value /= 100;
    if (value >= least && value <= 1) return value;
  }
  fail_usage("Policy '{}': {}={} is not a share between {} and 1; write {}=1% or {}=0.01.", policy_,
             key, *text, least, key, key);
}

int64_t PolicyOptions::take_count(std::string_view key, int64_t fallback) {
  return take_whole(key, fallback, kMostPositions);
}

int64_t PolicyOptions::take_seed(std::string_view key, int64_t fallback) {
  return take_whole(key, fallback, std::numeric_limits<int64_t>::max());
}

int64_t PolicyOptions::take_whole(std::string_view key, int64_t fallback, int64_t most) {
  const std::string* text = take(key);
  if (!text) return fallback;
  int64_t value = 0;
  if (parse_count(*text, value) && value <= most) return value;
  fail_usage("Policy '{}': {}={} is not a count; write a whole number such as {}=4, at most {}.",
             policy_, key, *text, key, most);
}

namespace {

bool parse_amount(std::string_view text, Amount& amount) {
  int64_t count = 0;
  if (parse_count(text, count)) {
    if (count > kMostPositions) return false;
    amount = {.value = static_cast<double>(count), .is_share = false};
    return true;
  }
  double value = 0;
  const bool percent = text.ends_with('%');
  if (!parse_number(text.substr(0, text.size() - percent), value)) return false;
  if (percent) value /= 100;
  amount = {.value = value, .is_share = true};
  return value >= 0 && value <= 1;
}

}  // namespace

Amount PolicyOptions::take_amount(std::string_view key, Amount fallback) {
  const std::string* text = take(key);
  if (!text) return fallback;
  Amount amount;
  if (parse_amount(*text, amount)) return amount;
  fail_usage("Policy '{}': {}={} is neither a share of the prompt ({}=50%) nor a count ({}=128).",
             policy_, key, *text, key, key);
}

std::string PolicyOptions::take_choice(std::string_view key, std::string_view fallback,
                                       const std::vector<std::string>& choices) {
  const std::string* text = take(key);
  if (!text) return std::string(fallback);
  if (std::find(choices.begin(), choices.end(), *text) != choices.end()) return *text;
  fail_usage("Policy '{}': {}={} is unknown.{}", policy_, key, *text, suggest_name(*text, choices));
}

Amount PolicyOptions::take_budget(std::string_view key, Amount fallback) {
  const Amount amount = take_amount(key, fallback);
  if (amount.value > 0) return amount;
  fail_usage(
      "Policy '{}': {}=0 keeps nothing; write a share of the prompt ({}=50%) or a count ({}=128).",
      policy_, key, key, key);
}

double PolicyOptions::take_number(std::string_view key, double fallback, double least,
                                  double most) {
  const std::string* text = take(key);
  if (!text) return fallback;
  double value = 0;
  if (parse_number(*text, value) && value >= least && value <= most) return value;
  fail_usage("Policy '{}': {}={} is not a number from {} to {}.", policy_, key, *text, least, most);
}

std::vector<std::pair<int, Amount>> PolicyOptions::take_layer_amounts(std::string_view key) {
  const std::string* text = take(key);
  if (!text || *text == "none") return {};
  std::vector<std::pair<int, Amount>> amounts;
  std::vector<bool> named(kMostLayers, false);
  bool twice = false;
  // "0+1@100%+31@128": layers gather until their amount comes.
  std::string layers;
  for (const std::string& part : split(*text, '+')) {
    const size_t at = part.find('@');
    layers += (layers.empty() ? "" : "+") + part.substr(0, at);
    if (at == std::string::npos) continue;
    Amount amount;
    if (!parse_amount(std::string_view(part).substr(at + 1), amount) || amount.value <= 0) {
      fail_usage(
          "Policy '{}': {}={}: '{}' is neither a share of the prompt (0-1@50%) nor a count "
          "(0-1@128).",
          policy_, key, *text, part.substr(at + 1));
    }
    for (const int layer : parse_layers(key, layers)) {
      twice = twice || named[static_cast<size_t>(layer)];
      named[static_cast<size_t>(layer)] = true;
      amounts.emplace_back(layer, amount);
    }
    layers.clear();
    if (twice) break;
  }
  std::stable_sort(amounts.begin(), amounts.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  if (!layers.empty() || twice) {
    fail_usage("Policy '{}': {}={} {}; write {}=0-1@100%+31@128.", policy_, key, *text,
               twice ? "names a layer twice" : "ends in a layer without its budget", key);
  }
  return amounts;
}

std::vector<int> PolicyOptions::take_layers(std::string_view key, std::vector<int> fallback) {
  const std::string* text = take(key);
  if (!text) return fallback;
  if (*text == "none") return {};
  return parse_layers(key, *text);
}

std::vector<int> PolicyOptions::parse_layers(std::string_view key, const std::string& text) const {
  std::vector<bool> named(kMostLayers, false);
  for (const std::string& part : split(text, '+')) {
    const size_t dash = part.find('-');
    int64_t first = 0;
    int64_t last = 0;
    const bool valid =
        parse_count(std::string_view(part).substr(0, dash), first) &&
        parse_count(dash == std::string::npos ? part : std::string_view(part).substr(dash + 1),
                    last) &&
        first <= last && last < kMostLayers;
    if (!valid) {
      fail_usage("Policy '{}': {}={} is no list of layers; write {}=0-1, {}=0+1+31 or {}=none.",
                 policy_, key, text, key, key, key);
    }
    std::fill(named.begin() + first, named.begin() + last + 1, true);
  }
  std::vector<int> layers;
  for (size_t layer = 0; layer < named.size(); ++layer) {
    if (named[layer]) layers.push_back(static_cast<int>(layer));
  }
  return layers;
}

void PolicyOptions::finish() const {
  for (size_t i = 0; i < values_.size(); ++i) {
    if (taken_[i]) continue;
    if (known_.empty()) {
      fail_usage("Policy '{}' takes no options, and was given '{}'.", policy_, values_[i].first);
    }
    fail_usage("Policy '{}' has no option '{}'.{}", policy_, values_[i].first,
               suggest_name(values_[i].first, known_));
  }
}

std::vector<PolicySpec> parse_policy_specs(std::string_view text) {
  const std::string_view whole = trim(text);
  const size_t colon = whole.find(':');
  const std::string name(trim(whole.substr(0, colon)));
  if (name.empty()) {
    fail_usage(
        "--policy '{}' has no name; write --policy refreekv or --policy refreekv:threshold=5%.",
        text);
  }
  std::vector<PolicySpec> specs = {{.text = {}, .name = name, .options = {}}};
  if (colon != std::string_view::npos) {
    // key -> its values, in the order written
    std::vector<std::pair<std::string, std::vector<std::string>>> lists;
    for (const std::string& part : split(whole.substr(colon + 1), ',')) {
      const size_t equals = part.find('=');
      if (equals == std::string::npos) {
        if (lists.empty() || part.empty()) {
          fail_usage("--policy '{}': '{}' is not of the form key=value.", text, part);
        }
        lists.back().second.push_back(part);
        continue;
      }
      const std::string key(trim(std::string_view(part).substr(0, equals)));
      const std::string value(trim(std::string_view(part).substr(equals + 1)));
      const bool seen = std::any_of(lists.begin(), lists.end(),
                                    [&](const auto& list) { return list.first == key; });
      if (key.empty() || value.empty() || seen) {
        fail_usage("--policy '{}': '{}' {}.", text, part,
                   seen ? "is given twice" : "is not of the form key=value");
      }
      lists.push_back({key, {value}});
    }
    for (const auto& [key, values] : lists) {
      if (specs.size() * values.size() > kMostSpecs) {
        fail_usage("--policy '{}' stands for more than {} runs; give shorter lists of values.",
                   text, kMostSpecs);
      }
      std::vector<PolicySpec> grown;
      for (const PolicySpec& spec : specs) {
        for (const std::string& value : values) {
          grown.push_back(spec);
          grown.back().options.emplace_back(key, value);
        }
      }
      specs = std::move(grown);
    }
  }
  for (PolicySpec& spec : specs) {
    spec.text = spec.name;
    for (size_t i = 0; i < spec.options.size(); ++i) {
      spec.text += (i == 0 ? ":" : ",") + spec.options[i].first + "=" + spec.options[i].second;
    }
  }
  return specs;
}

std::unique_ptr<Policy> make_policy(const PolicySpec& spec) {
  for (const PolicyInfo& info : known_policies()) {
    if (info.name != spec.name) continue;
    PolicyOptions options(spec.name, spec.options);
    std::unique_ptr<Policy> policy = info.make(options);
    options.finish();
    return policy;
  }
  fail_usage("There is no policy '{}'.{}", spec.name, suggest_name(spec.name, policy_names()));
}

}  // namespace kvreel::engine
