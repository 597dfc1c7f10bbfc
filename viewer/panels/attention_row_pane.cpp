// The last query row's probabilities by token, and its largest ones.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "viewer/data/token_text.h"
#include "viewer/model/ticks.h"
#include "viewer/panels/attention_panes.h"

namespace kvreel::viewer {
namespace {

constexpr size_t kTop = 10;
constexpr float kLeastLog = -6;  // of log10: below it bars have no height

ImU32 state_color(const Palette& p, TokenState state) {
  switch (state) {
    case TokenState::kept:
      return p.kept;
    case TokenState::evicted:
      return p.evicted;
    case TokenState::sink:
      return p.sink;
    case TokenState::generated:
      return p.text2;
  }
  return p.text2;
}

const char* state_name(TokenState state) {
  constexpr const char* kNames[] = {"kept", "evicted", "sink", "generated"};
  return kNames[static_cast<size_t>(state)];
}

std::string percent_text(double share) {
  return share >= 0.001 ? fmt::format("{:.2f} %", 100 * share)
                        : fmt::format("{:.2g} %", 100 * share);
}

// Round numbers of keys between labels.
size_t label_every(size_t keys, float labels) {
  const auto least = static_cast<size_t>(static_cast<float>(keys) / std::max(1.f, labels));
  for (size_t step = 1;; step *= 10) {
    for (const size_t factor : {1u, 2u, 5u}) {
      if (step * factor > least) return step * factor;
    }
  }
}

}  // namespace

int32_t AttentionRowPane::position_of(size_t key) const {
  return key < row_.position.size() ? row_.position[key] : -1;
}

TokenState AttentionRowPane::state_of(size_t key) const {
  const int32_t position = position_of(key);
  if (position < 0) return TokenState::kept;
  const auto at = static_cast<size_t>(position);
  return at < states_.size() ? states_[at] : TokenState::generated;
}

std::string AttentionRowPane::token_text(const Prompt* prompt, const PassDetail& pass,
                                         size_t key) const {
  const int32_t position = position_of(key);
  if (position < 0) return "-";
  const auto at = static_cast<size_t>(position);
  const auto prompt_tokens = static_cast<size_t>(pass.info.prompt_tokens);
  if (at < prompt_tokens) {
    return prompt != nullptr && at < prompt->size() ? display_piece(prompt->piece(at)) : "-";
  }
  const size_t generated = at - prompt_tokens;
  return generated < pass.pieces.rows() ? display_piece(pass.pieces.at(generated)) : "-";
}

void AttentionRowPane::refresh(Frame& frame, const AttentionShown& shown,
                               const std::shared_ptr<const AttentionRowSet>& rows, int head) {
  const View& view = frame.session.view();
  if (of_ == rows && pass_ == shown.pass && layer_ == view.layer && step_ == shown.step &&
      head_ == head) {
    return;
  }
  of_ = rows;
  pass_ = shown.pass;
  layer_ = view.layer;
  step_ = shown.step;
  head_ = head;
  const Overview& overview = *shown.overview;
  row_ = attention_row(*rows, *pass_, step_, layer_, head, overview.query_heads, overview.kv_heads);
  const RunInfo* run = frame.session.run_info(view.run);
  const int32_t sinks = run == nullptr ? 0 : std::atoi(run->parameter("sinks").c_str());
  states_ = token_states(*pass_, layer_, head, overview.query_heads, overview.kv_heads,
                         pass_->info.prompt_tokens, sinks);
  top_ = top_keys(row_.probability, kTop);
  column_count_ = 0;
}

std::string prefill_owner_text(const AttentionShown& shown) {
  const int32_t owner = shown.pass->info.prefill_run;
  if (shown.step != 0 || owner < 0) return "";
  return fmt::format(" · prefill of run {}, which this run shares",
                     shown.overview->runs.at(static_cast<size_t>(owner)).name);
}

void AttentionRowPane::draw(Frame& frame, const Rect& area, const AttentionShown& shown) {
  const View& view = frame.session.view();
  const int head = view.head < shown.overview->query_heads ? view.head : -1;
  const auto rows = frame.library.attention_rows(shown.key, shown.step, view.layer);
  std::string caption =
      fmt::format("probabilities of the last query row · step {} · layer {} · {}", shown.step,
                  view.layer, head < 0 ? "mean over heads" : fmt::format("head {}", head));
  caption += prefill_owner_text(shown);
  if (rows) refresh(frame, shown, rows.value, head);
  if (rows && row_.any) {
    caption += fmt::format(" · {} keys", grouped(static_cast<int64_t>(row_.probability.size())));
    if (row_.position.empty()) caption += ", whose positions the trace does not tell";
    if (column_count_ > 0 && column_count_ < row_.probability.size()) {
      caption += fmt::format(", max over {:.0f} per pixel",
                             std::ceil(static_cast<double>(row_.probability.size()) /
                                       static_cast<double>(column_count_)));
    }
  }
  Rect inner = pane(frame, "attention.row", area, "Attention by token", caption);
  if (!ready(frame, inner, rows)) return;
  if (!row_.any) {
    message(frame, inner, "No attention rows",
            shown.overview->attention_rows == 0
                ? "This trace has none: `kvreel record --attention-rows` records them."
                : "None were recorded of this step and layer. Those of decode steps need `kvreel "
                  "record --attention-rows --decode-norms`.");
    return;
  }
  const auto prompt = frame.session.prompt();
  const float side = std::min(frame.px(340), inner.w * 0.36f);
  draw_top(frame, inner.take_right(side), prompt.value.get(), *shown.pass);
  inner.take_right(frame.px(20));
  draw_bars(frame, inner);
  const Hover& next = frame.session.next_hover();
  if (next.token && frame.items.find("attention.bars") != nullptr &&
      frame.items.find("attention.bars")->rect.contains(ImGui::GetIO().MousePos)) {
    const auto key = std::lower_bound(row_.position.begin(), row_.position.end(), *next.token);
    const auto at = static_cast<size_t>(key - row_.position.begin());
    if (at < row_.probability.size()) {
      tooltip(frame, fmt::format("{}\nposition {} · {}\n{}",
                                 token_text(prompt.value.get(), *shown.pass, at), *next.token,
                                 state_name(state_of(at)), percent_text(row_.probability[at])));
    }
  }
}

void AttentionRowPane::draw_bars(Frame& frame, const Rect& area) {
  const Palette& p = frame.palette();
  Session& session = frame.session;
  ImDrawList& list = *ImGui::GetWindowDrawList();
  ImFont* const font = frame.theme.fonts.small;
  Rect plot = area;
  const Rect head = plot.take_top(frame.px(24));
  const Rect left = plot.take_left(frame.px(56));
  const Rect bottom = plot.take_bottom(frame.px(20));
  if (plot.w < frame.px(20) || plot.h < frame.px(20)) return;
  plot.w = std::floor(plot.w);
  ImGui::SetCursorScreenPos({head.right() - frame.px(50), head.y - frame.px(4)});
  toggle(frame, "attention.log", "log", log_, "Probabilities from 1e-6 on a logarithmic axis");
  // Legend.
  float x = plot.x;
  for (const TokenState state : {TokenState::kept, TokenState::evicted, TokenState::sink}) {
    const float box = frame.px(10);
    const float y = std::round(head.y + frame.px(3));
    list.AddRectFilled({x, y}, {x + box, y + box}, state_color(p, state), frame.px(2));
    draw_text(list, font, {x + box + frame.px(5), head.y}, p.text2, state_name(state));
    x += box + frame.px(19) + text_width(font, state_name(state));
  }
  draw_text(list, font, {x, head.y}, p.text2, "by this layer's decision");

  const size_t n = row_.probability.size();
  const auto pixels = static_cast<size_t>(plot.w);
  if (column_count_ != std::min(pixels, n)) {
    column_count_ = std::min(pixels, n);
    columns_ = row_columns(row_.probability, pixels);
  }
  const float most = top_.empty() ? 0 : row_.probability[top_.front()];
  const float top_log = std::max(kLeastLog + 1, std::log10(std::max(most, 1e-12f)));
  const auto height_of = [&](float probability) {
    if (!(probability > 0) || !(most > 0)) return 0.f;
    if (!log_) return probability / most * plot.h;
    return std::max(0.f, (std::log10(probability) - kLeastLog) / (top_log - kLeastLog)) * plot.h;
  };
  const auto tick = [&](float value, const std::string& label) {
    const float y = plot.bottom() - height_of(value);
    horizontal_line(list, plot.x, plot.right(), y, p.grid);
    draw_text(list, font, {left.right() - frame.px(8), y - font->FontSize / 2}, p.text2, label,
              Align::right);
  };
  if (log_) {
    for (int e = static_cast<int>(kLeastLog); static_cast<float>(e) <= top_log; ++e) {
      tick(std::pow(10.f, static_cast<float>(e)), fmt::format("1e{}", e));
    }
  } else if (most > 0) {
    const float rough = most / 4;
    float step = std::pow(10.f, std::floor(std::log10(rough)));
    while (step < rough) step *= step * 2 >= rough ? 2.f : 2.5f;
    for (float value = step; value <= most; value += step)
      tick(value, fmt::format("{:.3g}", value));
  }
  horizontal_line(list, plot.x, plot.right(), plot.bottom(), p.line);
  // Bars: a column of pixels each where there are more keys than pixels.
  const double per_key = static_cast<double>(plot.w) / static_cast<double>(column_count_);
  for (size_t c = 0; c < columns_.size(); ++c) {
    const float height = height_of(columns_[c].probability);
    if (height < 0.5f) continue;
    const float x0 = plot.x + static_cast<float>(std::floor(static_cast<double>(c) * per_key));
    float x1 = plot.x + static_cast<float>(std::floor(static_cast<double>(c + 1) * per_key));
    if (x1 - x0 >= 3) x1 -= 1;
    list.PrimReserve(6, 4);
    list.PrimRect({x0, std::round(plot.bottom() - height)}, {x1, plot.bottom()},
                  state_color(p, state_of(columns_[c].key)));
  }
  const auto x_of_key = [&](size_t key) {
    return plot.x + static_cast<float>((static_cast<double>(key) + 0.5) / static_cast<double>(n) *
                                       static_cast<double>(plot.w));
  };
  const size_t every = label_every(n, plot.w / frame.px(70));
  for (size_t key = 0; key < n; key += every) {
    const int32_t position = position_of(key);
    std::string label = std::to_string(position >= 0 ? position : static_cast<int32_t>(key));
    if (key == 0) label = (position >= 0 ? "token " : "key ") + label;
    draw_text(list, font, {x_of_key(key), bottom.y + frame.px(3)}, p.text2, label,
              key == 0 ? Align::left : Align::center);
  }
  const auto mark = [&](std::optional<int32_t> token, ImU32 color) {
    if (!token || row_.position.empty()) return;
    const auto at = std::lower_bound(row_.position.begin(), row_.position.end(), *token);
    if (at == row_.position.end() || *at != *token) return;
    vertical_line(list, x_of_key(static_cast<size_t>(at - row_.position.begin())), plot.y,
                  plot.bottom(), color);
  };
  if (session.view().token >= 0) mark(session.view().token, p.accent);
  mark(session.hover().token, p.text2);
  const Canvas over = canvas(frame, "attention.bars", plot);
  if (!over.hovered || n == 0) return;
  const auto column = std::min(
      columns_.size() - 1,
      static_cast<size_t>(std::max(0., static_cast<double>(over.mouse.x - plot.x) / per_key)));
  const int32_t position = position_of(columns_[column].key);
  if (position < 0) return;
  session.next_hover().token = position;
  if (over.clicked && static_cast<size_t>(position) < states_.size())
    session.select_token(position);
}

void AttentionRowPane::draw_top(Frame& frame, const Rect& area, const Prompt* prompt,
                                const PassDetail& pass) {
  const Palette& p = frame.palette();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  ImFont* const font = frame.theme.fonts.text;
  ImFont* const small = frame.theme.fonts.small;
  Rect rest = area;
  const Rect head = rest.take_top(frame.px(20));
  const float share_x = area.right() - frame.px(92);
  draw_text(list, small, head.min(), p.text2, fmt::format("largest {}", top_.size()));
  draw_text(list, small, {share_x, head.y}, p.text2, "probability", Align::right);
  draw_text(list, small, {area.right(), head.y}, p.text2, "cumulative", Align::right);
  horizontal_line(list, area.x, area.right(), head.bottom() - 2, p.line);
  const float height = std::round(font->FontSize + frame.px(4));
  double sum = 0;
  for (size_t i = 0; i < top_.size(); ++i) {
    if (rest.h < height) break;
    const size_t key = top_[i];
    const Rect line = rest.take_top(height);
    sum += static_cast<double>(row_.probability[key]);
    const int32_t position = position_of(key);
    const bool here = position >= 0 && (frame.session.hover().token == position ||
                                        frame.session.view().token == position);
    const std::string name = "attention.top." + std::to_string(i);
    const Canvas over = canvas(frame, name.c_str(), line);
    if (here || over.hovered) {
      list.AddRectFilled({line.x - frame.px(4), line.y},
                         {line.right() + frame.px(4), line.bottom()}, p.selected, frame.px(4));
    }
    if (over.hovered && position >= 0) frame.session.next_hover().token = position;
    if (over.clicked && position >= 0 && static_cast<size_t>(position) < states_.size()) {
      frame.session.select_token(position);
    }
    const float box = frame.px(10);
    const float text_y = std::round(line.y + (line.h - font->FontSize) / 2);
    const float y = std::round(line.y + (line.h - box) / 2);
    list.AddRectFilled({line.x, y}, {line.x + box, y + box}, state_color(p, state_of(key)),
                       frame.px(2));
    const std::string text = token_text(prompt, pass, key);
    const std::string at = position >= 0 ? std::to_string(position) : "-";
    draw_text(list, small, {line.x + frame.px(56), line.y + frame.px(3)}, p.text2, at,
              Align::right);
    draw_text_fitted(list, font, {line.x + frame.px(66), text_y},
                     share_x - frame.px(80) - line.x - frame.px(66), p.text, text);
    draw_text(list, font, {share_x, text_y}, p.text, percent_text(row_.probability[key]),
              Align::right);
    draw_text(list, font, {line.right(), text_y}, p.text2, fmt::format("{:.1f} %", 100 * sum),
              Align::right);
    frame.items.add(name, line, text + " " + percent_text(row_.probability[key]));
  }
}

}  // namespace kvreel::viewer
