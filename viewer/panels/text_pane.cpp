// The prompt as token chips, kept or evicted; the find field; what the model said.
#include "viewer/panels/replay_parts.h"

#include <fmt/format.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <cmath>

#include "viewer/data/token_text.h"
#include "viewer/model/ticks.h"
#include "viewer/panels/glyphs.h"

namespace kvreel::viewer {
namespace {

constexpr float kTextGap = 3;      // px between chips
constexpr float kTextPadding = 4;  // px inside a chip, on both sides
constexpr float kTextLead = 3;     // px more before a word
constexpr float kTextRow = 23;     // px from row to row
constexpr float kChip = 20;        // px of a chip

// One space before a word is what the room before its chip stands for; other spaces are seen.
std::string chip_text(std::string_view piece, bool& word) {
  word = piece.size() > 1 && piece[0] == ' ' && piece[1] != ' ';
  std::string text = display_piece(word ? piece.substr(1) : piece);
  if (text.find_first_not_of(' ') == std::string::npos) {
    std::string dots;
    for (size_t i = 0; i < text.size(); ++i) dots += "\u00b7";
    return dots;
  }
  return text;
}

}  // namespace

void TextPane::prepare(Frame& frame, const ReplayScene& scene, float width) {
  ImFont* const font = frame.theme.fonts.text;
  const bool other_prompt = prompt_ != scene.prompt;
  if (other_prompt) {
    prompt_ = scene.prompt;
    shown_.clear();
    leads_.clear();
    ends_row_.clear();
    shown_.reserve(prompt_->size());
    for (size_t token = 0; token < prompt_->size(); ++token) {
      bool word = false;
      shown_.push_back(chip_text(prompt_->piece(token), word));
      leads_.push_back(word ? kTextLead : 0);
      ends_row_.push_back(ends_line(prompt_->piece(token)) ? 1 : 0);
    }
    joined_ = JoinedText(*prompt_);
    matches_ = joined_.find(query_);
    match_ = -1;
    scrolled_to_ = -1;
    matched_.assign(prompt_->size(), 0);
    for (const Match& match : matches_) {
      std::fill(matched_.begin() + match.first, matched_.begin() + match.last + 1, uint8_t{1});
    }
  }
  if (!other_prompt && font_ == font && glyphs_ == font->Glyphs.Size &&
      font_size_ == font->FontSize && width_ == width) {
    return;
  }
  font_ = font;
  glyphs_ = font->Glyphs.Size;
  font_size_ = font->FontSize;
  width_ = width;
  std::unordered_map<std::string_view, float> widths;
  std::vector<float> of_token;
  std::vector<float> leads;
  of_token.reserve(shown_.size());
  for (size_t token = 0; token < shown_.size(); ++token) {
    const auto [found, is_new] = widths.try_emplace(shown_[token], 0.f);
    if (is_new) found->second = std::ceil(text_width(font, shown_[token]));
    of_token.push_back(found->second + 2 * frame.px(kTextPadding));
    leads.push_back(frame.px(leads_[token]));
  }
  flow_ = flow_tokens(of_token, leads, ends_row_, width, frame.px(kTextGap));
  scroll_ = true;
}

void TextPane::go_to_match(const ReplayScene& scene, int step) {
  if (matches_.empty()) return;
  const auto count = static_cast<int>(matches_.size());
  match_ = match_ < 0 ? (step > 0 ? 0 : count - 1) : (match_ + step + count) % count;
  scene.session.select_token(matches_[static_cast<size_t>(match_)].first);
  scroll_ = true;
}

void TextPane::draw_find(Frame& frame, const Rect& rect, const ReplayScene& scene) {
  if (frame.pressed({KeyPress::kSlash})) focus_find_ = true;
  ImGui::SetCursorScreenPos(rect.min());
  ImGui::PushFont(frame.theme.fonts.small);
  ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, {frame.px(7), frame.px(3)});
  if (focus_find_) {
    ImGui::SetKeyboardFocusHere();
    focus_find_ = false;
  }
  const std::string before = query_;
  ImGui::SetNextItemWidth(rect.w);
  const bool entered = ImGui::InputTextWithHint(
      "##replay.find", "Find in the prompt  /", &query_,
      ImGuiInputTextFlags_EnterReturnsTrue | ImGuiInputTextFlags_AutoSelectAll);
  frame.items.add("replay.find", rect, query_);
  ImGui::PopStyleVar();
  ImGui::PopFont();
  if (query_ != before) {
    matches_ = joined_.find(query_);
    matched_.assign(prompt_->size(), 0);
    for (const Match& match : matches_) {
      std::fill(matched_.begin() + match.first, matched_.begin() + match.last + 1, uint8_t{1});
    }
    match_ = -1;
    go_to_match(scene, 1);
  } else if (entered) {
    go_to_match(scene, ImGui::GetIO().KeyShift ? -1 : 1);
  } else if (!query_.empty()) {
    if (frame.pressed({KeyPress::kEnter})) go_to_match(scene, 1);
    if (frame.pressed({KeyPress::kEnter, true})) go_to_match(scene, -1);
  }
  if (entered) focus_find_ = true;  // Enter again goes on
}

void TextPane::draw(Frame& frame, const Rect& rect, const ReplayScene& scene) {
  Session& session = scene.session;
  View& view = session.view();
  const int layer = std::clamp(scene.layer(), 0, scene.layers() - 1);
  std::string caption;
  if (view.text_all_layers) {
    caption = fmt::format("share of {} layers that keep a token", scene.layers());
  } else {
    const int32_t evicted = scene.run.evicted(layer);
    caption = fmt::format("layer {} \u00b7 {} of {} tokens evicted{}", layer, grouped(evicted),
                          grouped(scene.tokens()),
                          scene.run.index().lanes(layer).size() > 1 ? " by a KV head" : "");
  }
  caption +=
      fmt::format(" \u00b7 showing {}\u2013{}", grouped(first_visible_), grouped(last_visible_));
  const float find = std::min(frame.px(220), rect.w * 0.25f);
  const float found = query_.empty() ? 0 : frame.px(74);
  const float toggles = small_controls_width(frame, {"strike", "all layers"}) + frame.px(8);
  PaneArea area =
      pane_with_controls(frame, "replay.text", rect, "Prompt", caption, find + found + toggles);
  begin_small_controls(frame, area.controls.min());
  toggle(frame, "replay.text.strike", "strike", view.text_strike,
         "Strike through tokens that are gone from every head shown");
  ImGui::SameLine();
  toggle(frame, "replay.text.all", "all layers", view.text_all_layers,
         "Share of layers that keep a token");
  end_small_controls();
  if (found > 0) {
    const std::string count =
        matches_.empty() ? "no match" : fmt::format("{} of {}", match_ + 1, matches_.size());
    draw_text(*ImGui::GetWindowDrawList(), frame.theme.fonts.small,
              {area.controls.right() - find - frame.px(8), area.controls.y + frame.px(4)},
              matches_.empty() ? frame.palette().warning : frame.palette().text2, count,
              Align::right);
    frame.items.add("replay.find.count", area.controls, count);
  }

  Rect content = area.content;
  const bool roomy = content.h > frame.px(150);
  const Rect output = content.take_bottom(roomy ? frame.px(60) : 0);
  const float scrollbar = ImGui::GetStyle().ScrollbarSize + frame.px(4);
  prepare(frame, scene, std::max(content.w - scrollbar, frame.px(60)));
  draw_find(frame, area.controls.take_right(find), scene);
  draw_chips(frame, content, scene);
  if (roomy) draw_output(frame, output, scene);
}

void TextPane::draw_chips(Frame& frame, const Rect& rect, const ReplayScene& scene) {
  Session& session = scene.session;
  const float row_height = frame.px(kTextRow);
  ImGui::SetCursorScreenPos(rect.min());
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {0, 0});
  ImGui::BeginChild("replay.chips", {rect.w, rect.h}, false, ImGuiWindowFlags_NoBackground);
  ImGui::PopStyleVar();
  if (session.view().token != scrolled_to_) {
    scrolled_to_ = session.view().token;
    scroll_ = true;
  }
  const int32_t chosen_row = flow_.row_of(session.view().token);
  if (scroll_ && chosen_row >= 0) {
    const float at = row_height * static_cast<float>(chosen_row);
    if (at < ImGui::GetScrollY() || at + row_height > ImGui::GetScrollY() + rect.h) {
      ImGui::SetScrollY(std::max(0.f, at - rect.h / 2));
    }
  }
  scroll_ = false;
  const ImVec2 origin = ImGui::GetCursorScreenPos();
  ImGui::Dummy({1, row_height * static_cast<float>(flow_.rows())});
  ImDrawList& list = *ImGui::GetWindowDrawList();

  const float scroll = rect.y - origin.y;
  const int32_t first_row =
      std::clamp(static_cast<int32_t>(scroll / row_height), 0, std::max(flow_.rows() - 1, 0));
  const int32_t end_row =
      std::min(flow_.rows(), static_cast<int32_t>(std::ceil((scroll + rect.h) / row_height)) + 1);
  // A pixel less than the child, which would else scroll by what it rounds off.
  const Canvas c = canvas(frame, "replay.chips", {rect.x, rect.y, width_, std::floor(rect.h) - 1});
  if (c.hovered || c.clicked) {
    const auto row = static_cast<int32_t>((c.mouse.y - origin.y) / row_height);
    const int32_t token = flow_.token_at(row, c.mouse.x - origin.x, frame.px(kTextGap));
    if (token >= 0 && token < scene.tokens()) {
      session.next_hover().token = token;
      const int layer = std::clamp(scene.layer(), 0, scene.layers() - 1);
      const int32_t order = scene.run.index().order(layer, token);
      const SharedCharacters shared =
          shared_characters(scene.prompt->pieces, static_cast<size_t>(token));
      session.next_hover().text = fmt::format(
          "token {} {}{} \u00b7 layer {}: {}{}", grouped(token), scene.token_name(token),
          shared ? fmt::format(" (part of {})", display_piece(shared.text)) : "", layer,
          token < scene.run.index().sinks(layer) ? "sink"
          : order == kNever                      ? "never a candidate"
          : order < scene.run.cut(layer)
              ? fmt::format("evicted {} of {}", ordinal(int64_t{order} + 1),
                            grouped(scene.run.cut(layer)))
              : "kept",
          order != kNever && order >= scene.run.cut(layer)
              ? fmt::format(", {} in the order of eviction", ordinal(int64_t{order} + 1))
              : "");
      if (c.clicked) {
        session.select_token(token);
        scrolled_to_ = token;  // it is in view already
      }
    }
  }

  first_visible_ = flow_.rows() > 0 ? flow_.first[static_cast<size_t>(first_row)] : 0;
  last_visible_ = first_visible_;
  for (int32_t row = first_row; row < end_row; ++row) {
    const float y = origin.y + row_height * static_cast<float>(row);
    for (int32_t token = flow_.first[static_cast<size_t>(row)];
         token < flow_.first[static_cast<size_t>(row) + 1]; ++token) {
      const auto at = static_cast<size_t>(token);
      const Rect chip{std::round(origin.x + flow_.x[at]), std::round(y),
                      std::round(flow_.width[at]), frame.px(kChip)};
      draw_chip(frame, list, chip, scene, token);
      last_visible_ = token;
    }
  }
  ImGui::EndChild();
}

void TextPane::draw_chip(Frame& frame, ImDrawList& list, const Rect& chip, const ReplayScene& scene,
                         int32_t token) {
  const Palette& p = frame.palette();
  const Session& session = scene.session;
  const bool all = session.view().text_all_layers;
  const int layer = std::clamp(scene.layer(), 0, scene.layers() - 1);
  const bool has_state = token < scene.tokens();
  double share = 1;
  if (has_state && all) {
    int kept = 0;
    for (int l = 0; l < scene.layers(); ++l) kept += scene.run.map().at(l, token);
    share = static_cast<double>(kept) / (scene.run.map().heads() * scene.layers());
  } else if (has_state) {
    share = static_cast<double>(scene.run.map().at(layer, token)) / scene.run.map().heads();
  }
  const bool sink = token < scene.run.index().sinks(all ? -1 : layer) && share == 1;
  const ImU32 ground = sink ? p.sink_ground : ground_of(p, share);
  const ImU32 text = mix(p.evicted_text, p.text, static_cast<float>(share));
  const float round = frame.px(3);
  list.AddRectFilled(chip.min(), chip.max(), ground, round);
  const auto at = static_cast<size_t>(token);
  if (matched_[at]) {
    list.AddRectFilled({chip.x, chip.bottom() - frame.px(3)}, chip.max(), p.warning, round);
  }
  ImFont* const font = frame.theme.fonts.text;
  const float y = chip.y + std::floor((chip.h - font->FontSize) / 2);
  const float room = chip.w - 2 * frame.px(kTextPadding);
  if (token < static_cast<int32_t>(shown_.size())) {
    const std::string& shown = shown_[at];
    if (chip.w >= width_) {
      draw_text_fitted(list, font, {chip.x + frame.px(kTextPadding), y}, room, text, shown);
    } else {
      draw_text(list, font, {chip.x + frame.px(kTextPadding), y}, text, shown);
    }
  }
  if (session.view().text_strike && share == 0) {
    horizontal_line(list, chip.x + frame.px(kTextPadding) - 1,
                    chip.right() - frame.px(kTextPadding) + 1, chip.y + frame.px(kChip) / 2, text,
                    frame.px(1));
  }
  if (session.view().token == token) {
    list.AddRect({chip.x + 0.5f, chip.y + 0.5f}, {chip.right() - 0.5f, chip.bottom() - 0.5f},
                 p.accent, round, 0, frame.px(2));
  } else if (session.hover().token == token) {
    list.AddRect({chip.x + 0.5f, chip.y + 0.5f}, {chip.right() - 0.5f, chip.bottom() - 0.5f},
                 p.text2, round);
  }
  if (!frame.items.panes_only) {
    frame.items.add("token." + std::to_string(token), chip,
                    fmt::format("{} {:.3g}{}",
                                sink           ? "sink"
                                : share >= 0.5 ? "kept"
                                               : "evicted",
                                share, session.view().text_strike && share == 0 ? " struck" : ""));
  }
}

void TextPane::draw_output(Frame& frame, const Rect& rect, const ReplayScene& scene) {
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const Palette& p = frame.palette();
  ImFont* const font = frame.theme.fonts.text;
  ImFont* const small = frame.theme.fonts.small;
  Rect area = rect;
  area.take_top(frame.px(8));
  horizontal_line(list, area.x, area.right(), area.y, p.line);
  area.take_top(frame.px(6));
  const float column = frame.px(86);
  const PassDetail& pass = scene.run.pass();

  // Right or wrong, in words and colour, and which threshold the text belongs to.
  const int match = pass.info.exact_match;
  const std::string verdict = match == 1   ? "right"
                              : match == 0 ? "not an answer"
                                           : "no reference answer";
  std::string note;
  if (scene.run.what_if().threshold && scene.run.recorded_threshold()) {
    note = fmt::format("text generated at the recorded threshold {}",
                       tick_percent(*scene.run.recorded_threshold()));
  }
  Rect row = area.take_top(frame.px(22));
  draw_text(list, small, {row.x, row.y + frame.px(2)}, p.text2, "Generated");
  float right = row.right();
  const ImU32 color = match == 1 ? p.good : match == 0 ? p.warning : p.text2;
  draw_text(list, small, {right, row.y + frame.px(2)}, color, verdict, Align::right);
  right -= text_width(small, verdict) + frame.px(14);
  if (!note.empty()) {
    draw_text(list, small, {right, row.y + frame.px(2)}, p.accent, note, Align::right);
    right -= text_width(small, note) + frame.px(14);
  }
  const std::string text = display_piece(pass.text);
  draw_text_fitted(list, font, {row.x + column, row.y}, right - row.x - column, p.text,
                   text.empty() ? "(nothing)" : text);
  frame.items.add("replay.output", row, text);
  frame.items.add("replay.verdict", row, verdict);
  if (!note.empty()) frame.items.add("replay.output.note", row, note);
  if (row.contains(ImGui::GetIO().MousePos) && ImGui::IsWindowHovered() &&
      text_width(font, text) > right - row.x - column) {
    tooltip(frame, glyph_text(text));
  }

  row = area.take_top(frame.px(22));
  const int32_t sample = scene.session.sample_in(scene.session.view().run.trace);
  std::string answers;
  if (sample >= 0) {
    for (const std::string& answer : scene.overview.samples[static_cast<size_t>(sample)].answers) {
      if (!answers.empty()) answers += "  |  ";
      answers += display_piece(answer);
    }
  }
  draw_text(list, small, {row.x, row.y + frame.px(2)}, p.text2, "Answers");
  draw_text_fitted(list, font, {row.x + column, row.y}, row.w - column,
                   answers.empty() ? p.text2 : p.text, answers.empty() ? "-" : answers);
}

}  // namespace kvreel::viewer
