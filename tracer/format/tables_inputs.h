// Tables of what was put in and what was noted: runs, samples, tokens, names, notes.
//
// Each table lists its columns once, as visit(name, member, unit, meaning). Writing, reading,
// recovering and the documentation's table all use this list.
#pragma once

#include <cstdint>
#include <string_view>

#include "tracer/format/columns.h"

namespace kvreel::tracer {

// One row per run: a policy with one configuration, over every sample.
struct Runs {
  static constexpr std::string_view kName = "runs";
  static constexpr std::string_view kMeaning = "one row per run: one policy with one configuration";
  static constexpr Volume kVolume = Volume::few;
  Text name;
  Text policy;
  Text parameters;
  template <typename Self, typename Visit>
  static void columns(Self& self, Visit&& visit) {
    visit("name", self.name, "", "the policy as written on the command line, unique in the trace");
    visit("policy", self.policy, "", "the policy's name alone");
    visit("parameters", self.parameters, "",
          "every parameter with its value, defaults included, as a JSON object");
  }
};

// One row per prompt.
struct Samples {
  static constexpr std::string_view kName = "samples";
  static constexpr std::string_view kMeaning = "one row per prompt";
  static constexpr Volume kVolume = Volume::few;
  Text id;
  Text text;
  Text answers;
  Text metadata;
  Column<int32_t> original_tokens;
  Column<uint64_t> tokens_end;
  template <typename Self, typename Visit>
  static void columns(Self& self, Visit&& visit) {
    visit("id", self.id, "", "the prompt's id, unique in the trace");
    visit("text", self.text, "", "the prompt as given to the tokenizer, chat template applied");
    visit("answers", self.answers, "", "reference answers as a JSON array of strings");
    visit("metadata", self.metadata, "", "the prompt record's other fields as a JSON object");
    visit("original_tokens", self.original_tokens, "tokens", "tokens before truncation");
    visit("tokens_end", self.tokens_end, "row of tokens",
          "one past the sample's last row in tokens");
  }
};

// One row per prompt token, sample after sample.
struct Tokens {
  static constexpr std::string_view kName = "tokens";
  static constexpr std::string_view kMeaning = "one row per prompt token, sample after sample";
  static constexpr Volume kVolume = Volume::some;
  Column<int32_t> id;
  Text piece;
  template <typename Self, typename Visit>
  static void columns(Self& self, Visit&& visit) {
    visit("id", self.id, "", "token id");
    visit("piece", self.piece, "", "the token's bytes: may be part of a UTF-8 character");
  }
};

// Interned names of operations and kernels. Rows 0 .. 8 are the engine's operations in their fixed
// order.
struct Names {
  static constexpr std::string_view kName = "names";
  static constexpr std::string_view kMeaning = "names of operations and kernels";
  static constexpr Volume kVolume = Volume::few;
  Text name;
  template <typename Self, typename Visit>
  static void columns(Self& self, Visit&& visit) {
    visit("name", self.name, "", "name");
  }
};

// What was learnt while recording: the end, warnings, the cost of recording. The last row of a key
// counts.
struct Notes {
  static constexpr std::string_view kName = "notes";
  static constexpr std::string_view kMeaning =
      "facts learnt while recording; the last row of a key counts";
  static constexpr Volume kVolume = Volume::few;
  Column<int64_t> time_ns;
  Text key;
  Text value;
  template <typename Self, typename Visit>
  static void columns(Self& self, Visit&& visit) {
    visit("time_ns", self.time_ns, "ns", "since the trace's clock origin");
    visit("key", self.key, "", "key");
    visit("value", self.value, "", "value as JSON");
  }
};

}  // namespace kvreel::tracer
