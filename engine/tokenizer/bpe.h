// The byte-pair-encoding model of a tokenizer.json: a vocabulary, ranked merges, and what becomes
// of unknown characters.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/tokenizer/json_field.h"

namespace kvreel::engine {

// Immutable after construction; encode() may be called from several threads, each with its own
// Scratch.
class BpeModel {
 public:
  // Reads the object under "model". Throws Error for another model than BPE, options that change
  // what BPE does (dropout, prefixes, suffixes), and vocabularies or merges that contradict
  // themselves.
  explicit BpeModel(const JsonField& model);
  BpeModel(const BpeModel&) = delete;
  BpeModel& operator=(const BpeModel&) = delete;

  // Buffers that calls of encode() share, so that a text of many words allocates few times.
  class Scratch {
    friend class BpeModel;
    struct Symbol {
      int32_t id;
      int32_t previous;  // index, -1 at the start
      int32_t next;      // index, -1 at the end
      bool merged;       // into a symbol on its left
    };
    struct Candidate {
      int32_t rank;
      int32_t position;  // index of the left symbol
      int32_t new_id;
    };
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;                                  // lowest (rank, position) first
    std::unordered_map<std::string, std::vector<int32_t>> words;  // what short words became
  };

  // Appends the ids of `word`, one pre-token of well-formed UTF-8: O(n log n) in its length. Throws
  // Error where it has 2^31 characters or more, or needs an unknown token that the vocabulary
  // lacks.
  void encode(std::string_view word, Scratch& scratch, std::vector<int32_t>& ids) const;

  std::optional<int32_t> id_of(std::string_view token) const;
  const std::string* token_of(int32_t id) const;  // nullptr outside the vocabulary
  size_t size() const { return tokens_.size(); }
  int32_t highest_id() const { return highest_id_; }  // -1 where the vocabulary is empty

 private:
  struct Merge {
    int32_t rank;
    int32_t new_id;
  };
  // Characters below this have their id in a table.
  static constexpr size_t kDirect = 0x180;

  void read_vocabulary(const JsonField& vocabulary);
  void read_merges(const JsonField& merges);
  void split(std::string_view word, Scratch& scratch) const;
  void append_unknown(std::string_view character, Scratch& scratch, int32_t& pending) const;
  void merge(Scratch& scratch) const;
  const Merge* find_merge(int32_t left, int32_t right) const;

  std::string file_;
  std::vector<std::string> tokens_;
  std::unordered_map<std::string_view, int32_t> ids_;      // views of tokens_
  std::unordered_map<int32_t, const std::string*> by_id_;  // into tokens_
  std::unordered_map<uint64_t, Merge> merges_;             // key: left id << 32 | right id
  std::array<int32_t, kDirect> direct_{};  // id of a character, -1 where it has none
  std::array<int32_t, 256> byte_ids_{};    // id of "<0x00>" to "<0xFF>", -1 where missing
  std::optional<std::string> unknown_;
  std::optional<int32_t> unknown_id_;
  int32_t highest_id_ = -1;
  bool fuse_unknown_ = false;
  bool byte_fallback_ = false;
  bool ignore_merges_ = false;
};

}  // namespace kvreel::engine
