// How far a recording has come: a line that renews itself on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <string>

#include "engine/generate/experiment.h"

namespace kvreel::cli {

class ProgressLine {
 public:
  enum class Style { none, terminal, lines };

  // On a terminal a line no wider than it; elsewhere at most one line in ten seconds. Everything
  // goes to stderr.
  explicit ProgressLine(bool quiet);
  ~ProgressLine();

  void update(const engine::Progress& progress);
  // Tells how far a preparation is: "hashing the model", 0.4.
  void preparing(const std::string& what, double share);
  // Wipes the line, so that other output can be printed.
  void clear();

 private:
  void show(const std::string& text, bool important);

  Style style_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_shown_{};
  bool shown_ = false;
  bool started_ = false;
};

}  // namespace kvreel::cli
