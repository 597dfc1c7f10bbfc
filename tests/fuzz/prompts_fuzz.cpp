// Prompts: files of records, data sets in their layouts, made contexts, and the way to tokens.
//
// The first line says what follows and how it is read: the end of the file's name or a data set,
// then options with tabs before them: "jsonl\ttemplate={question}", "gsm8k.jsonl\tlimit=2",
// "needle.txt\toptions=context=64".
#include "engine/data/prompts.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "engine/data/datasets.h"
#include "engine/data/haystack.h"
#include "engine/data/prepare.h"
#include "engine/model/model.h"
#include "fuzz/check_error.h"
#include "fuzz/json_mutator.h"
#include "fuzz/parts.h"
#include "fuzz/scratch_directory.h"

namespace {

using kvreel::fuzz::accepts;
using kvreel::fuzz::require;
namespace engine = kvreel::engine;

constexpr int64_t kPromptTokens = 48;

// What a tokenizer is needed for: the demo model without its weights.
const engine::Model& demo() {
  static const engine::Model model =
      engine::open_model(KVREEL_SOURCE_DIR "/assets/demo-model/model");
  return model;
}

struct Options {
  std::string kind;  // "jsonl", "gsm8k.jsonl"
  std::string format;
  std::string answer_field;
  std::string id_field;
  std::string made;  // of a made data set
  int64_t offset = 0;
  int64_t limit = 0;
  bool chat = false;
};

int64_t small_number(std::string_view text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return std::clamp<int64_t>(value, 0, 1000);
}

Options read_options(std::string_view line) {
  Options options;
  options.kind = line.substr(0, line.find('\t'));
  while (line.find('\t') != std::string_view::npos) {
    line.remove_prefix(line.find('\t') + 1);
    const std::string_view option = line.substr(0, line.find('\t'));
    const size_t equals = std::min(option.find('='), option.size());
    const std::string_view key = option.substr(0, equals);
    const std::string value(option.substr(std::min(equals + 1, option.size())));
    if (key == "template") options.format = value;
    if (key == "answer") options.answer_field = value;
    if (key == "id") options.id_field = value;
    if (key == "options") options.made = value;
    if (key == "offset") options.offset = small_number(value);
    if (key == "limit") options.limit = small_number(value);
    if (key == "chat") options.chat = true;
  }
  return options;
}

// Every record says one thing, by a name of its own.
void check_records(const std::vector<engine::PromptRecord>& prompts) {
  require(!prompts.empty(), "a file without prompts was taken");
  std::set<std::string> ids;
  for (const engine::PromptRecord& prompt : prompts) {
    require(ids.insert(prompt.id).second, "two prompts have one id", prompt.id);
    require(!prompt.origin.empty(), "a prompt does not say where it stands");
    const auto metadata = nlohmann::json::parse(prompt.metadata, nullptr, false);
    require(metadata.is_object(), "metadata is no JSON object", prompt.metadata);
    const int ways = !prompt.messages.empty() + !prompt.ids.empty() + !prompt.text.empty();
    require(ways <= 1, "a prompt is given in two ways", prompt.id);
  }
}

void check_samples(const std::vector<engine::PromptRecord>& prompts, const Options& options) {
  const engine::PrepareOptions prepare{.chat = options.chat,
                                       .system = {},
                                       .max_prompt_tokens = kPromptTokens,
                                       .max_new_tokens = 8,
                                       .truncation = engine::Truncation::middle,
                                       .metrics = {},
                                       .score_first_line = false};
  constexpr size_t kFew = 4;
  for (size_t i = 0; i < std::min(prompts.size(), kFew); ++i) {
    accepts([&] {
      const engine::Sample sample = engine::prepare_sample(prompts[i], demo(), prepare);
      const auto size = static_cast<int64_t>(sample.tokens.size());
      require(size <= kPromptTokens, "a prompt is longer than asked for");
      require(size <= sample.original_tokens || sample.original_tokens > kPromptTokens,
              "a prompt grew");
      require(sample.pieces.size() == sample.tokens.size(), "pieces are missing");
      require(kvreel::is_utf8(sample.text), "a prompt is not UTF-8");
      for (const int32_t id : sample.tokens) {
        require(id >= 0 && id < demo().config.vocab_size, "a token is none of the model's");
      }
    });
  }
}

// Made sets of a few prompts: the words may ask for a hundred thousand.
bool makes_few(const Options& options) {
  const bool ruler = options.kind.starts_with("ruler");
  if (!ruler && !options.kind.starts_with("needle")) return true;
  constexpr size_t kFew = 4;
  const engine::HaystackOptions made = engine::parse_haystack_options(options.made, ruler);
  return static_cast<size_t>(made.count) * (ruler ? 1 : made.depths.size()) <= kFew;
}

std::vector<engine::PromptRecord> read_set(const Options& options,
                                           const std::filesystem::path& file) {
  const engine::DatasetSpec spec{.name = options.kind.substr(0, options.kind.find('.')),
                                 .path = file,
                                 .options = options.made};
  engine::DatasetOptions how;
  if (!options.format.empty()) how.format = options.format;
  how.chat = options.chat;
  how.offset = options.offset;
  how.limit = options.limit;
  how.positions = demo().config.max_positions;
  how.count_tokens = [](std::string_view text) {
    return static_cast<int64_t>(demo().tokenizer->encode(text, true).size());
  };
  return engine::load_dataset(spec, how).prompts;
}

std::vector<engine::PromptRecord> read_file(const Options& options,
                                            const std::filesystem::path& file) {
  return engine::read_prompts(file, {.format = options.format,
                                     .answer_field = options.answer_field,
                                     .id_field = options.id_field,
                                     .offset = options.offset,
                                     .limit = options.limit});
}

// "jsonl" of "gsm8k.jsonl", one of those that readers tell apart.
std::string extension_of(const std::string& kind) {
  for (const char* known : {"jsonl", "json", "csv"}) {
    if (kind == known || kind.ends_with(std::string(".") + known)) return known;
  }
  return "txt";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const kvreel::fuzz::ScratchDirectory scratch;
  const std::string_view input = kvreel::fuzz::as_text(data, size);
  const size_t line = std::min(input.find('\n'), input.size());
  const Options options = read_options(input.substr(0, line));
  const std::filesystem::path file = scratch.write("prompts." + extension_of(options.kind),
                                                   input.substr(std::min(line + 1, input.size())));
  accepts([&] {
    const bool is_set = options.kind.find('.') != std::string::npos;
    if (is_set && !makes_few(options)) return;
    const auto prompts = is_set ? read_set(options, file) : read_file(options, file);
    check_records(prompts);
    check_samples(prompts, options);
  });
  return 0;
}

#ifdef KVREEL_FUZZ
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  kvreel::fuzz::JsonMutator mutator(seed);
  if (mutator.below(2) == 0) return LLVMFuzzerMutate(data, size, most);
  // One line of the file, where it is JSON, or all that follows the first line.
  const std::string_view input = kvreel::fuzz::as_text(data, size);
  const size_t first = input.find('\n');
  if (first == std::string_view::npos) return LLVMFuzzerMutate(data, size, most);
  const bool by_line = input.substr(0, first).find("jsonl") != std::string_view::npos;
  const size_t end = by_line ? std::min(input.find('\n', first + 1), input.size()) : input.size();
  std::string all(input.substr(0, first + 1));
  all += mutator.mutate(input.substr(first + 1, end - first - 1));
  all += input.substr(end);
  return kvreel::fuzz::put_back(all, data, size, most);
}
#endif
