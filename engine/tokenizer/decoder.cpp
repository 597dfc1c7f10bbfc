// The decoder of a tokenizer.json: tokens to text, as a stream or all at once.
#include "engine/tokenizer/decoder.h"

#include "engine/tokenizer/byte_level.h"
#include "engine/tokenizer/decode_steps.h"
#include "engine/tokenizer/normalizer.h"

namespace kvreel::engine {
namespace {

constexpr int kMaxNestedDecoders = 16;

}  // namespace

DecodeStream::DecodeStream(std::vector<std::unique_ptr<Step>> steps) : steps_(std::move(steps)) {
  steps_.push_back(std::make_unique<CollectStep>());
  for (size_t i = 0; i + 1 < steps_.size(); ++i) steps_[i]->set_next(*steps_[i + 1]);
}

DecodeStream::DecodeStream(DecodeStream&&) noexcept = default;
DecodeStream& DecodeStream::operator=(DecodeStream&&) noexcept = default;
DecodeStream::~DecodeStream() = default;

std::string DecodeStream::push(std::string_view token) {
  steps_.front()->text(token);
  steps_.front()->end_token();
  return static_cast<CollectStep&>(*steps_.back()).take();
}

std::string DecodeStream::finish() {
  steps_.front()->finish();
  return static_cast<CollectStep&>(*steps_.back()).take();
}

Decoder::Decoder(const JsonField& decoder) : specs_(std::in_place) {
  read(decoder, 0);
}

void Decoder::read(const JsonField& decoder, int depth) {
  const std::string& type = decoder.type();
  if (type == "Sequence") {
    if (depth == kMaxNestedDecoders) decoder.refuse("sequences may nest 16 deep at most");
    for (const JsonField& step : decoder.at("decoders").items()) read(step, depth + 1);
    return;
  }
  Spec spec;
  double growth = 1;
  if (type == "ByteLevel") {
    spec.kind = Kind::kByteLevel;
    growth = 2;  // a byte above 127, two bytes of byte-level text, may become U+FFFD
  } else if (type == "Metaspace") {
    spec.kind = Kind::kMetaspace;
    spec.metaspace = read_metaspace(decoder);
  } else if (type == "Replace") {
    const std::optional<JsonField> pattern = decoder.at("pattern").find("String");
    if (!pattern) decoder.at("pattern").refuse("kvreel supports {\"String\": ...} here only");
    spec.kind = Kind::kReplace;
    spec.pattern = read_literal(*pattern);
    spec.content = decoder.at("content").string();
    growth = replacing_growth(spec.pattern, spec.content);
  } else if (type == "ByteFallback") {
    spec.kind = Kind::kByteFallback;
  } else if (type == "Fuse") {
    spec.kind = Kind::kFuse;
  } else if (type == "Strip") {
    spec.kind = Kind::kStrip;
    spec.pattern = decoder.at("content").character();
    spec.start = decoder.at("start").count();
    spec.stop = decoder.at("stop").count();
  } else {
    decoder.refuse(
        "kvreel supports the decoders ByteLevel, Metaspace, Replace, ByteFallback, Fuse, Strip and "
        "Sequence only");
  }
  limits_.add(decoder, growth);
  specs_->push_back(std::move(spec));
}

DecodeStream Decoder::start() const {
  std::vector<std::unique_ptr<DecodeStream::Step>> steps;
  if (!specs_) {
    steps.push_back(std::make_unique<SpaceBetweenStep>());
    return DecodeStream(std::move(steps));
  }
  for (const Spec& spec : *specs_) {
    switch (spec.kind) {
      case Kind::kByteLevel:
        steps.push_back(std::make_unique<ByteLevelStep>());
        break;
      case Kind::kMetaspace:
        steps.push_back(std::make_unique<MetaspaceStep>(spec.metaspace));
        break;
      case Kind::kReplace:
        steps.push_back(std::make_unique<ReplaceStep>(spec.pattern, spec.content));
        break;
      case Kind::kByteFallback:
        steps.push_back(std::make_unique<ByteFallbackStep>());
        break;
      case Kind::kFuse:
        steps.push_back(std::make_unique<FuseStep>());
        break;
      case Kind::kStrip:
        steps.push_back(std::make_unique<StripStep>(spec.pattern, spec.start, spec.stop));
        break;
    }
  }
  return DecodeStream(std::move(steps));
}

std::string Decoder::piece(std::string_view token) const {
  std::string bytes(token);
  if (!specs_) return bytes;
  const auto replace = [&](std::string_view pattern, std::string_view content) {
    std::string replaced;
    size_t at = 0;
    for (const TextRange& range : find_literal(bytes, pattern)) {
      replaced += std::string_view(bytes).substr(at, range.begin - at);
      replaced += content;
      at = range.end;
    }
    bytes = replaced + bytes.substr(at);
  };
  for (const Spec& spec : *specs_) {
    if (spec.kind == Kind::kByteLevel) return from_byte_level(bytes);
    if (spec.kind == Kind::kMetaspace) replace(spec.metaspace.replacement, " ");
    if (spec.kind == Kind::kReplace) replace(spec.pattern, spec.content);
    if (spec.kind == Kind::kByteFallback) {
      if (const std::optional<char> byte = fallback_byte(bytes)) return std::string(1, *byte);
    }
  }
  return bytes;
}

}  // namespace kvreel::engine
