// Ticks: extended Wilkinson, powers of two, decades.
#include "exports/plot/ticks.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "exports/plot/numbers.h"

namespace kvreel::plot {
namespace {

// Steps from the nicest on. Without 3 and 4: 0, 4, 8, 12 reads worse than 0, 5, 10.
constexpr double kAllSteps[] = {1, 5, 2, 2.5, 4, 3};
constexpr double kPlainSteps[] = {1, 5, 2, 2.5};

// The paper's scores, each at most 1; names as in its section 4.
struct Scores {
  double low, high;  // of the data
  int wanted;
  std::size_t steps;
  bool inside;

  static double sum(double simplicity, double coverage, double density) {
    return 0.25 * simplicity + 0.2 * coverage + 0.5 * density + 0.05;
  }
  double simplicity(std::size_t step, int skip, bool has_zero) const {
    return 1 - static_cast<double>(step) / static_cast<double>(steps - 1) - skip +
           (has_zero ? 1 : 0);
  }
  double coverage(double first, double last) const {
    const double unit = (inside ? 0.2 : 0.1) * (high - low);
    return 1 -
           0.5 * ((high - last) * (high - last) + (low - first) * (low - first)) / (unit * unit);
  }
  double most_coverage(double span) const {
    const double range = high - low;
    if (span <= range) return 1;
    const double half = (span - range) / 2;
    return 1 - half * half / (0.01 * range * range);
  }
  double density(int n, double first, double last) const {
    const double have = (n - 1) / (last - first);
    const double want = (wanted - 1) / (std::max(last, high) - std::min(first, low));
    return 2 - std::max(have / want, want / have);
  }
  double most_density(int n) const {
    return n >= wanted ? 2 - static_cast<double>(n - 1) / (wanted - 1) : 1;
  }
};

bool is_whole(double value) {
  return std::abs(value - std::round(value)) < 1e-9 * std::max(1., std::abs(value));
}

bool usable(double low, double high) {
  return std::isfinite(low) && std::isfinite(high) && high > low &&
         // Ticks closer than neighbouring doubles would never end.
         high - low > 1e-12 * std::max(std::abs(low), std::abs(high));
}

struct Labeling {
  double first = 0, step = 0;
  int n = 0;
};

std::vector<double> ticks_of(const Labeling& labeling) {
  std::vector<double> ticks;
  for (int i = 0; i < labeling.n; ++i) {
    // A multiple of the step, so that 0 is 0 and not 1e-17.
    const double tick = labeling.step * std::round(labeling.first / labeling.step + i);
    ticks.push_back(tick == 0 ? 0 : tick);
  }
  return ticks;
}

}  // namespace

std::vector<double> linear_ticks(double low, double high, int wanted, LinearOptions options) {
  if (!usable(low, high)) return {};
  wanted = std::max(wanted, 2);
  const std::span<const double> steps =
      options.odd_steps ? std::span<const double>(kAllSteps) : std::span<const double>(kPlainSteps);
  const Scores scores{low, high, wanted, steps.size(), options.inside};
  const double slack = (high - low) * 1e-9;
  // Multiples that skip make steps of 3 and 4 out of 1 and 2.
  const int most_skip = options.odd_steps ? 40 : 1;
  double best = -1e300;
  Labeling found;
  for (int skip = 1; skip <= most_skip; ++skip) {
    for (std::size_t s = 0; s < steps.size(); ++s) {
      const double simple = scores.simplicity(s, skip, true);
      if (Scores::sum(simple, 1, 1) < best) continue;
      for (int n = 2; n < 1000; ++n) {
        const double dense = scores.most_density(n);
        if (Scores::sum(simple, 1, dense) < best) break;
        const double delta = (high - low) / (n + 1) / skip / steps[s];
        for (double power = std::ceil(std::log10(delta));; power += 1) {
          const double step = skip * steps[s] * std::pow(10., power);
          const double span = step * (n - 1);
          if (Scores::sum(simple, scores.most_coverage(span), dense) < best) break;
          // No labeling of a span of more than three ranges covers anything well.
          if (span > 3 * (high - low)) break;
          const double least = std::floor(high / step) * skip - (n - 1) * skip;
          const double most = std::ceil(low / step) * skip;
          for (double start = least; start <= most; start += 1) {
            const double first = start * (step / skip);
            const double last = first + span;
            if (options.inside && (first < low - slack || last > high + slack)) continue;
            if (options.whole && (!is_whole(step) || !is_whole(first))) continue;
            const double zero = -first / step;
            const bool has_zero = first <= slack && last >= -slack && is_whole(zero);
            const double score =
                Scores::sum(scores.simplicity(s, skip, has_zero), scores.coverage(first, last),
                            scores.density(n, first, last));
            if (score > best) {
              best = score;
              found = {first, step, n};
            }
          }
        }
      }
    }
  }
  // With steps that skip, a first tick may lie between multiples of the step.
  if (found.n > 0 && !is_whole(found.first / found.step)) {
    std::vector<double> ticks;
    for (int i = 0; i < found.n; ++i) ticks.push_back(found.first + i * found.step);
    return ticks;
  }
  return ticks_of(found);
}

std::vector<double> binary_ticks(double low, double high, int most, double least) {
  if (!std::isfinite(low) || !std::isfinite(high) || high < low || most < 1) return {};
  double step = least;
  const auto count = [&] { return std::floor(high / step) - std::ceil(low / step) + 1; };
  while (count() > most) step *= 2;
  std::vector<double> ticks;
  for (double i = std::ceil(low / step - 1e-9); i * step <= high * (1 + 1e-12) + 1e-300; i += 1) {
    ticks.push_back(i * step + 0.);  // + 0: no negative zero
    if (static_cast<int>(ticks.size()) > most) break;
  }
  return ticks;
}

std::vector<std::vector<double>> log_ticks(double low, double high) {
  std::vector<std::vector<double>> choices;
  if (!(low > 0) || !(high > low) || !std::isfinite(high)) return choices;
  const double lowest = low * (1 - 1e-9), highest = high * (1 + 1e-9);
  const int first = static_cast<int>(std::floor(std::log10(low) - 1e-9));
  const int last = static_cast<int>(std::ceil(std::log10(high) + 1e-9));
  const auto add = [&](std::span<const double> digits, int every) {
    std::vector<double> ticks;
    for (int e = first; e <= last; ++e) {
      if (e % every != 0) continue;
      for (const double digit : digits) {
        // Division is exact to the last bit where 10^-e is not.
        const double tick = e < 0 ? digit / std::pow(10., -e) : digit * std::pow(10., e);
        if (tick >= lowest && tick <= highest) ticks.push_back(tick);
      }
    }
    if (ticks.size() >= 2 && (choices.empty() || ticks.size() < choices.back().size())) {
      choices.push_back(std::move(ticks));
    }
  };
  constexpr double kNine[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  constexpr double kThree[] = {1, 2, 5};
  constexpr double kOne[] = {1};
  if (high / low < 10) add(kNine, 1);
  add(kThree, 1);
  add(kOne, 1);
  for (const int every : {2, 3, 4, 5, 6, 8, 10, 20, 50, 100, 200, 300}) add(kOne, every);
  return choices;
}

std::vector<std::vector<double>> binary_log_ticks(double low, double high) {
  std::vector<std::vector<double>> choices;
  if (!(low > 0) || !(high > low) || !std::isfinite(high)) return choices;
  const int first = static_cast<int>(std::ceil(std::log2(low) - 1e-9));
  const int last = static_cast<int>(std::floor(std::log2(high) + 1e-9));
  for (int every = 1; every <= std::max(1, last - first); every *= 2) {
    std::vector<double> ticks;
    for (int e = first; e <= last; ++e) {
      if (e % every == 0) ticks.push_back(std::ldexp(1., e));
    }
    if (ticks.size() >= 2 && (choices.empty() || ticks.size() < choices.back().size())) {
      choices.push_back(std::move(ticks));
    }
  }
  return choices;
}

std::vector<double> minor_log_ticks(double low, double high, int most) {
  std::vector<double> ticks;
  if (!(low > 0) || !(high > low) || std::log10(high / low) > most) return ticks;
  for (double e = std::floor(std::log10(low)); e <= std::ceil(std::log10(high)); e += 1) {
    for (int digit = 2; digit <= 9; ++digit) {
      const double tick = digit * std::pow(10., e);
      if (tick >= low && tick <= high) ticks.push_back(tick);
    }
  }
  return ticks;
}

namespace {

std::vector<std::vector<double>> linear_choices(Format format, double low, double high,
                                                int wanted) {
  std::vector<std::vector<double>> choices;
  const auto add = [&](std::vector<double> ticks) {
    if (ticks.empty()) return;
    if (!choices.empty() && ticks.size() >= choices.back().size()) return;
    choices.push_back(std::move(ticks));
  };
  const double largest = std::max(std::abs(low), std::abs(high));
  const Unit unit = unit_of(format, largest);
  for (int n = std::max(wanted, 2); n >= 2; --n) {
    if (format == Format::tokens) {
      add(binary_ticks(low, high, n));
    } else if (format == Format::bytes && high - low >= unit.size) {
      // Quarters are the finest fractions that read well.
      add(binary_ticks(low, high, n, unit.size > 1 ? unit.size / 4 : 1));
    } else {
      const bool whole = format == Format::count || (format == Format::bytes && unit.size == 1);
      std::vector<double> ticks =
          linear_ticks(low / unit.size, high / unit.size, n, {.whole = whole});
      for (double& tick : ticks) tick *= unit.size;
      add(std::move(ticks));
    }
  }
  return choices;
}

}  // namespace

std::vector<std::vector<double>> tick_choices(Format format, Scale scale, double low, double high,
                                              int wanted) {
  std::vector<std::vector<double>> choices;
  if (scale == Scale::log) {
    choices = format == Format::tokens || format == Format::bytes ? binary_log_ticks(low, high)
                                                                  : log_ticks(low, high);
    std::erase_if(choices, [&](const std::vector<double>& ticks) {
      return static_cast<int>(ticks.size()) > std::max(wanted, 2);
    });
    // Less than a decade and nothing nice in it: as on a linear axis.
    if (!choices.empty() && choices.front().size() >= 3) return choices;
    std::vector<std::vector<double>> linear = linear_choices(format, low, high, wanted);
    // 0 is within rounding of a very small limit, but has no logarithm.
    for (std::vector<double>& ticks : linear) {
      std::erase_if(ticks, [](double tick) { return !(tick > 0); });
    }
    if (high / low > 10 && !choices.empty()) return choices;
    return linear.empty() ? choices : linear;
  }
  choices = linear_choices(format, low, high, wanted);
  if (!choices.empty()) return choices;
  // A range that holds no two whole numbers.
  const std::vector<double> one = binary_ticks(low, high, 4);
  if (!one.empty()) choices.push_back(one);
  if (choices.empty()) {
    const std::vector<double> ticks = linear_ticks(low, high, wanted);
    if (!ticks.empty()) choices.push_back(ticks);
  }
  return choices;
}

}  // namespace kvreel::plot
