// Text and JSON of the comparison.
#include "exports/reference/check_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "exports/tables/display.h"

namespace kvreel::exports {
namespace {

using nlohmann::ordered_json;

std::string reasons_text(const VariantReport& variant) {
  // Most frequent first; equally frequent ones by name.
  std::vector<std::pair<std::string, int64_t>> reasons(variant.reasons.begin(),
                                                       variant.reasons.end());
  std::ranges::stable_sort(reasons, std::greater{}, &std::pair<std::string, int64_t>::second);
  std::string text;
  for (const auto& [reason, count] : reasons) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, reason);
  }
  return text;
}

std::string distance_text(double distance) {
  return std::isnan(distance) ? "none" : fmt::format("{:.9f}", distance);
}

void add_differences(const VariantReport& variant, std::string& out) {
  if (variant.first.empty()) return;
  out +=
      fmt::format("    {}{}:\n",
                  variant.different > static_cast<int64_t>(variant.first.size()) ? "first of " : "",
                  variant.name);
  for (const Difference& at : variant.first) {
    out += fmt::format(
        "      sample {} ({}), layer {}: kvreel evicts {} of {} candidates, the released code {}; "
        "distance there {}, threshold {}: {}\n",
        at.sample, visible(at.sample_id), at.layer, at.cut, at.candidates, at.released,
        distance_text(at.distance), at.threshold, at.reason);
  }
}

void add_run(const RunReport& run, std::string& out) {
  out += fmt::format("\nrun {}\n  variant of the released code: {}\n", visible(run.run),
                     visible(run.variant));
  if (run.passes_without_rows > 0) {
    out +=
        fmt::format("  {} passes without attention rows were left out\n", run.passes_without_rows);
  }
  if (run.variants.empty()) return;
  out += fmt::format("  {:<22}{:>9}{:>8}{:>6}{:>11}{:>10}  {}\n", "variant", "decisions", "equal",
                     "ties", "different", "same cut", "why");
  for (const VariantReport& variant : run.variants) {
    const std::string name = variant.own ? variant.name + " *" : variant.name;
    if (!variant.not_compared.empty()) {
      out += fmt::format("  {:<22}{}\n", name, variant.not_compared);
      continue;
    }
    out += fmt::format("  {:<22}{:>9}{:>8}{:>6}{:>11}{:>10}  {}", name, variant.decisions,
                       variant.equal, variant.ties, variant.different, variant.same_cut,
                       reasons_text(variant));
    while (out.back() == ' ') out.pop_back();
    out += "\n";
  }
  for (const VariantReport& variant : run.variants) {
    if (variant.own) out += fmt::format("  * {}\n", variant.flags);
  }
  if (std::ranges::any_of(run.variants, [](const auto& v) { return !v.first.empty(); })) {
    out += "  differences\n";
    for (const VariantReport& variant : run.variants) add_differences(variant, out);
  }
}

ordered_json number_or_null(double value) {
  return std::isnan(value) ? ordered_json() : ordered_json(value);
}

ordered_json difference_json(const Difference& at) {
  return {{"sample", at.sample},
          {"sample_id", at.sample_id},
          {"layer", at.layer},
          {"candidates", at.candidates},
          {"cut", at.cut},
          {"released_cut", at.released},
          {"distance", number_or_null(at.distance)},
          {"threshold", at.threshold},
          {"reason", at.reason}};
}

ordered_json variant_json(const VariantReport& variant) {
  ordered_json out = {{"variant", variant.name}, {"flags", variant.flags}, {"own", variant.own}};
  if (!variant.not_compared.empty()) {
    out["not_compared"] = variant.not_compared;
    return out;
  }
  out["decisions"] = variant.decisions;
  out["equal"] = variant.equal;
  out["ties"] = variant.ties;
  out["different"] = variant.different;
  out["same_cut"] = variant.same_cut;
  out["unexplained"] = variant.unexplained;
  out["reasons"] = variant.reasons;
  out["differences"] = ordered_json::array();
  for (const Difference& at : variant.first) out["differences"].push_back(difference_json(at));
  return out;
}

}  // namespace

std::string render_check_text(const CheckReport& report) {
  std::string out = fmt::format(
      "{}: recorded decisions beside those of the code released with ReFreeKV (arXiv 2502.16886),\n"
      "recomputed from the recorded attention rows; distances within {} of a threshold are ties\n",
      visible(report.trace), report.tolerance);
  for (const RunReport& run : report.runs) add_run(run, out);
  return out;
}

ordered_json check_json(const CheckReport& report) {
  ordered_json out = {{"trace", report.trace},
                      {"tolerance", report.tolerance},
                      {"unexplained", report.unexplained()},
                      {"runs", ordered_json::array()}};
  for (const RunReport& run : report.runs) {
    ordered_json of_run = {{"run", run.run},
                           {"variant", run.variant},
                           {"passes_without_rows", run.passes_without_rows},
                           {"variants", ordered_json::array()}};
    for (const VariantReport& variant : run.variants) {
      of_run["variants"].push_back(variant_json(variant));
    }
    out["runs"].push_back(std::move(of_run));
  }
  return out;
}

}  // namespace kvreel::exports
