// JSON from elsewhere: what is refused, and in which words.
#include "base/json.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <functional>
#include <string>

#include "base/error.h"

namespace kvreel {
namespace {

std::string error_of(const std::string& text, const JsonSource& source = {.name = "'c.json'"}) {
  try {
    parse_json_text(text, source);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(ParseJsonText, NamesLineColumnReasonAndRemedy) {
  EXPECT_EQ(error_of("{\n  \"a\": 1,\n  \"b\": }\n"),
            "'c.json' is not valid JSON: line 3, column 8, } is not expected there; correct it or "
            "fetch it again.");
  EXPECT_EQ(error_of("{\"a\": 1,", json_line("p.jsonl, line 7")),
            "p.jsonl, line 7 is not valid JSON: column 8, it ends too early, in the middle of a "
            "value; every line of a .jsonl file must be one JSON object.");
}

TEST(ParseJsonText, SaysWhatIsWrong) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "there is nothing in it"},
      {" \n", "there is nothing in it"},
      {"[1, 2", "it ends too early"},
      {"[\"abc", "it ends too early"},
      {"[1e400]", "the number 1e400 is too large"},
      {"[tru]", "column 5, ] is not expected there"},
      {"{} {}", "column 4, { is not expected there"},
      {"[\"a\nb\"]", "line 1, column 3, a text holds a control character; write it as \\n"},
      {"[\"a\x1b\"]", "a text holds a control character; write it as \\u001b"},
      {"[\"caf\xe9\"]", "there are bytes that are not UTF-8"},
      {"[\"\xe6\xbc\"]", "there are bytes that are not UTF-8"},
      {"{\u201ca\u201d: 1}", "column 2, \u201c is not expected there"},
      {"{'a': 1}", "column 2, ' is not expected there"},
      {"[NaN]", "column 2, N is not expected there"},
  };
  for (const auto& [text, part] : cases) {
    EXPECT_NE(error_of(text).find(part), std::string::npos) << text << ": " << error_of(text);
    EXPECT_EQ(error_of(text).find("json.exception"), std::string::npos);
  }
}

TEST(ParseJsonText, CountsColumnsInCharacters) {
  EXPECT_NE(error_of("{\"\u6f22\u5b57\": ]").find("column 8"), std::string::npos)
      << error_of("{\"\u6f22\u5b57\": ]");
}

TEST(ParseJsonText, HidesNothingOfAHostileExcerpt) {
  const std::string error = error_of("[\x1b[2J]");
  EXPECT_EQ(error.find('\x1b'), std::string::npos) << error;
}

// On a thread of so small a stack, as any walker that recurses would exhaust.
void on_small_stack(const std::function<void()>& work) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, size_t{256} << 10);
  pthread_t thread;
  const auto run = [](void* argument) -> void* {
    (*static_cast<const std::function<void()>*>(argument))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, run, const_cast<std::function<void()>*>(&work)),
            0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

TEST(ParseJsonText, RefusesDeepNestingOnASmallStack) {
  on_small_stack([] {
    for (const std::string open : {"[", "{\"a\":"}) {
      std::string deep;
      for (int i = 0; i < 100'000; ++i) deep += open;
      EXPECT_NE(error_of(deep).find("deeper than 64 levels"), std::string::npos);
      for (int i = 0; i < 100'000; ++i) deep += open == "[" ? "]" : "}";
      EXPECT_NE(error_of(deep).find("deeper than 64 levels"), std::string::npos);
      EXPECT_TRUE(parse_json_or_discard(deep).is_discarded());
    }
  });
}

TEST(ParseJsonText, TakesWhatIsJust64Deep) {
  const std::string most = std::string(64, '[') + std::string(64, ']');
  EXPECT_TRUE(parse_json_text(most, {.name = "x"}).is_array());
  EXPECT_NE(error_of("[" + most + "]").find("deeper"), std::string::npos);
  // Brackets in texts are no levels.
  EXPECT_TRUE(
      parse_json_text("[\"" + std::string(100, '[') + "\\\"" + std::string(100, '{') + "\"]",
                      {.name = "x"})
          .is_array());
}

TEST(ParseJsonText, RefusesMoreValuesThanFitIntoMemory) {
  std::string many = "[";
  for (size_t i = 0; i < kMostJsonValues; ++i) many += "0,";
  many += "0]";
  EXPECT_NE(error_of(many).find("JSON values"), std::string::npos);
  EXPECT_TRUE(parse_json_or_discard(many).is_discarded());
}

}  // namespace
}  // namespace kvreel
