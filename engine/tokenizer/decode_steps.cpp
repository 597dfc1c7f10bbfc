// The steps of a decoding stream: each takes tokens in parts and hands on what later tokens cannot
// change.
#include "engine/tokenizer/decode_steps.h"

#include <charconv>

#include "engine/tokenizer/byte_level.h"

namespace kvreel::engine {

std::optional<char> fallback_byte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return std::nullopt;
  uint8_t byte = 0;
  const char* end = token.data() + 5;
  const auto [stopped, error] = std::from_chars(token.data() + 3, end, byte, 16);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return static_cast<char>(byte);
}

void ByteLevelStep::end_token() {
  std::string decoded;
  bytes_.push(from_byte_level(token_), decoded);
  token_.clear();
  if (!decoded.empty()) next_->text(decoded);
}

void ByteLevelStep::finish() {
  std::string decoded;
  bytes_.finish(decoded);
  if (!decoded.empty()) next_->text(decoded);
  next_->end_token();
  next_->finish();
}

void MetaspaceStep::text(std::string_view part) {
  std::string decoded;
  const std::string& mark = metaspace_.replacement;
  const bool drop = first_ && metaspace_.scheme != PrependScheme::kNever;
  for (size_t at = 0; at < part.size();) {
    if (part.substr(at).starts_with(mark)) {
      if (!drop) decoded += ' ';
      at += mark.size();
    } else {
      decoded += part[at++];
    }
  }
  next_->text(decoded);
}

void ReplaceStep::text(std::string_view part) {
  held_ += part;
  std::string done;
  size_t at = 0;
  for (size_t found = held_.find(pattern_); found != std::string::npos;
       found = held_.find(pattern_, at)) {
    done.append(held_, at, found - at);
    done += content_;
    at = found + pattern_.size();
  }
  // What could still become the pattern waits: the longest end of the text that is a beginning of
  // it.
  const std::string_view rest = std::string_view(held_).substr(at);
  size_t keep = std::min(rest.size(), pattern_.size() - 1);
  while (!std::string_view(pattern_).starts_with(rest.substr(rest.size() - keep))) --keep;
  done += rest.substr(0, rest.size() - keep);
  held_ = std::string(rest.substr(rest.size() - keep));
  if (!done.empty()) next_->text(done);
}

void ReplaceStep::end_token() {
  if (!held_.empty()) next_->text(held_);
  held_.clear();
  next_->end_token();
}

void ByteFallbackStep::end_token() {
  const std::string token = std::exchange(token_, {});
  if (const std::optional<char> byte = fallback_byte(token)) {
    run_ += *byte;
    return;
  }
  flush_run();
  next_->text(token);
  next_->end_token();
}

void ByteFallbackStep::finish() {
  flush_run();
  next_->finish();
}

void ByteFallbackStep::flush_run() {
  const std::string run = std::exchange(run_, {});
  if (run.empty()) return;
  if (valid_utf8_prefix(run) == run.size()) {
    next_->text(run);
    next_->end_token();
    return;
  }
  for (size_t i = 0; i < run.size(); ++i) {
    next_->text("\xEF\xBF\xBD");
    next_->end_token();
  }
}

void StripStep::text(std::string_view part) {
  std::string kept;
  const auto release = [&] {
    for (; held_ > 0; --held_) kept += character_;
  };
  for (size_t at = 0; at < part.size();) {
    if (!part.substr(at).starts_with(character_)) {
      left_to_strip_ = 0;
      release();
      kept += part[at++];
      continue;
    }
    at += character_.size();
    if (left_to_strip_ > 0) {
      --left_to_strip_;
    } else if (++held_ > stop_) {
      kept += character_;
      --held_;
    }
  }
  if (!kept.empty()) next_->text(kept);
}

void StripStep::end_token() {
  held_ = 0;
  left_to_strip_ = start_;
  next_->end_token();
}

}  // namespace kvreel::engine
