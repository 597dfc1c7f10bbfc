// Text to token ids and back, exactly as a model's tokenizer.json says: the parts in their order.
#include "engine/tokenizer/tokenizer.h"

#include <algorithm>

#include "base/error.h"
#include "engine/tokenizer/added_tokens.h"
#include "engine/tokenizer/bpe.h"
#include "engine/tokenizer/decoder.h"
#include "engine/tokenizer/json_field.h"
#include "engine/tokenizer/normalizer.h"
#include "engine/tokenizer/post_processor.h"
#include "engine/tokenizer/pretokenizer.h"
#include "engine/tokenizer/tokenizer_config.h"
#include "engine/tokenizer/unicode.h"

namespace kvreel::engine {
namespace {

template <typename Part>
Part read_part(const JsonField& root, std::string_view key) {
  const std::optional<JsonField> field = root.find(key);
  return field ? Part(*field) : Part();
}

}  // namespace

struct Tokenizer::Impl {
  explicit Impl(const JsonField& root)
      : model(root.at("model")),
        normalizer(read_part<Normalizer>(root, "normalizer")),
        pre_tokenizer(read_part<PreTokenizer>(root, "pre_tokenizer")),
        post_processor(read_part<PostProcessor>(root, "post_processor")),
        decoder(read_part<Decoder>(root, "decoder")) {
    const std::optional<JsonField> version = root.find("version");
    if (version && version->string() != "1.0") version->refuse("expected version \"1.0\"");
    // What Hugging Face takes for the start of the text then depends on how it tracks each
    // replacement.
    if (normalizer.moves_text() && pre_tokenizer.needs_text_start()) {
      root.at("pre_tokenizer")
          .refuse(
              "kvreel does not support a Metaspace with prepend_scheme \"first\" after a "
              "normalizer that inserts or "
              "replaces text");
    }
    if (const std::optional<JsonField> tokens = root.find("added_tokens")) {
      added.emplace(*tokens, model, normalizer);
    } else {
      added.emplace();
    }
    // "truncation" and "padding" are no part of the text's ids: transformers resets both for each
    // call.
  }

  // Ids of a stretch of text between added tokens that are looked for before normalization.
  void encode_stretch(std::string_view text, bool at_text_start, BpeModel::Scratch& scratch,
                      std::vector<int32_t>& ids) const {
    const std::string normalized = normalizer.apply(std::string(text));
    for (const Segment& segment : added->cut_normalized(normalized)) {
      if (segment.id) {
        ids.push_back(*segment.id);
        continue;
      }
      const TextRange range = segment.range;
      encode_segment(normalized.substr(range.begin, range.end - range.begin),
                     at_text_start && range.begin == 0, scratch, ids);
    }
  }

  void encode_segment(std::string text, bool at_text_start, BpeModel::Scratch& scratch,
                      std::vector<int32_t>& ids) const {
    const Pieces pieces = pre_tokenizer.apply(std::move(text), at_text_start);
    size_t begin = 0;
    for (const size_t end : pieces.ends) {
      model.encode(std::string_view(pieces.text).substr(begin, end - begin), scratch, ids);
      begin = end;
    }
  }

  // The token's string, nullptr outside the vocabulary.
  const std::string* token_of(int32_t id) const {
    if (const AddedTokens::Token* token = added->find(id)) return &token->content;
    return model.token_of(id);
  }

  bool is_special(int32_t id) const {
    const AddedTokens::Token* token = added->find(id);
    return token != nullptr && token->special;
  }

  BpeModel model;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  PostProcessor post_processor;
  Decoder decoder;
  std::optional<AddedTokens> added;  // read last, as it needs the others; always there afterwards
  TokenizerConfig config;
};

Tokenizer Tokenizer::load(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / "tokenizer.json";
  const nlohmann::json document = read_json_document(path);
  const std::string name = path.string();
  auto impl = std::make_unique<Impl>(JsonField(document, name, ""));
  impl->config = read_tokenizer_config(directory);
  return Tokenizer(std::move(impl));
}

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

std::vector<int32_t> Tokenizer::encode(std::string_view text, bool add_special) const {
  const size_t valid = valid_utf8_prefix(text);
  if (valid != text.size()) {
    fail("The text to encode is not UTF-8 at byte {} of {}; convert it to UTF-8.", valid,
         text.size());
  }
  std::vector<int32_t> ids;
  BpeModel::Scratch scratch;
  for (const Segment& segment : impl_->added->cut_raw(text)) {
    if (segment.id) {
      ids.push_back(*segment.id);
    } else {
      const TextRange range = segment.range;
      impl_->encode_stretch(text.substr(range.begin, range.end - range.begin), range.begin == 0,
                            scratch, ids);
    }
  }
  return impl_->post_processor.apply(std::move(ids), add_special);
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
  StreamDecoder decoder(*this, skip_special);
  std::string text;
  for (const int32_t id : ids) text += decoder.next(id);
  return text + decoder.flush();
}

std::string Tokenizer::piece(int32_t id) const {
  if (const AddedTokens::Token* token = impl_->added->find(id)) return token->content;
  const std::string* token = impl_->model.token_of(id);
  return token == nullptr ? std::string() : impl_->decoder.piece(*token);
}

int64_t Tokenizer::vocab_size() const {
  return int64_t{std::max(impl_->model.highest_id(), impl_->added->highest_id())} + 1;
}

bool Tokenizer::is_special(int32_t id) const {
  return impl_->is_special(id);
}

std::optional<int32_t> Tokenizer::id_of(std::string_view token) const {
  if (const AddedTokens::Token* added = impl_->added->find(token)) return added->id;
  return impl_->model.id_of(token);
}

const std::string& Tokenizer::chat_template() const {
  return impl_->config.chat_template;
}
const std::string& Tokenizer::bos_token() const {
  return impl_->config.bos_token;
}
const std::string& Tokenizer::eos_token() const {
  return impl_->config.eos_token;
}

struct StreamDecoder::State {
  const Tokenizer::Impl* tokenizer;
  bool skip_special;
  DecodeStream stream;
};

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special)
    : state_(std::make_unique<State>(
          State{tokenizer.impl_.get(), skip_special, tokenizer.impl_->decoder.start()})) {}
StreamDecoder::StreamDecoder(StreamDecoder&&) noexcept = default;
StreamDecoder& StreamDecoder::operator=(StreamDecoder&&) noexcept = default;
StreamDecoder::~StreamDecoder() = default;

std::string StreamDecoder::next(int32_t id) {
  const std::string* token = state_->tokenizer->token_of(id);
  if (token == nullptr || (state_->skip_special && state_->tokenizer->is_special(id))) return {};
  return state_->stream.push(*token);
}

std::string StreamDecoder::flush() {
  std::string rest = state_->stream.finish();
  state_->stream = state_->tokenizer->decoder.start();
  return rest;
}

}  // namespace kvreel::engine
