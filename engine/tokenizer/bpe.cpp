// The byte-pair-encoding model of a tokenizer.json: a vocabulary, ranked merges, and what becomes
// of unknown characters.
#include "engine/tokenizer/bpe.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "engine/tokenizer/unicode.h"

namespace kvreel::engine {
namespace {

constexpr int32_t kNone = -1;

uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

bool flag(const JsonField& model, std::string_view key) {
  const std::optional<JsonField> field = model.find(key);
  return field && field->boolean();
}

void require_no_affix(const JsonField& model, std::string_view key) {
  const std::optional<JsonField> affix = model.find(key);
  if (affix && !affix->string().empty()) {
    affix->refuse("kvreel supports byte-pair encoding without prefixes or suffixes only");
  }
}

}  // namespace

BpeModel::BpeModel(const JsonField& model) : file_(model.file()) {
  const std::optional<JsonField> type = model.find("type");
  if (type && type->string() != "BPE") {
    type->refuse("kvreel supports tokenizers of type \"BPE\" only");
  }
  const std::optional<JsonField> dropout = model.find("dropout");
  if (dropout && dropout->value() != 0.0) {
    dropout->refuse("kvreel supports byte-pair encoding without dropout only");
  }
  require_no_affix(model, "continuing_subword_prefix");
  require_no_affix(model, "end_of_word_suffix");
  fuse_unknown_ = flag(model, "fuse_unk");
  byte_fallback_ = flag(model, "byte_fallback");
  ignore_merges_ = flag(model, "ignore_merges");

  read_vocabulary(model.at("vocab"));
  read_merges(model.at("merges"));
  if (const std::optional<JsonField> unknown = model.find("unk_token")) {
    unknown_ = unknown->string();
    unknown_id_ = id_of(*unknown_);
  }
}

void BpeModel::read_vocabulary(const JsonField& vocabulary) {
  const nlohmann::json& entries = vocabulary.value();
  if (!entries.is_object()) vocabulary.refuse("expected an object from tokens to ids");
  tokens_.reserve(entries.size());
  ids_.reserve(entries.size());
  by_id_.reserve(entries.size());
  for (const auto& entry : entries.items()) {
    const std::string& token = entry.key();
    const nlohmann::json& value = entry.value();
    const auto field = [&] {
      return JsonField(value, file_, fmt::format("{}.{}", vocabulary.key(), token));
    };
    const bool in_range =
        value.is_number_unsigned() && value.get<uint64_t>() <= static_cast<uint64_t>(kMaxTokenId);
    const int32_t id = in_range ? value.get<int32_t>() : field().token_id();
    tokens_.push_back(token);
    ids_.emplace(tokens_.back(), id);
    const auto [other, inserted] = by_id_.emplace(id, &tokens_.back());
    if (!inserted) {
      field().refuse(
          fmt::format("the token '{}' has the same id; every id must be unique", *other->second));
    }
    highest_id_ = std::max(highest_id_, id);
  }
  direct_.fill(kNone);
  for (char32_t c = 0; c < kDirect; ++c) {
    std::string character;
    append_utf8(character, c);
    direct_[c] = id_of(character).value_or(kNone);
  }
  for (size_t byte = 0; byte < byte_ids_.size(); ++byte) {
    byte_ids_[byte] = id_of(fmt::format("<0x{:02X}>", byte)).value_or(kNone);
  }
}

void BpeModel::read_merges(const JsonField& merges) {
  const nlohmann::json& entries = merges.value();
  if (!entries.is_array()) merges.refuse("expected a list of merges");
  if (entries.size() > static_cast<size_t>(INT32_MAX)) merges.refuse("expected fewer merges");
  merges_.reserve(entries.size());
  int32_t rank = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    const nlohmann::json& entry = entries[i];
    const auto refuse = [&](std::string_view why) {
      JsonField(entry, file_, fmt::format("{}[{}]", merges.key(), i)).refuse(why);
    };
    std::string_view left;
    std::string_view right;
    if (entry.is_string()) {
      const std::string_view text = entry.get_ref<const std::string&>();
      if (text.starts_with("#version")) continue;  // the first line of a merges.txt
      const size_t space = text.find(' ');
      if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) {
        refuse("expected two tokens with one space between them");
      }
      left = text.substr(0, space);
      right = text.substr(space + 1);
    } else if (entry.is_array() && entry.size() == 2 && entry[0].is_string() &&
               entry[1].is_string()) {
      left = entry[0].get_ref<const std::string&>();
      right = entry[1].get_ref<const std::string&>();
    } else {
      refuse("expected \"left right\" or [\"left\", \"right\"]");
    }
    const std::string whole = std::string(left) + std::string(right);
    const auto id = [&](std::string_view token) {
      const auto found = ids_.find(token);
      if (found == ids_.end()) {
        refuse(fmt::format(
            "its token '{}' is not in model.vocab; the file contradicts itself, fetch it again",
            token));
      }
      return found->second;
    };
    // A pair that is listed twice keeps its last rank, as in Hugging Face's map.
    const uint64_t key = pair_key(id(left), id(right));
    merges_.insert_or_assign(key, Merge{rank++, id(whole)});
  }
}

std::optional<int32_t> BpeModel::id_of(std::string_view token) const {
  const auto found = ids_.find(token);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

const std::string* BpeModel::token_of(int32_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

const BpeModel::Merge* BpeModel::find_merge(int32_t left, int32_t right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void BpeModel::encode(std::string_view word, Scratch& scratch, std::vector<int32_t>& ids) const {
  if (word.empty()) return;
  if (ignore_merges_) {
    if (const std::optional<int32_t> id = id_of(word)) {
      ids.push_back(*id);
      return;
    }
  }
  // Natural text repeats its short words; a bound keeps the memory small for text that does not.
  constexpr size_t kCachedWord = 64;
  constexpr size_t kCachedWords = 50'000;
  const bool cacheable = word.size() <= kCachedWord;
  std::string key;
  if (cacheable) {
    key = word;
    const auto cached = scratch.words.find(key);
    if (cached != scratch.words.end()) {
      ids.insert(ids.end(), cached->second.begin(), cached->second.end());
      return;
    }
  }
  const size_t first = ids.size();
  split(word, scratch);
  merge(scratch);
  for (const Scratch::Symbol& symbol : scratch.symbols) {
    if (!symbol.merged) ids.push_back(symbol.id);
  }
  if (cacheable && scratch.words.size() < kCachedWords) {
    scratch.words.emplace(
        std::move(key),
        std::vector<int32_t>(ids.begin() + static_cast<ptrdiff_t>(first), ids.end()));
  }
}

// One symbol for each character that the vocabulary has.
void BpeModel::split(std::string_view word, Scratch& scratch) const {
  if (word.size() > static_cast<size_t>(INT32_MAX)) {
    fail("A text of {} bytes without a break is too long for {}; split it.", word.size(), file_);
  }
  scratch.symbols.clear();
  int32_t pending = kNone;  // an unknown token that waits for others to be fused with
  const auto append = [&](int32_t id) {
    const auto index = static_cast<int32_t>(scratch.symbols.size());
    scratch.symbols.push_back({id, index - 1, index + 1, false});
  };
  for (size_t at = 0; at < word.size();) {
    const CodePoint c = first_code_point(word.substr(at));
    const std::string_view character = word.substr(at, c.length);
    at += c.length;
    const int32_t id = c.value < kDirect ? direct_[c.value] : id_of(character).value_or(kNone);
    if (id == kNone) {
      append_unknown(character, scratch, pending);
      continue;
    }
    if (pending != kNone) append(pending);
    pending = kNone;
    append(id);
  }
  if (pending != kNone) append(pending);
  if (!scratch.symbols.empty()) scratch.symbols.back().next = kNone;
}

// A character that the vocabulary lacks: its bytes where all have tokens, else the unknown token,
// else nothing. A waiting unknown token comes after the bytes that follow it, as in Hugging Face's
// merge_word.
void BpeModel::append_unknown(std::string_view character, Scratch& scratch,
                              int32_t& pending) const {
  const auto append = [&](int32_t id) {
    const auto index = static_cast<int32_t>(scratch.symbols.size());
    scratch.symbols.push_back({id, index - 1, index + 1, false});
  };
  const auto byte_id = [&](char c) { return byte_ids_[static_cast<uint8_t>(c)]; };
  if (byte_fallback_ && std::all_of(character.begin(), character.end(),
                                    [&](char c) { return byte_id(c) != kNone; })) {
    for (const char c : character) append(byte_id(c));
    return;
  }
  if (!unknown_) return;
  if (!unknown_id_) {
    fail(
        "{}: the text has the character '{}', which is unknown, and key 'model.unk_token' is "
        "\"{}\", "
        "which model.vocab lacks; remove the character or mend the file.",
        file_, character, *unknown_);
  }
  if (pending != kNone && !fuse_unknown_) append(pending);
  pending = *unknown_id_;
}

// Joins neighbours, always the pair of lowest rank and among equals the leftmost, until none can be
// joined.
void BpeModel::merge(Scratch& scratch) const {
  std::vector<Scratch::Symbol>& symbols = scratch.symbols;
  std::vector<Scratch::Candidate>& heap = scratch.heap;
  const auto later = [](const Scratch::Candidate& a, const Scratch::Candidate& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
  };
  const auto candidate = [&](int32_t position) -> std::optional<Scratch::Candidate> {
    const Scratch::Symbol& left = symbols[static_cast<size_t>(position)];
    if (left.next == kNone) return std::nullopt;
    const Merge* found = find_merge(left.id, symbols[static_cast<size_t>(left.next)].id);
    if (found == nullptr) return std::nullopt;
    return Scratch::Candidate{found->rank, position, found->new_id};
  };
  const auto push = [&](int32_t position) {
    if (const std::optional<Scratch::Candidate> next = candidate(position)) {
      heap.push_back(*next);
      std::push_heap(heap.begin(), heap.end(), later);
    }
  };

  heap.clear();
  for (size_t i = 0; i + 1 < symbols.size(); ++i) {
    if (const std::optional<Scratch::Candidate> next = candidate(static_cast<int32_t>(i))) {
      heap.push_back(*next);
    }
  }
  std::make_heap(heap.begin(), heap.end(), later);
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    const Scratch::Candidate top = heap.back();
    heap.pop_back();
    Scratch::Symbol& left = symbols[static_cast<size_t>(top.position)];
    if (left.merged) continue;
    // An outdated candidate counts only where what stands there now still gives the same token.
    const std::optional<Scratch::Candidate> now = candidate(top.position);
    if (!now || now->new_id != top.new_id) continue;
    Scratch::Symbol& right = symbols[static_cast<size_t>(left.next)];
    left.id = top.new_id;
    left.next = right.next;
    right.merged = true;
    if (left.next != kNone) symbols[static_cast<size_t>(left.next)].previous = top.position;
    if (left.previous != kNone) push(left.previous);
    push(top.position);
  }
}

}  // namespace kvreel::engine
