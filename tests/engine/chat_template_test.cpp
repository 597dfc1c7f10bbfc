// Chat templates against Jinja itself, the templates of three published models, and what must be
// refused.
#include "engine/tokenizer/chat_template.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/temp_model.h"
#include "engine/tokenizer/tokenizer.h"

namespace kvreel::engine {
namespace {

using nlohmann::json;
using test::contains;
using test::error_of;

std::string render(const std::string& source, const std::vector<ChatMessage>& messages = {},
                   bool add_generation_prompt = false) {
  return ChatTemplate(source, "here.jinja").render(messages, "<s>", "</s>", add_generation_prompt);
}

// Renderings by jinja2 as transformers configures it, made by
// tests/fixtures/tokenizers/make_fixtures.py.
TEST(ChatTemplate, RendersEveryConstructAsJinjaDoes) {
  std::ifstream stream(std::filesystem::path(KVREEL_SOURCE_DIR) /
                       "tests/fixtures/tokenizers/chat_templates.json");
  const json document = json::parse(stream);
  std::vector<std::vector<ChatMessage>> conversations;
  for (const json& conversation : document.at("conversations")) {
    std::vector<ChatMessage>& messages = conversations.emplace_back();
    for (const json& message : conversation) {
      messages.push_back(
          {message.at("role").get<std::string>(), message.at("content").get<std::string>()});
    }
  }
  size_t rendered = 0;
  size_t refused = 0;
  for (const auto& [name, group] : document.at("templates").items()) {
    const ChatTemplate chat_template(group.at("template").get<std::string>(), name);
    for (const json& expected : group.at("cases")) {
      const std::vector<ChatMessage>& messages =
          conversations.at(expected.at("messages").get<size_t>());
      const auto result = [&] {
        return chat_template.render(messages, "<s>", "</s>",
                                    expected.at("add_generation_prompt").get<bool>());
      };
      if (expected.contains("refused")) {
        EXPECT_TRUE(contains(error_of(result), {name, "line 1"}));
        ++refused;
      } else {
        EXPECT_EQ(result(), expected.at("rendered").get<std::string>()) << name;
        ++rendered;
      }
    }
  }
  EXPECT_EQ(document.at("templates").size(), 34u);
  EXPECT_EQ(rendered, 138u);
  EXPECT_EQ(refused, 2u);
}

TEST(ChatTemplate, GivesTheTemplatesOwnRefusal) {
  EXPECT_TRUE(
      contains(error_of([] { render("a\n{{ raise_exception('Roles must ' + 'alternate') }}"); }),
               {"here.jinja", "line 2", "Roles must alternate"}));
}

TEST(ChatTemplate, RefusesUnknownConstructsWithLineAndName) {
  const auto refusal = [](const std::string& source) {
    return error_of([&] { ChatTemplate(source, "here.jinja"); });
  };
  EXPECT_TRUE(
      contains(refusal("\n\n{% macro f() %}{% endmacro %}"), {"here.jinja, line 3", "macro"}));
  EXPECT_TRUE(contains(refusal("\n{% include 'x' %}"), {"line 2", "include"}));
  EXPECT_TRUE(contains(refusal("{% raw %}{% endraw %}"), {"line 1", "raw"}));
  EXPECT_TRUE(contains(refusal("{% if true %}\n{{ x | frobnicate }}{% endif %}"),
                       {"line 2", "filter 'frobnicate'"}));
  EXPECT_TRUE(contains(refusal("{{ x is frobnicated }}"), {"line 1", "test 'frobnicated'"}));
  EXPECT_TRUE(contains(refusal("{% for x in y recursive %}{% endfor %}"), {"recursive"}));
  EXPECT_TRUE(contains(refusal("{{ 2 ** 3 }}"), {"'**'"}));
  EXPECT_TRUE(contains(refusal("{{ f(*x) }}"), {"'*'"}));
  EXPECT_TRUE(contains(refusal("{{ '\\N{DASH}' }}"), {"\\N"}));
  EXPECT_TRUE(contains(refusal("{% break %}"), {"'break'", "outside of a loop"}));
  EXPECT_TRUE(contains(refusal("{{ a ! b }}"), {"'!'"}));
}

TEST(ChatTemplate, RefusesMalformedTemplatesWithTheLine) {
  const std::vector<std::string> malformed = {"{{",
                                              "{{ 1",
                                              "{% if true %}",
                                              "{% if %}a{% endif %}",
                                              "{% endif %}",
                                              "{% for x %}",
                                              "{# never",
                                              "{{ 'open }}",
                                              "{{ (1 }}",
                                              "{{ 1) }}",
                                              "{{ [1, }}",
                                              "{{ {'a' 1} }}",
                                              "{{ a. }}",
                                              "{{ a[ }}",
                                              "{{ }}",
                                              "{% %}",
                                              "{% set = 1 %}",
                                              "{% set 1 = 2 %}",
                                              "{{ '\\x4' }}",
                                              "{{ '\\uD800' }}",
                                              "{{ 1 2 }}",
                                              "{% else %}",
                                              "{{ f(a=1, 2) }}",
                                              "{{ 99999999999999999999 }}",
                                              "{{ 1_0 }}",
                                              "{% if true %}a{% endfor %}",
                                              "{{ not }}",
                                              "{{ a if }}",
                                              "{{ 01 }}",
                                              "{% for k, in x %}{% endfor %}",
                                              "{{ '\\\xC3\xA9' }}"};
  for (const std::string& source : malformed) {
    EXPECT_TRUE(contains(error_of([&] { ChatTemplate("\n" + source, "here.jinja"); }),
                         {"here.jinja, line 2"}))
        << source;
  }
  EXPECT_TRUE(contains(error_of([] { ChatTemplate("ab\xFF", "here.jinja"); }),
                       {"here.jinja", "UTF-8 at byte 2"}));
}

TEST(ChatTemplate, RefusesAtTheLineWhatFailsWhileRendering) {
  const std::vector<std::string> failing = {"{{ missing.x }}",
                                            "{{ missing['x'] }}",
                                            "{{ missing + 'a' }}",
                                            "{{ missing() }}",
                                            "{{ 'a' + 1 }}",
                                            "{{ 1 / 0 }}",
                                            "{{ 1 % 0 }}",
                                            "{{ 9223372036854775807 + 1 }}",
                                            "{{ 1 < 'a' }}",
                                            "{{ 1 in 'a' }}",
                                            "{{ 1 in 2 }}",
                                            "{% for x in 3 %}{% endfor %}",
                                            "{{ 'a'.frobnicate() }}",
                                            "{{ [1].append(2) }}",
                                            "{{ 3 | length }}",
                                            "{{ missing | tojson }}",
                                            "{{ 'a'.split('') }}",
                                            "{{ 'a'.strip(1) }}",
                                            "{{ range(200000) }}",
                                            "{{ 'é' | upper }}",
                                            "{% set a, b = [1] %}",
                                            "{% set messages.x = 1 %}",
                                            "{{ 'a' | wordwrap }}",
                                            "{{ [1][::0] }}",
                                            "{{ 'a' | trim(1, 2) }}",
                                            "{{ 'a' | join(x=1) }}",
                                            "{{ {1: 2} }}",
                                            "{{ 'x' * 999999999999 }}",
                                            "{{ loop }}{{ range }}"};
  for (const std::string& source : failing) {
    EXPECT_TRUE(contains(error_of([&] { render("\n" + source); }), {"here.jinja, line 2"}))
        << source;
  }
  EXPECT_TRUE(contains(error_of([] {
                         render("{{ messages }}", {{"user", "a\xC3"}});
                       }),
                       {"content", "UTF-8 at byte 1"}));
}

TEST(ChatTemplate, StopsTemplatesThatDoNotEnd) {
  EXPECT_TRUE(contains(
      error_of([] {
        render(
            "{% for a in range(9999) %}{% for b in range(9999) %}{% set c = a + b %}{% endfor %}"
            "{% endfor %}");
      }),
      {"here.jinja, line 1", "more work than any conversation needs"}));
  std::string doubling = "{% set ns = namespace(x='aaaaaaaaaaaaaaaa') %}";
  doubling += "{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}";
  EXPECT_TRUE(contains(error_of([&] { render(doubling); }), {"here.jinja, line 1", "more work"}));
  // Nesting that would exhaust the stack.
  const auto nested = [](const std::string& open, const std::string& close) {
    std::string source;
    for (int i = 0; i < 20'000; ++i) source += open;
    source += close;
    return error_of([&] { ChatTemplate(source, "here.jinja"); });
  };
  EXPECT_TRUE(contains(nested("{% if 1 %}", ""), {"deeper"}));
  const std::string parentheses =
      "{{ " + std::string(100'000, '(') + "1" + std::string(100'000, ')') + " }}";
  EXPECT_TRUE(contains(error_of([&] { ChatTemplate(parentheses, "here.jinja"); }), {"deeper"}));
  std::string nots = "{{ ";
  std::string sums = "{{ 1";
  std::string items = "{{ a";
  for (int i = 0; i < 20'000; ++i) {
    nots += "not ";
    sums += "+1";
    items += ".a";
  }
  EXPECT_TRUE(contains(error_of([&] { ChatTemplate(nots + "1 }}", "here.jinja"); }), {"deeper"}));
  EXPECT_TRUE(
      contains(error_of([&] { ChatTemplate(sums + " }}", "here.jinja"); }), {"1000 operators"}));
  EXPECT_TRUE(
      contains(error_of([&] { ChatTemplate(items + " }}", "here.jinja"); }), {"1000 operators"}));
}

// What a few words can make of little. A part of the limit is enough to show that all of it counts.
TEST(ChatTemplate, StopsTemplatesThatMultiplyTextOrWork) {
  constexpr int64_t kWork = kMaxTemplateWork / 32;
  const auto refusal = [](const std::string& source) {
    return error_of(
        [&] { ChatTemplate(source, "here.jinja").render({}, "<s>", "</s>", true, kWork); });
  };
  const std::string more = "more work than any conversation needs";
  const std::vector<std::string> templates = {
      // nothing is done in the loops but to loop
      "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
      "{% set s = 'x' * 100000 %}{% for i in range(100000) %}{% set t = s %}{% endfor %}",
      "{{ range(100000) | join('x' * 10000) }}", "{{ ('a' * 10000) | replace('a', 'b' * 10000) }}",
      "{{ ('a' * 10000).replace('', 'b' * 10000) }}",
      "{{ range(1000) | list | tojson(separators=('x' * 100000, ':')) }}",
      // the name of what is not there, and searches, over and over
      "{% set u = {}['x' * 100000] %}{% for i in range(100000) %}{% set v = u %}{% endfor %}",
      "{{ range(1000) | map('string') | select('in', 'x' * 100000) | list }}",
      "{{ range(1000) | map('string') | map('join', 'x' * 100000) | list }}",
      "{{ range(1000) | map('default', 'y') | map('trim', 'x' * 100000) | list }}",
      "{{ range(1000) | map('default', 'x') | map('replace', '', 'x' * 99999) | list }}"};
  for (const std::string& source : templates) {
    EXPECT_TRUE(contains(refusal(source), {"here.jinja, line 1", more})) << source;
  }
  // Texts that nearly match everywhere.
  EXPECT_EQ(render("{{ ('a' * 2000000 ~ 'b') in ('a' * 4000000) }}"), "False");
  // Lists that hold themselves twice: as text, and compared.
  const std::string doubled =
      "{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(60) %}"
      "{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}";
  EXPECT_TRUE(contains(refusal(doubled + "{{ ns.x }}"), {more}));
  EXPECT_TRUE(contains(refusal(doubled + "{{ ns.x | tojson }}"), {more}));
  EXPECT_TRUE(contains(refusal(doubled + "{{ ns.x == ns.y }}"), {more}));
  EXPECT_TRUE(contains(
      error_of([] { ChatTemplate(std::string(kMaxTemplateSource + 1, 'x'), "here.jinja"); }),
      {"here.jinja has 262145 bytes", "262144"}));
}

TEST(ChatTemplate, StopsValuesThatNestWithoutEnd) {
  const auto refusal = [](const std::string& body) {
    return error_of([&] {
      render("{% set ns = namespace(x=1) %}{% for i in range(100000) %}" + body + "{% endfor %}");
    });
  };
  EXPECT_TRUE(contains(refusal("{% set ns.x = [ns.x] %}"), {"deeper than 100 levels"}));
  EXPECT_TRUE(contains(refusal("{% set ns.x = {'x': ns.x} %}"), {"deeper than 100 levels"}));
  EXPECT_TRUE(contains(refusal("{% for j in [ns.x] %}{% set ns.x = loop %}{% endfor %}"),
                       {"deeper than 100 levels"}));
  const std::string inside = "a namespace inside of another value";
  EXPECT_TRUE(contains(refusal("{% set ns.x = ns %}"), {inside}));
  EXPECT_TRUE(contains(refusal("{% set ns.x = [ns] %}"), {inside}));
  EXPECT_TRUE(contains(refusal("{% set ns = namespace(x=ns) %}"), {inside}));
}

TEST(ChatTemplate, AConversationOfAMillionTokensIsWithinTheLimits) {
  std::vector<ChatMessage> messages;
  for (int i = 0; i < 1000; ++i) messages.push_back({"user", std::string(4000, 'x') + " "});
  const ChatTemplate chat_template(
      "{% for m in messages %}{% set content = '<|' + m['role'] + '|>' + m['content'] | trim %}"
      "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}"
      "{% endfor %}",
      "here.jinja");
  EXPECT_EQ(chat_template.render(messages, "<s>", "</s>", true).size(), 3 + 1000 * (8 + 4000u));
}

TEST(ChatTemplate, LeavesTokensThatAModelLacksUndefined) {
  const ChatTemplate chat_template(
      "{{ bos_token is defined }}{{ eos_token is defined }}[{{ bos_token }}]", "here");
  EXPECT_EQ(chat_template.render({}, "", "", false), "FalseFalse[]");
  EXPECT_EQ(chat_template.render({}, "<s>", "</s>", false), "TrueTrue[<s>]");
}

TEST(ChatTemplate, FormatsTheDateOfToday) {
  const std::time_t before = std::time(nullptr);
  const std::string rendered = render("{{ strftime_now('%d %b %Y') }}");
  const std::time_t after = std::time(nullptr);
  std::set<std::string> days;  // two where midnight passes meanwhile
  for (const std::time_t now : {before, after}) {
    std::array<char, 64> text{};
    std::strftime(text.data(), text.size(), "%d %b %Y", std::localtime(&now));
    days.insert(text.data());
  }
  EXPECT_TRUE(days.contains(rendered)) << rendered;
}

TEST(ChatTemplate, RendersTheTemplateThatATokenizerCarries) {
  const Tokenizer tokenizer = Tokenizer::load(std::filesystem::path(KVREEL_SOURCE_DIR) /
                                              "tests/fixtures/tokenizers/byte_level_qwen2");
  const ChatTemplate chat_template(tokenizer.chat_template(),
                                   "tokenizer_config.json, key chat_template");
  const std::string prompt = chat_template.render(
      std::vector<ChatMessage>{{"user", "Hi"}}, tokenizer.bos_token(), tokenizer.eos_token(), true);
  EXPECT_EQ(prompt, "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  // The template's own special tokens become ids.
  EXPECT_EQ(tokenizer.encode(prompt, false).front(), tokenizer.id_of("<|im_start|>"));
}

// ---- the templates of published models, where the assets are at hand; expectations checked with
// jinja2 3.1.6 ----

class PublishedTemplate : public testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("KVREEL_TEST_ASSETS") == nullptr) {
      GTEST_SKIP() << "KVREEL_TEST_ASSETS is not set to the directory of test assets";
    }
  }

  static std::string render_with(const std::string& model, const std::vector<ChatMessage>& messages,
                                 bool prompt) {
    std::ifstream stream(std::filesystem::path(std::getenv("KVREEL_TEST_ASSETS")) / "tokenizers" /
                         model / "tokenizer_config.json");
    const json config = json::parse(stream);
    const auto token = [&](const char* key) {
      return config.at(key).is_string() ? config.at(key).get<std::string>() : std::string();
    };
    return ChatTemplate(config.at("chat_template").get<std::string>(), model)
        .render(messages, token("bos_token"), token("eos_token"), prompt);
  }

  const std::vector<ChatMessage> question_ = {{"user", "What is 1+1?"}};
  const std::vector<ChatMessage> dialogue_ = {
      {"user", "Hi"}, {"assistant", "Hello."}, {"user", " Bye \n"}};
  const std::vector<ChatMessage> with_system_ = {{"system", " Be brief. "}, {"user", "Hi"}};
};

TEST_F(PublishedTemplate, Qwen25) {
  const std::string system =
      "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful "
      "assistant.<|im_end|>\n";
  EXPECT_EQ(render_with("qwen2.5", question_, true),
            system + "<|im_start|>user\nWhat is 1+1?<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(render_with("qwen2.5", dialogue_, false),
            system +
                "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n"
                "<|im_start|>user\n Bye \n<|im_end|>\n");
  EXPECT_EQ(render_with("qwen2.5", with_system_, true),
            "<|im_start|>system\n Be brief. "
            "<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
}

TEST_F(PublishedTemplate, Llama3) {
  std::string rendered = render_with("llama-3", with_system_, true);
  const std::string head =
      "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: "
      "December 2023\nToday Date: ";
  const std::string tail =
      "\n\nBe brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
      "<|start_header_id|>assistant<|end_header_id|>\n\n";
  ASSERT_TRUE(rendered.starts_with(head)) << rendered;
  ASSERT_TRUE(rendered.ends_with(tail)) << rendered;
  // Between them stands today's date, as in "26 Jul 2024".
  EXPECT_EQ(rendered.size(), head.size() + 11 + tail.size()) << rendered;
  rendered = render_with("llama-3", dialogue_, false);
  EXPECT_TRUE(
      rendered.ends_with("\n\n<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
                         "<|start_header_id|>assistant<|end_header_id|>\n\nHello.<|eot_id|>"
                         "<|start_header_id|>user<|end_header_id|>\n\nBye<|eot_id|>"))
      << rendered;
}

TEST_F(PublishedTemplate, Mistral) {
  EXPECT_EQ(render_with("mistral-v0.1", question_, true), "<s>[INST] What is 1+1? [/INST]");
  EXPECT_EQ(render_with("mistral-v0.1", dialogue_, false),
            "<s>[INST] Hi [/INST]Hello.</s>[INST]  Bye \n [/INST]");
  EXPECT_TRUE(contains(error_of([&] { render_with("mistral-v0.1", with_system_, true); }),
                       {"mistral-v0.1, line 1", "Conversation roles must alternate"}));
}

}  // namespace
}  // namespace kvreel::engine
