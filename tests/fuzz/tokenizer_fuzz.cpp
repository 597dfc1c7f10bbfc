// A model's tokenizer: tokenizer.json, tokenizer_config.json, and texts that go through what loads.
//
// Without a tokenizer.json the demo model's reads the text, and must give it back as it was.
#include "engine/tokenizer/tokenizer.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "fuzz/check_error.h"
#include "fuzz/json_mutator.h"
#include "fuzz/parts.h"
#include "fuzz/scratch_directory.h"

namespace {

using kvreel::engine::StreamDecoder;
using kvreel::engine::Tokenizer;
using kvreel::fuzz::accepts;
using kvreel::fuzz::require;

// Beginnings of words, blanks, digits, an accent apart, a character of four bytes, special tokens.
constexpr std::array<std::string_view, 3> kTexts = {
    "Hello,  world! It's 12345\n\n\tof\xC2\xA0it",
    "e\xCC\x81 \xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x98\x80<0x41>", "<s>a b</s> <s> \xE2\x96\x81x"};

const Tokenizer& demo() {
  static const Tokenizer tokenizer = Tokenizer::load(KVREEL_SOURCE_DIR "/assets/demo-model/model");
  return tokenizer;
}

void check_stream(const Tokenizer& tokenizer, std::span<const int32_t> ids, bool skip_special) {
  const std::string whole = tokenizer.decode(ids, skip_special);
  require(kvreel::is_utf8(whole), "decoded text is not UTF-8");
  StreamDecoder stream(tokenizer, skip_special);
  std::string pieces;
  for (const int32_t id : ids) {
    const std::string piece = stream.next(id);
    require(kvreel::is_utf8(piece), "a stream gave a part of a character");
    pieces += piece;
  }
  pieces += stream.flush();
  require(pieces == whole, "a stream and the whole differ", whole);
}

void check_ids(const Tokenizer& tokenizer, std::span<const int32_t> ids) {
  for (const int32_t id : ids) {
    require(id >= 0, "an id is negative");
    tokenizer.piece(id);
    tokenizer.is_special(id);
  }
  check_stream(tokenizer, ids, true);
  check_stream(tokenizer, ids, false);
}

void use(const Tokenizer& tokenizer, std::string_view text) {
  accepts([&] {
    const std::vector<int32_t> plain = tokenizer.encode(text, false);
    check_ids(tokenizer, plain);
    check_ids(tokenizer, tokenizer.encode(text, true));
    require(plain == tokenizer.encode(text, false), "a text has two encodings");
  });
}

void check_vocabulary(const Tokenizer& tokenizer) {
  const int64_t size = tokenizer.vocab_size();
  require(size >= 0, "the vocabulary has a negative size");
  std::vector<int32_t> ids;
  constexpr int64_t kMost = 300;
  for (int64_t id = -1; id <= std::min(size, kMost); ++id) ids.push_back(static_cast<int32_t>(id));
  for (const int32_t id : ids) {
    const std::string piece = tokenizer.piece(id);
    require(piece.empty() || (id >= 0 && id < size), "an id outside of the vocabulary has a text");
  }
  check_stream(tokenizer, ids, false);
}

void read(std::string_view tokenizer, std::string_view config, std::string_view text) {
  static const kvreel::fuzz::ScratchDirectory scratch;
  scratch.write("tokenizer.json", tokenizer);
  scratch.write("tokenizer_config.json", config.empty() ? "{}" : config);
  accepts([&] {
    const Tokenizer loaded = Tokenizer::load(scratch.path());
    check_vocabulary(loaded);
    for (const std::string_view known : kTexts) use(loaded, known);
    use(loaded, text);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto [tokenizer, config, text] =
      kvreel::fuzz::parts_of<3>(kvreel::fuzz::as_text(data, size));
  if (!tokenizer.empty()) {
    read(tokenizer, config, text);
    return 0;
  }
  use(demo(), text);
  if (kvreel::is_utf8(text)) {
    require(demo().decode(demo().encode(text, false), false) == text, "a text came back changed");
  }
  return 0;
}

#ifdef KVREEL_FUZZ
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  kvreel::fuzz::JsonMutator mutator(seed);
  if (mutator.below(2) == 0) return LLVMFuzzerMutate(data, size, most);
  const auto [tokenizer, config, text] =
      kvreel::fuzz::parts_of<3>(kvreel::fuzz::as_text(data, size));
  if (tokenizer.empty()) return LLVMFuzzerMutate(data, size, most);
  const bool first = config.empty() || mutator.below(8) != 0;
  std::string all = first ? mutator.mutate(tokenizer) : std::string(tokenizer);
  if (!config.empty() || !text.empty()) {
    all += kvreel::fuzz::kBetweenParts;
    all += first ? std::string(config) : mutator.mutate(config);
    all += kvreel::fuzz::kBetweenParts;
    all += text;
  }
  return kvreel::fuzz::put_back(all, data, size, most);
}
#endif
