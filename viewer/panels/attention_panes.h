// The panes of the attention page.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "viewer/model/attention_view.h"
#include "viewer/panels/ui.h"

namespace kvreel::viewer {

// What a frame of the page shows.
struct AttentionShown {
  PassKey key;
  std::shared_ptr<const Overview> overview;
  std::shared_ptr<const AttentionNorms> norms;
  std::shared_ptr<const AttentionNorms> reference;  // null: no difference is asked for, or known
  std::shared_ptr<const PassDetail> pass;
  int metric = 0;
  int step_row = -1;  // of norms->steps
  int32_t step = 0;
};

// " · prefill of run full": whose attention is shown, where a run shares the prefill of another and
// the step is that prefill; "" else.
std::string prefill_owner_text(const AttentionShown& shown);

// Layers x query heads at one step.
class NormMapPane {
 public:
  void draw(Frame& frame, const Rect& area, const AttentionShown& shown);

 private:
  void draw_bar(Frame& frame, Rect area, const char* unit);

  NormGrid grid_;
  std::shared_ptr<const AttentionNorms> of_;
  std::shared_ptr<const AttentionNorms> reference_;
  int metric_ = -1;
  int step_row_ = -1;
  uint64_t version_ = 0;
};

// One layer's heads over steps.
class NormLinesPane {
 public:
  void draw(Frame& frame, const Rect& area, const AttentionShown& shown);

 private:
  void draw_lines(Frame& frame, const Rect& plot);

  NormLines lines_;
  std::shared_ptr<const AttentionNorms> of_;
  std::shared_ptr<const AttentionNorms> reference_;
  int metric_ = -1;
  int layer_ = -1;
};

// The last query row's probabilities by token.
class AttentionRowPane {
 public:
  void draw(Frame& frame, const Rect& area, const AttentionShown& shown);

 private:
  void refresh(Frame& frame, const AttentionShown& shown,
               const std::shared_ptr<const AttentionRowSet>& rows, int head);
  void draw_bars(Frame& frame, const Rect& area);
  void draw_top(Frame& frame, const Rect& area, const Prompt* prompt, const PassDetail& pass);
  int32_t position_of(size_t key) const;
  TokenState state_of(size_t key) const;
  std::string token_text(const Prompt* prompt, const PassDetail& pass, size_t key) const;

  AttentionRow row_;
  std::vector<TokenState> states_;
  std::vector<size_t> top_;
  std::vector<RowColumn> columns_;
  size_t column_count_ = 0;
  std::shared_ptr<const AttentionRowSet> of_;
  std::shared_ptr<const PassDetail> pass_;
  int32_t layer_ = -1;
  int32_t step_ = -1;
  int head_ = -2;
  bool log_ = true;
};

}  // namespace kvreel::viewer
