// How far a recording has come: a line that renews itself on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "engine/generate/experiment.h"

namespace kvreel::cli {

class ProgressLine {
 public:
  enum class Style { none, terminal, lines };

  // On a terminal a line no wider than it; elsewhere at most one line in ten seconds. Everything
  // goes to stderr.
  explicit ProgressLine(bool quiet);
  ~ProgressLine();

  // Share, time left where there is something to judge it by, sample, passes, and what runs.
  void update(const engine::Progress& progress);
  // Tells how far a preparation is: "hashing the model", 0.4.
  void preparing(const std::string& what, double share);
  // Wipes the line, so that other output can be printed.
  void clear();

 private:
  // The most important part first; parts that do not fit are left out, the name behind them is cut.
  void show(const std::vector<std::string>& parts, const std::string& name, bool important);

  Style style_;
  std::chrono::steady_clock::time_point last_shown_{};
  bool shown_ = false;
};

}  // namespace kvreel::cli
