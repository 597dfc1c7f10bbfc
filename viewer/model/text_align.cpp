// Tokens step by step beside the reference's.
#include "viewer/model/text_align.h"

#include <algorithm>

#include "viewer/data/token_text.h"

namespace kvreel::viewer {
namespace {

constexpr int8_t kFinishStop = 0;  // exports::kFinishNames: at a stop token

std::vector<int32_t> tokens_of(const PassDetail* pass) {
  std::vector<int32_t> tokens;
  if (pass == nullptr) return tokens;
  tokens.reserve(pass->steps.size());
  for (const StepInfo& step : pass->steps) tokens.push_back(step.token);
  return tokens;
}

// What a pass generated, without a stop token at its end.
struct GeneratedText {
  std::string bytes;
  std::vector<size_t> ends;  // of tokens, in bytes
};

GeneratedText text_of(const PassDetail& pass) {
  GeneratedText text;
  const bool stopped = pass.info.finish == kFinishStop && !pass.steps.empty();
  const size_t tokens = pass.steps.size() - (stopped ? 1 : 0);
  for (size_t i = 0; i < tokens; ++i) {
    if (i < pass.pieces.rows()) text.bytes += pass.pieces.at(i);
    text.ends.push_back(text.bytes.size());
  }
  return text;
}

void align_by_text(const PassDetail& pass, const GeneratedText& reference, AlignedRow& row) {
  row.by_text = true;
  const GeneratedText own = text_of(pass);
  const std::string_view theirs = reference.bytes;
  size_t begin = 0;
  for (size_t i = 0; i < own.ends.size(); ++i) {
    const size_t end = own.ends[i];
    const bool equal =
        end <= theirs.size() &&
        std::string_view(own.bytes).substr(begin, end - begin) == theirs.substr(begin, end - begin);
    row.states[i] = equal ? AlignedState::equal : AlignedState::differs;
    begin = end;
  }
  const bool all = own.bytes == theirs;
  if (row.tokens > own.ends.size()) {
    row.states[own.ends.size()] = all ? AlignedState::equal : AlignedState::differs;
  }
  if (all) return;
  const auto [mine, other] =
      std::mismatch(own.bytes.begin(), own.bytes.end(), theirs.begin(), theirs.end());
  const auto byte = static_cast<size_t>(mine - own.bytes.begin());
  row.first_differing = static_cast<size_t>(
      std::upper_bound(own.ends.begin(), own.ends.end(), byte) - own.ends.begin());
}

}  // namespace

std::optional<size_t> first_difference(std::span<const int32_t> a, std::span<const int32_t> b) {
  const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (x == a.end() && y == b.end()) return std::nullopt;
  return static_cast<size_t>(x - a.begin());
}

TextAlignment align_texts(std::span<const PassDetail* const> passes,
                          std::span<const uint8_t> by_text) {
  TextAlignment alignment;
  if (passes.empty()) return alignment;
  std::vector<std::vector<int32_t>> texts;
  for (const PassDetail* pass : passes) {
    texts.push_back(tokens_of(pass));
    alignment.steps = std::max(alignment.steps, texts.back().size());
  }
  const bool comparable = passes.front() != nullptr;
  const std::vector<int32_t>& reference = texts.front();
  std::optional<GeneratedText> reference_text;  // made where it is needed
  for (size_t r = 0; r < passes.size(); ++r) {
    AlignedRow row;
    row.tokens = texts[r].size();
    row.states.assign(alignment.steps, AlignedState::none);
    if (comparable && passes[r] != nullptr && r < by_text.size() && by_text[r] != 0) {
      if (!reference_text) reference_text = text_of(*passes.front());
      align_by_text(*passes[r], *reference_text, row);
      alignment.rows.push_back(std::move(row));
      continue;
    }
    for (size_t step = 0; step < texts[r].size(); ++step) {
      const bool equal =
          !comparable || (step < reference.size() && reference[step] == texts[r][step]);
      row.states[step] = equal ? AlignedState::equal : AlignedState::differs;
    }
    if (comparable && passes[r] != nullptr)
      row.first_differing = first_difference(texts[r], reference);
    alignment.rows.push_back(std::move(row));
  }
  return alignment;
}

std::string chip_label(std::string_view bytes) {
  std::string label = display_piece(bytes);
  // A token of spaces alone would be an empty chip, and a token of no bytes one without a sign.
  if (label.empty()) return "\u2205";
  if (label.find_first_not_of(' ') == std::string::npos) {
    std::string spaces;
    for (size_t i = 0; i < label.size(); ++i) spaces += "\u2423";
    return spaces;
  }
  return label;
}

ColumnEdges::ColumnEdges(std::span<const float> widths) {
  edges_.reserve(widths.size() + 1);
  edges_.push_back(0);
  for (const float width : widths) edges_.push_back(edges_.back() + static_cast<double>(width));
}

size_t ColumnEdges::at(float x) const {
  if (count() == 0) return 0;
  const auto after = std::upper_bound(edges_.begin(), edges_.end(), static_cast<double>(x));
  const auto column = after == edges_.begin() ? 0 : static_cast<size_t>(after - edges_.begin()) - 1;
  return std::min(column, count() - 1);
}

}  // namespace kvreel::viewer
