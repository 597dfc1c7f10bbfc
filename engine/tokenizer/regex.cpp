// A compiled regular expression over UTF-8 text: PCRE2 behind Oniguruma's meaning.
#include "engine/tokenizer/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "engine/tokenizer/regex_syntax.h"

namespace kvreel::engine {
namespace {

// A pattern may look at each byte of its subject a few times (a run of spaces is scanned by several
// alternatives), but a pattern that looks at it thousands of times is broken or hostile.
constexpr size_t kMatchLimitBase = 10'000'000;
constexpr size_t kMatchLimitPerByte = 16;
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
  int error = 0;
  PCRE2_SIZE offset = 0;
  auto code = std::make_shared<Code>();
  code->compiled.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()),
                                     translated.size(), PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE,
                                     &error, &offset, context.get()));
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
  const pcre2_code* compiled = code_->compiled.get();
  const std::unique_ptr<pcre2_match_data, FreeMatchData> data(
      checked(pcre2_match_data_create_from_pattern(compiled, nullptr), where_));
  const std::unique_ptr<pcre2_match_context, FreeMatchContext> context(
      checked(pcre2_match_context_create(nullptr), where_));
  const size_t limit = kMatchLimitBase + kMatchLimitPerByte * subject.size();
  pcre2_set_match_limit(context.get(), static_cast<uint32_t>(std::min<size_t>(limit, UINT32_MAX)));
  pcre2_set_heap_limit(context.get(), kHeapLimitKib);
  std::unique_ptr<pcre2_jit_stack, FreeJitStack> stack;  // only for subjects that need one

  std::vector<TextRange> matches;
  size_t at = 0;
  while (at < subject.size()) {
    const int found =
        pcre2_match(compiled, reinterpret_cast<PCRE2_SPTR>(subject.data()), subject.size(), at,
                    PCRE2_NO_UTF_CHECK, data.get(), context.get());
    if (found == PCRE2_ERROR_NOMATCH) break;
    if (found == PCRE2_ERROR_JIT_STACKLIMIT && !stack) {
      stack.reset(checked(pcre2_jit_stack_create(kJitStackStart, kJitStackLimit, nullptr), where_));
      pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
      continue;
    }
    if (found < 0) {
      fail(
          "{}: matching a text of {} bytes at byte {} stopped: {}; the pattern needs too much work "
          "for this text.",
          where_, subject.size(), at, message_of(found));
    }
    const PCRE2_SIZE* range = pcre2_get_ovector_pointer(data.get());
    matches.push_back({range[0], range[1]});
    at = range[1];
  }
  return matches;
}

}  // namespace kvreel::engine
