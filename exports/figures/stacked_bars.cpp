// Times stacked in horizontal bars: parts in one order and one colour in all panels, the small
// ones joined.
#include "exports/figures/stacked_bars.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <string_view>
#include <utility>
#include <variant>

#include "exports/figures/pass_choice.h"

namespace kvreel::exports {
namespace {

constexpr size_t kMostParts = 6;
constexpr double kSmallShare = 0.02;
// Of a kernel's name, which may be a template's with all of its arguments.
constexpr size_t kNameWidth = 32;

struct Weight {
  double sum = 0;   // of the part's shares of the panels' time
  double most = 0;  // its largest share of a panel's longest bar
};

std::vector<double> totals_of(const StackedPanel& panel) {
  std::vector<double> totals(panel.bars.size(), 0);
  for (const auto& [name, values] : panel.parts) {
    for (size_t bar = 0; bar < totals.size(); ++bar) totals[bar] += values[bar];
  }
  for (size_t bar = 0; bar < panel.untimed.size(); ++bar) totals[bar] += panel.untimed[bar];
  return totals;
}

std::map<std::string, Weight> weights_of(const std::vector<StackedPanel>& panels) {
  std::map<std::string, Weight> weights;
  for (const StackedPanel& panel : panels) {
    const std::vector<double> totals = totals_of(panel);
    const double longest = *std::max_element(totals.begin(), totals.end());
    const double all = std::accumulate(totals.begin(), totals.end(), 0.0);
    if (!(longest > 0)) continue;
    for (const auto& [name, values] : panel.parts) {
      Weight& weight = weights[name];
      weight.sum += std::accumulate(values.begin(), values.end(), 0.0) / all;
      weight.most =
          std::max(weight.most, *std::max_element(values.begin(), values.end()) / longest);
    }
  }
  return weights;
}

struct Order {
  std::vector<std::string> shown;
  std::vector<std::string> joined;  // one alone is shown
};

Order order_of(const std::map<std::string, Weight>& weights) {
  std::vector<std::pair<std::string, Weight>> sorted(weights.begin(), weights.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second.sum > b.second.sum; });
  Order order;
  for (const auto& [name, weight] : sorted) {
    const bool small = weight.most < kSmallShare || order.shown.size() == kMostParts;
    (small ? order.joined : order.shown).push_back(name);
  }
  if (order.joined.size() == 1) {
    order.shown.push_back(order.joined.front());
    order.joined.clear();
  }
  return order;
}

// "void gemm<64>(Params)" -> "gemm<64>": a demangled name without the types of its call.
std::string_view bare_name(std::string_view name) {
  constexpr std::string_view kVoid = "void ";
  if (name.starts_with(kVoid)) name.remove_prefix(kVoid.size());
  int depth = 0;
  for (size_t i = name.ends_with(')') ? name.size() : 0; i-- > 1;) {
    if (name[i] == ')') ++depth;
    if (name[i] == '(' && --depth == 0) return name[i - 1] == ' ' ? name : name.substr(0, i);
  }
  return name;
}

// Short names, markup, that still tell them apart.
std::map<std::string, std::string> series_of(const std::vector<std::string>& names) {
  std::map<std::string, std::string> series;
  std::set<std::string> taken = {"other", "untimed"};
  for (const std::string& name : names) {
    const std::string bare = shown(bare_name(name), kNameWidth);
    std::string cut = bare;
    for (int again = 2; taken.contains(cut); ++again) cut = fmt::format("{} ({})", bare, again);
    taken.insert(cut);
    series[name] = cut;
  }
  return series;
}

// One unit for the labels of a panel, as its axis has one.
struct Unit {
  double ns;
  std::string_view name;
};
Unit unit_of(double most) {
  if (most < 800) return {1, "ns"};
  if (most < 800e3) return {1e3, "\u00b5s"};
  if (most < 800e6) return {1e6, "ms"};
  return {1e9, "s"};
}

std::string three_digits(double value) {
  return fmt::format("{:.{}f}", value, value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0);
}

// Puts bars on what has been stacked so far.
class Stack {
 public:
  explicit Stack(size_t bars) : top_(bars, 0) {}

  void add(plot::Panel& panel, const std::string& series, const std::vector<double>& values,
           plot::Ink ink = plot::Ink::series) {
    plot::Bars bars;
    bars.series = series;
    bars.horizontal = true;
    bars.ink = ink;
    for (size_t bar = 0; bar < top_.size(); ++bar) {
      bars.at.push_back(static_cast<double>(bar));
      bars.base.push_back(top_[bar]);
      top_[bar] += values[bar];
      bars.top.push_back(top_[bar]);
    }
    panel.marks.emplace_back(std::move(bars));
  }
  // The whole bar's time, at the end of the mark that was added last.
  void label(plot::Panel& panel) const {
    if (panel.marks.empty()) return;
    auto& bars = std::get<plot::Bars>(panel.marks.back());
    const Unit unit = unit_of(*std::max_element(top_.begin(), top_.end()));
    for (const double total : top_)
      bars.labels.push_back(fmt::format("{} {}", three_digits(total / unit.ns), unit.name));
  }

 private:
  std::vector<double> top_;
};

}  // namespace

void add_stacked(plot::Figure& figure, const std::vector<StackedPanel>& panels) {
  const Order order = order_of(weights_of(panels));
  const std::map<std::string, std::string> series = series_of(order.shown);
  for (const StackedPanel& stacked : panels) {
    plot::Panel panel;
    panel.title = stacked.title;
    panel.x = {.label = stacked.axis, .format = plot::Format::duration, .from_zero = true};
    panel.y = {.reversed = true, .categories = stacked.bars};
    panel.height = 1.2 * static_cast<double>(stacked.bars.size()) /
                   static_cast<double>(panels.front().bars.size());
    Stack stack(stacked.bars.size());
    const std::vector<double> nothing(stacked.bars.size(), 0);
    for (const std::string& name : order.shown) {
      // Also what is not in this panel, so that the legend has the order of the bars.
      const auto part = stacked.parts.find(name);
      stack.add(panel, series.at(name), part == stacked.parts.end() ? nothing : part->second);
    }
    std::vector<double> other = nothing;
    for (const std::string& name : order.joined) {
      const auto part = stacked.parts.find(name);
      if (part == stacked.parts.end()) continue;
      for (size_t bar = 0; bar < other.size(); ++bar) other[bar] += part->second[bar];
    }
    if (!order.joined.empty()) stack.add(panel, "other", other, plot::Ink::neutral);
    if (!stacked.untimed.empty()) stack.add(panel, "untimed", stacked.untimed, plot::Ink::faint);
    stack.label(panel);
    figure.panels.push_back(std::move(panel));
  }
  figure.rows = figure.panels.size();
  if (!order.joined.empty()) {
    constexpr size_t kMostNamed = 8;
    std::string names;
    for (size_t i = 0; i < std::min(order.joined.size(), kMostNamed); ++i)
      names += (i > 0 ? ", " : "") + shown(bare_name(order.joined[i]), kNameWidth);
    if (order.joined.size() > kMostNamed)
      names += fmt::format(" and {} more", order.joined.size() - kMostNamed);
    figure.remarks.push_back(fmt::format("Other: {}.", names));
  }
}

}  // namespace kvreel::exports
