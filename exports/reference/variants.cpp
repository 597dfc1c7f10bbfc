// The variants' rules, and parameters into rules.
#include "exports/reference/variants.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"

namespace kvreel::exports {
namespace {

using nlohmann::json;

constexpr std::string_view kPaper = "paper";
constexpr std::string_view kPaperBf16 = "paper-bf16";
constexpr std::string_view kPrinted = "paper-printed";
constexpr std::string_view kScript = "released-script";
constexpr std::string_view kScriptFp32 = "released-script-fp32";

std::string flags_of(std::string_view name, const Rule& rule) {
  const std::string values = fmt::format(
      "--threshold {} --save_layer {}", rule.threshold,
      rule.saved_layers.empty() ? "none" : fmt::format("{}", fmt::join(rule.saved_layers, ",")));
  if (name == kPrinted) return fmt::format("the formula as printed: norms over all, {}", values);
  const bool script = name == kScript || name == kScriptFp32;
  const bool bf16 = name == kPaperBf16 || name == kScript;
  return fmt::format("--method {} --dynamic --metric last_token_attn --budget 1.0 {} ({})",
                     script ? "h2o" : "streamingllm", values, bf16 ? "bf16" : "fp32");
}

Variant make_variant(std::string_view name, Rule rule) {
  return {std::string(name), flags_of(name, rule), rule};
}

std::vector<Variant> make_variants() {
  const Rule paper{.saved_layers = {0, 1}};
  Rule rounded = paper;
  rounded.round_metric = rounded.round_scores = true;
  Rule printed = paper;
  printed.base_all = true;
  Rule script{.threshold = 0.05, .sinks = 0, .window = 8, .window_shrinks = true};
  script.by_attention = true;
  Rule script_rounded = script;
  script_rounded.round_metric = script_rounded.round_scores = true;
  return {make_variant(kPaper, paper), make_variant(kPaperBf16, rounded),
          make_variant(kPrinted, printed), make_variant(kScript, script_rounded),
          make_variant(kScriptFp32, script)};
}

[[noreturn]] void fail_value(const std::string& key, const std::string& value) {
  fail(
      "a run of refreekv has the parameter {} = '{}', which this kvreel does not know; read the "
      "trace with the kvreel that recorded it",
      key, value);
}

// "5%", "-5%" or "0.05".
double fraction(const std::string& key, const std::string& text) {
  size_t used = 0;
  double value = NAN;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {
    fail_value(key, text);
  }
  if (used + 1 == text.size() && text.back() == '%') return value / 100;
  if (used != text.size()) fail_value(key, text);
  return value;
}

int64_t count(const std::string& key, const std::string& text) {
  const bool digits = !text.empty() && text.size() < 10 &&
                      text.find_first_not_of("0123456789") == std::string::npos;
  if (!digits) fail_value(key, text);
  return std::stoll(text);
}

// "none", "0+1", "0-1+31".
std::vector<int> layers(const std::string& key, const std::string& text) {
  std::vector<int> found;
  if (text == "none") return found;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find('+', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    const size_t dash = part.find('-');
    const auto first = static_cast<int>(count(key, part.substr(0, dash)));
    const auto last =
        dash == std::string::npos ? first : static_cast<int>(count(key, part.substr(dash + 1)));
    for (int layer = first; layer <= last && last < 1 << 16; ++layer) found.push_back(layer);
    begin = end + 1;
  }
  std::ranges::sort(found);
  return found;
}

// Parameters as text, with what an older recorder did not write at its default.
class Parameters {
 public:
  explicit Parameters(std::string_view text) : values_(parse_json_or_discard(text)) {
    if (!values_.is_object()) {
      fail("a run of refreekv has parameters that are no JSON object; the trace is damaged");
    }
  }
  std::string get(const std::string& key, const std::string& fallback) const {
    const auto found = values_.find(key);
    if (found == values_.end()) return fallback;
    return found->is_string() ? found->get<std::string>() : found->dump();
  }
  bool is(const std::string& key, const std::string& value, const std::string& fallback) const {
    return get(key, fallback) == value;
  }

 private:
  json values_;
};

// A clause where the run does what no rule here can say; "" otherwise.
std::string not_stated(const Parameters& run) {
  const std::pair<const char*, const char*> only[] = {
      {"metric", "last-row"}, {"budget", "100%"}, {"rows-mask", "causal"}, {"normalize", "mean"}};
  const bool one_row = run.is("rows", "1", "1");
  for (const auto& [key, value] : only) {
    const bool of_rows =
        std::string_view(key) == "rows-mask" || std::string_view(key) == "normalize";
    if (of_rows && one_row) continue;  // of one row both are the same
    if (!run.is(key, value, value)) {
      return fmt::format("{} = {} is not stated here", key, run.get(key, value));
    }
  }
  if (fraction("threshold", run.get("threshold", "1%")) < 0) {
    return "a negative threshold draws positions at random";
  }
  return "";
}

void read_metric_rows(const Parameters& run, RunRule& out) {
  const std::string rows = run.get("rows", "1");
  if (rows.ends_with('%')) {
    out.metric_share = fraction("rows", rows);
  } else {
    out.rule.metric_rows = count("rows", rows);
  }
}

// Which variant has the rule, and if none, the first parameter that is in the way.
void find_variant(RunRule& out) {
  const Rule& rule = out.rule;
  const auto none = [&](std::string why) { out.why_not = std::move(why); };
  if (out.metric_share > 0 || rule.metric_rows != 1) {
    return none(
        "of several rows the released code (--attn_p) computes those before the last without a "
        "causal mask, so that recorded rows cannot give them");
  }
  const Rule& script = published_variants()[3].rule;
  if (rule.by_attention) {
    if (rule.sinks != script.sinks) return none("its ranking by attention has no sinks");
    if (rule.window != script.window || rule.score_rows != script.score_rows) {
      return none("its ranking by attention takes the last 8 rows and leaves 8 positions (h2o)");
    }
    if (rule.base_all) return none("ranked by attention its norms are over the candidates");
    out.variant = rule.round_metric ? kScript : kScriptFp32;
    return;
  }
  if (rule.sinks != 4) return none("its sinks are always 4");
  if (rule.window != 0) return none("ranked by position it protects no newest positions");
  if (rule.base_all && rule.round_metric) return none("the printed formula knows no rounding");
  out.variant = rule.base_all ? kPrinted : rule.round_metric ? kPaperBf16 : kPaper;
}

}  // namespace

const std::vector<Variant>& published_variants() {
  static const std::vector<Variant> variants = make_variants();
  return variants;
}

RunRule read_run_rule(std::string_view parameters) {
  const Parameters run(parameters);
  RunRule out;
  out.why_not = not_stated(run);
  out.is_stated = out.why_not.empty();
  if (!out.is_stated) return out;
  Rule& rule = out.rule;
  rule.threshold = fraction("threshold", run.get("threshold", "1%"));
  rule.saved_layers = layers("keep-layers", run.get("keep-layers", "0+1"));
  rule.sinks = count("sinks", run.get("sinks", "4"));
  rule.window = count("recent", run.get("recent", "0"));
  rule.by_attention = run.is("rank", "attention", "position");
  rule.per_kv_head = true;
  rule.score_rows = count("score-rows", run.get("score-rows", "1"));
  rule.base_all = run.is("base", "all", "candidates");
  rule.round_metric = run.is("rounding", "bf16", "fp32");
  read_metric_rows(run, out);
  find_variant(out);
  return out;
}

Rule RunRule::at(int64_t keys) const {
  Rule at = rule;
  if (metric_share > 0) {
    // As kvreel counts a share: to the nearest, halves to even, and at least one.
    at.metric_rows = static_cast<int64_t>(std::nearbyint(metric_share * static_cast<double>(keys)));
  }
  at.metric_rows = std::clamp<int64_t>(at.metric_rows, 1, std::max<int64_t>(keys, 1));
  return at;
}

Variant own_variant(const RunRule& run) {
  for (const Variant& published : published_variants()) {
    if (published.name != run.variant) continue;
    Rule rule = published.rule;
    rule.threshold = run.rule.threshold;
    rule.saved_layers = run.rule.saved_layers;
    return make_variant(published.name, rule);
  }
  fail("no published variant is called '{}'", run.variant);
}

const std::array<Aspect, 8>& aspects() {
  // Rankings of positions are the same for every head and read no scores.
  static constexpr std::array<Aspect, 8> kAspects = {{
      {"rounding",
       [](const Rule& a, const Rule& b) {
         return a.round_metric != b.round_metric ||
                (a.by_attention && b.by_attention && a.round_scores != b.round_scores);
       },
       [](Rule& a, const Rule& b) {
         a.round_metric = b.round_metric;
         a.round_scores = b.round_scores;
       }},
      {"KV heads",
       [](const Rule& a, const Rule& b) {
         return a.by_attention && a.per_kv_head != b.per_kv_head;
       },
       [](Rule& a, const Rule& b) { a.per_kv_head = b.per_kv_head; }},
      {"window", [](const Rule& a, const Rule& b) { return a.window_shrinks != b.window_shrinks; },
       [](Rule& a, const Rule& b) { a.window_shrinks = b.window_shrinks; }},
      {"rows", [](const Rule& a, const Rule& b) { return a.metric_rows != b.metric_rows; },
       [](Rule& a, const Rule& b) { a.metric_rows = b.metric_rows; }},
      {"threshold", [](const Rule& a, const Rule& b) { return a.threshold != b.threshold; },
       [](Rule& a, const Rule& b) { a.threshold = b.threshold; }},
      {"layers", [](const Rule& a, const Rule& b) { return a.saved_layers != b.saved_layers; },
       [](Rule& a, const Rule& b) { a.saved_layers = b.saved_layers; }},
      {"base", [](const Rule& a, const Rule& b) { return a.base_all != b.base_all; },
       [](Rule& a, const Rule& b) { a.base_all = b.base_all; }},
      {"ranking",
       [](const Rule& a, const Rule& b) {
         return a.by_attention != b.by_attention || a.sinks != b.sinks || a.window != b.window ||
                (a.by_attention && a.score_rows != b.score_rows);
       },
       [](Rule& a, const Rule& b) {
         // Without a ranking by attention the two had no scores to differ in.
         if (!a.by_attention) {
           a.per_kv_head = b.per_kv_head;
           a.round_scores = b.round_scores;
         }
         a.by_attention = b.by_attention;
         a.sinks = b.sinks;
         a.window = b.window;
         a.score_rows = b.score_rows;
       }},
  }};
  return kAspects;
}

}  // namespace kvreel::exports
