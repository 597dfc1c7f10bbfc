// The steps of a decoding stream: each takes tokens in parts and hands on what later tokens cannot
// change.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/tokenizer/decoder.h"
#include "engine/tokenizer/unicode.h"

namespace kvreel::engine {

// A token arrives as any number of text() calls, each of whole characters, and one end_token().
// finish() ends the stream. Each step is Hugging Face's decoder of the same name, made to work on
// parts.
class DecodeStream::Step {
 public:
  virtual ~Step() = default;
  virtual void text(std::string_view part) = 0;
  virtual void end_token() = 0;
  virtual void finish() { next_->finish(); }

  void set_next(Step& next) { next_ = &next; }

 protected:
  Step* next_ = nullptr;  // not owned; set before the first text()
};

// The end of every stream: collects the text.
class CollectStep final : public DecodeStream::Step {
 public:
  void text(std::string_view part) override { text_ += part; }
  void end_token() override {}
  void finish() override {}
  std::string take() { return std::exchange(text_, {}); }

 private:
  std::string text_;
};

// No decoder at all: a space between tokens.
class SpaceBetweenStep final : public DecodeStream::Step {
 public:
  void text(std::string_view part) override {
    if (!first_ && at_start_) next_->text(" ");
    at_start_ = false;
    next_->text(part);
  }
  void end_token() override {
    first_ = false;
    at_start_ = true;
    next_->end_token();
  }

 private:
  bool first_ = true;
  bool at_start_ = true;
};

// All tokens become one.
class FuseStep final : public DecodeStream::Step {
 public:
  void text(std::string_view part) override { next_->text(part); }
  void end_token() override {}
  void finish() override {
    next_->end_token();
    next_->finish();
  }
};

// Byte-level characters become bytes, and all tokens one text; ill-formed bytes become U+FFFD.
class ByteLevelStep final : public DecodeStream::Step {
 public:
  void text(std::string_view part) override { token_ += part; }
  void end_token() override;
  void finish() override;

 private:
  std::string token_;
  LossyUtf8 bytes_;
};

// The mark becomes a space; in the first token it vanishes, unless nothing is ever prepended.
class MetaspaceStep final : public DecodeStream::Step {
 public:
  explicit MetaspaceStep(Metaspace metaspace) : metaspace_(std::move(metaspace)) {}
  void text(std::string_view part) override;
  void end_token() override {
    first_ = false;
    next_->end_token();
  }

 private:
  Metaspace metaspace_;
  bool first_ = true;
};

// Replaces a string inside each token.
class ReplaceStep final : public DecodeStream::Step {
 public:
  ReplaceStep(std::string pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}
  void text(std::string_view part) override;
  void end_token() override;

 private:
  std::string pattern_;  // not empty
  std::string content_;
  std::string held_;  // a beginning of the pattern, while the token goes on
};

// Tokens "<0xHH>" become bytes: a run of them is the text they spell where that is UTF-8, and else
// one U+FFFD each. So a run is settled only once it has ended.
class ByteFallbackStep final : public DecodeStream::Step {
 public:
  void text(std::string_view part) override { token_ += part; }
  void end_token() override;
  void finish() override;

 private:
  void flush_run();

  std::string token_;
  std::string run_;
};

// Strips up to `start` times a character from the start of each token and up to `stop` times from
// its end.
class StripStep final : public DecodeStream::Step {
 public:
  StripStep(std::string character, int64_t start, int64_t stop)
      : character_(std::move(character)), start_(start), stop_(stop), left_to_strip_(start) {}
  void text(std::string_view part) override;
  void end_token() override;

 private:
  std::string character_;
  int64_t start_;
  int64_t stop_;
  int64_t left_to_strip_;  // at the start of this token
  int64_t held_ = 0;  // repetitions at the end of what has come, to be dropped where the token ends
};

// The byte of a token "<0xHH>".
std::optional<char> fallback_byte(std::string_view token);

}  // namespace kvreel::engine
