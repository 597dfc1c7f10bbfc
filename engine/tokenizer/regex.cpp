// A compiled regular expression over UTF-8 text: PCRE2 behind Oniguruma's meaning.
#include "engine/tokenizer/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/error.h"
#include "engine/tokenizer/regex_syntax.h"
#include "engine/tokenizer/unicode.h"

namespace kvreel::engine {
namespace {

// A pattern may look at each byte of its subject a few times (a run of spaces is scanned by several
// alternatives), but a pattern that looks at it thousands of times is broken or hostile. PCRE2
// limits the steps of a match from one place, not those of a whole search: so a search gets few for
// each place, and what needs more is tried place by place, at the expense of one budget.
constexpr uint32_t kFewSteps = 1000;
constexpr uint32_t kMoreSteps = 8;  // times as many at each new try
constexpr int64_t kBudgetBase = 1'000'000;
constexpr int64_t kBudgetPerByte = 32;
constexpr uint32_t kHeapLimitKib = 256 * 1024;
constexpr size_t kJitStackStart = 64 * 1024;
constexpr size_t kJitStackLimit = 64 * 1024 * 1024;

std::string message_of(int code) {
  std::array<PCRE2_UCHAR, 256> buffer{};
  pcre2_get_error_message(code, buffer.data(), buffer.size());
  return reinterpret_cast<const char*>(buffer.data());
}

struct FreeCompileContext {
  void operator()(pcre2_compile_context* p) const { pcre2_compile_context_free(p); }
};
struct FreeMatchContext {
  void operator()(pcre2_match_context* p) const { pcre2_match_context_free(p); }
};
struct FreeCode {
  void operator()(pcre2_code* p) const { pcre2_code_free(p); }
};
struct FreeMatchData {
  void operator()(pcre2_match_data* p) const { pcre2_match_data_free(p); }
};
struct FreeJitStack {
  void operator()(pcre2_jit_stack* p) const { pcre2_jit_stack_free(p); }
};

template <typename T>
T* checked(T* pointer, const std::string& where) {
  if (pointer == nullptr) fail("{}: PCRE2 has no memory for the pattern; free some memory.", where);
  return pointer;
}

// A walk over the matches in one subject.
class Search {
 public:
  Search(const pcre2_code* compiled, std::string_view subject, const std::string& where)
      : compiled_(compiled),
        subject_(subject),
        where_(where),
        budget_(kBudgetBase + kBudgetPerByte * static_cast<int64_t>(subject.size())),
        data_(checked(pcre2_match_data_create_from_pattern(compiled, nullptr), where)),
        context_(checked(pcre2_match_context_create(nullptr), where)) {
    pcre2_set_heap_limit(context_.get(), kHeapLimitKib);
  }

  // The first match that begins at byte `at` or later.
  std::optional<TextRange> next(size_t at) {
    const int found = match(at, PCRE2_UNSET, kFewSteps);
    return found == PCRE2_ERROR_MATCHLIMIT ? next_with_effort(at) : result(found, at);
  }

 private:
  // The same, place by place.
  std::optional<TextRange> next_with_effort(size_t at) {
    while (at < subject_.size()) {
      uint32_t steps = kFewSteps;
      int found = match(at, at, steps);
      while (found == PCRE2_ERROR_MATCHLIMIT) {
        budget_ -= steps;
        if (budget_ < 0) refuse(found, at);
        steps *= kMoreSteps;
        found = match(at, at, steps);
      }
      if (const std::optional<TextRange> range = result(found, at)) return range;
      at += first_code_point(subject_.substr(at)).length;
    }
    return std::nullopt;
  }

  // Matches that begin from `at` to `last`, with at most `steps` for each place.
  int match(size_t at, size_t last, uint32_t steps) {
    pcre2_set_match_limit(context_.get(), steps);
    pcre2_set_offset_limit(context_.get(), last);
    const auto run = [&] {
      return pcre2_match(compiled_, reinterpret_cast<PCRE2_SPTR>(subject_.data()), subject_.size(),
                         at, PCRE2_NO_UTF_CHECK, data_.get(), context_.get());
    };
    const int found = run();
    if (found != PCRE2_ERROR_JIT_STACKLIMIT || stack_) return found;
    stack_.reset(checked(pcre2_jit_stack_create(kJitStackStart, kJitStackLimit, nullptr), where_));
    pcre2_jit_stack_assign(context_.get(), nullptr, stack_.get());
    return run();
  }

  std::optional<TextRange> result(int found, size_t at) const {
    if (found == PCRE2_ERROR_NOMATCH) return std::nullopt;
    if (found < 0) refuse(found, at);
    const PCRE2_SIZE* range = pcre2_get_ovector_pointer(data_.get());
    // PCRE2 knows which patterns match nothing, and they are refused; this keeps a walk from
    // standing still should it err.
    if (range[1] <= range[0]) refuse(PCRE2_ERROR_INTERNAL, at);
    return TextRange{range[0], range[1]};
  }

  [[noreturn]] void refuse(int found, size_t at) const {
    fail(
        "{}: matching a text of {} bytes at byte {} stopped: {}; the pattern needs too much work "
        "for this text.",
        where_, subject_.size(), at, message_of(found));
  }

  const pcre2_code* compiled_;
  std::string_view subject_;
  const std::string& where_;
  int64_t budget_;
  std::unique_ptr<pcre2_match_data, FreeMatchData> data_;
  std::unique_ptr<pcre2_match_context, FreeMatchContext> context_;
  std::unique_ptr<pcre2_jit_stack, FreeJitStack> stack_;  // only for subjects that need one
};

}  // namespace

struct Regex::Code {
  std::unique_ptr<pcre2_code, FreeCode> compiled;
};

Regex::Regex(std::string_view pattern, std::string where) : where_(std::move(where)) {
  constexpr size_t kMaxPattern = 64 * 1024;
  if (pattern.size() > kMaxPattern) {
    fail("{}: the pattern has {} bytes; kvreel accepts up to {}.", where_, pattern.size(),
         kMaxPattern);
  }
  const std::string translated = to_pcre2_syntax(pattern, where_);
  const std::unique_ptr<pcre2_compile_context, FreeCompileContext> context(
      checked(pcre2_compile_context_create(nullptr), where_));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  constexpr uint32_t kOptions = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_USE_OFFSET_LIMIT;
  int error = 0;
  PCRE2_SIZE offset = 0;
  auto code = std::make_shared<Code>();
  code->compiled.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()),
                                     translated.size(), kOptions, &error, &offset, context.get()));
  if (!code->compiled) {
    fail(
        "{}: the regular expression '{}' is malformed: {} (near byte {} of its PCRE2 form); mend "
        "it "
        "or fetch the file again.",
        where_, pattern, message_of(error), offset);
  }
  uint32_t matches_empty = 0;
  pcre2_pattern_info(code->compiled.get(), PCRE2_INFO_MATCHEMPTY, &matches_empty);
  if (matches_empty != 0) {
    fail(
        "{}: the regular expression '{}' matches the empty text, so it cannot split a text; mend "
        "it.",
        where_, pattern);
  }
  // Without a JIT compiler on this machine the interpreter does the same work, slower.
  pcre2_jit_compile(code->compiled.get(), PCRE2_JIT_COMPLETE);
  code_ = std::move(code);
}

std::vector<TextRange> Regex::find_all(std::string_view subject) const {
  std::vector<TextRange> matches;
  Search search(code_->compiled.get(), subject, where_);
  for (size_t at = 0; at < subject.size();) {
    const std::optional<TextRange> match = search.next(at);
    if (!match) break;
    matches.push_back(*match);
    at = match->end;
  }
  return matches;
}

}  // namespace kvreel::engine
