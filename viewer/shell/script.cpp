// A person's steps, written down.
#include "viewer/shell/script.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/read_file.h"
#include "base/text.h"
#include "base/visible_text.h"
#include "viewer/model/figure_choice.h"
#include "viewer/shell/keys.h"

namespace kvreel::viewer {
namespace {

// The last argument of some commands is the rest of the line.
struct Grammar {
  std::string_view command;
  size_t least;
  size_t most;
  bool rest = false;
};
constexpr std::array kGrammar = {
    Grammar{"click", 1, 3},      Grammar{"double-click", 1, 3}, Grammar{"hover", 1, 3},
    Grammar{"drag", 5, 5},       Grammar{"wheel", 2, 2},        Grammar{"key", 1, 1},
    Grammar{"type", 1, 1, true}, Grammar{"frames", 1, 1},       Grammar{"wait", 0, 0},
    Grammar{"shot", 1, 2},       Grammar{"theme", 1, 1},        Grammar{"size", 1, 1},
    Grammar{"open", 1, 1, true}, Grammar{"expect", 2, 2, true}, Grammar{"absent", 1, 1},
    Grammar{"figure", 1, 1}};

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

void skip_spaces(std::string_view& text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
}

// Takes the next word, or what stands in quotes, off a line.
std::string take_word(std::string_view& line) {
  std::string word;
  bool quoted = false;
  size_t i = 0;
  for (; i < line.size() && (quoted || !is_space(line[i])); ++i) {
    if (line[i] == '"') {
      quoted = !quoted;
    } else {
      word += line[i];
    }
  }
  if (quoted) fail("a quote is not closed");
  line.remove_prefix(i);
  skip_spaces(line);
  return word;
}

std::string take_rest(std::string_view& line) {
  const bool quoted = line.size() > 1 && line.front() == '"' && line.back() == '"';
  std::string rest(quoted ? line.substr(1, line.size() - 2) : line);
  line = {};
  return rest;
}

double number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) fail("'{}' is no number", text);
  return value;
}

ScriptStep parse_step(std::string_view line) {
  ScriptStep step;
  step.command = take_word(line);
  const auto* grammar = std::find_if(kGrammar.begin(), kGrammar.end(), [&](const Grammar& known) {
    return known.command == step.command;
  });
  if (grammar == kGrammar.end()) {
    std::vector<std::string> names;
    for (const Grammar& known : kGrammar) names.emplace_back(known.command);
    fail("there is no command '{}'.{}", step.command, suggest_name(step.command, names));
  }
  while (!line.empty()) {
    const bool rest = grammar->rest && step.arguments.size() + 1 == grammar->most;
    step.arguments.push_back(rest ? take_rest(line) : take_word(line));
  }
  const size_t count = step.arguments.size();
  if (count < grammar->least || count > grammar->most) {
    fail("'{}' takes {} arguments, not {}", step.command,
         grammar->least == grammar->most ? fmt::format("{}", grammar->least)
                                         : fmt::format("{} to {}", grammar->least, grammar->most),
         count);
  }
  return step;
}

// What can be seen to be wrong before anything runs.
void check_step(const ScriptStep& step) {
  const auto& arguments = step.arguments;
  const std::string& command = step.command;
  if (command == "click" || command == "double-click" || command == "hover") {
    if (arguments.size() == 2) fail("a place is two numbers: FX FY");
    for (size_t i = 1; i < arguments.size(); ++i) number(arguments[i]);
  } else if (command == "drag" || command == "wheel") {
    for (size_t i = 1; i < arguments.size(); ++i) number(arguments[i]);
  } else if (command == "frames") {
    const double count = number(arguments[0]);
    if (!(count >= 1 && count <= 100000)) fail("'frames' takes a number from 1 to 100000");
  } else if (command == "key") {
    if (!parse_key(arguments[0])) fail("there is no key '{}'", arguments[0]);
  } else if (command == "theme") {
    if (arguments[0] != "dark" && arguments[0] != "light") fail("a theme is dark or light");
  } else if (command == "size") {
    parse_size(arguments[0]);
  } else if (command == "figure" && find_figure(arguments[0]) == nullptr) {
    std::vector<std::string> names;
    for (const auto& info : exports::known_figures()) names.emplace_back(info.name);
    fail("there is no figure '{}'.{}", arguments[0], suggest_name(arguments[0], names));
  }
}

// Whole sentences: "steps.txt, line 3: there is no item 'x'."
template <typename Work>
void at_line(const std::string& name, int line, const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    std::string_view why = error.what();
    const bool ends = why.ends_with('.') || why.ends_with('?');
    fail("{}, line {}: {}{}", name, line, why, ends ? "" : ".");
  }
}

class Runner {
 public:
  Runner(App& app, OffscreenHost& host) : app_(app), host_(host) {}

  void run(const ScriptStep& step) {
    const auto& a = step.arguments;
    const std::string& command = step.command;
    if (command == "click") {
      point(a);
      press();
    } else if (command == "double-click") {
      point(a);
      press();
      press();
    } else if (command == "hover") {
      point(a);
      frames(2);
    } else if (command == "drag") {
      drag(a[0], {number(a[1]), number(a[2])}, {number(a[3]), number(a[4])});
    } else if (command == "wheel") {
      point({a[0]});
      host_.input().wheel = static_cast<float>(number(a[1]));
      frames(2);
    } else if (command == "key") {
      host_.input().keys = {*parse_key(a[0])};
      frames(2);
    } else if (command == "type") {
      host_.input().text = a[0];
      frames(2);
    } else if (command == "frames") {
      frames(static_cast<int>(number(a[0])));
    } else if (command == "wait") {
      wait();
    } else if (command == "shot") {
      shot(a);
    } else if (command == "theme") {
      app_.set_dark(a[0] == "dark");
      frames(2);
    } else if (command == "size") {
      const PixelSize size = parse_size(a[0]);
      host_.resize(size.width, size.height);
      frames(3);
    } else if (command == "figure") {
      app_.session().go(Page::figures);
      app_.session().view().figure.name = a[0];
      frames(2);
    } else if (command == "open") {
      app_.open(a[0]);
      frames(1);
    } else if (command == "expect") {
      expect(a[0], a[1]);
    } else if (command == "absent") {
      if (app_.items().find(a[0]) != nullptr) fail("there is an item '{}'", a[0]);
    }
  }

 private:
  struct Place {
    double x;
    double y;
  };

  void frames(int count) {
    for (int i = 0; i < count; ++i) app_.frame();
  }

  void wait() {
    if (!app_.settle()) fail("something is still loading after a minute");
  }

  const Items::Item& item(const std::string& name) {
    const Items::Item* found = app_.items().find(name);
    if (found == nullptr && app_.library().busy()) {
      wait();
      found = app_.items().find(name);
    }
    if (found == nullptr) {
      std::vector<std::string> names;
      for (const auto& [known, unused] : app_.items().all()) names.push_back(known);
      const std::string near = nearest_name(name, names);
      fail("there is no item '{}'.{}", name,
           near.empty() ? std::string(" --dump-items lists those that there are.")
                        : fmt::format(" Did you mean '{}'?", near));
    }
    return *found;
  }

  ImVec2 place(const std::string& name, Place at) {
    const Rect& rect = item(name).rect;
    const ImVec2 point = {rect.x + rect.w * static_cast<float>(at.x),
                          rect.y + rect.h * static_cast<float>(at.y)};
    const ImVec2 size = host_.size();
    if (point.x < 0 || point.y < 0 || point.x >= size.x || point.y >= size.y) {
      fail("'{}' is at ({:.0f}, {:.0f}) there, outside the window of {:.0f} x {:.0f} pixels", name,
           point.x, point.y, size.x, size.y);
    }
    return point;
  }

  void point(const std::vector<std::string>& a) {
    const Place at = a.size() == 3 ? Place{number(a[1]), number(a[2])} : Place{0.5, 0.5};
    host_.input().pointer = place(a[0], at);
    frames(1);
  }

  void press() {
    host_.input().down[0] = true;
    frames(1);
    host_.input().down[0] = false;
    frames(2);
  }

  void drag(const std::string& name, Place from, Place to) {
    constexpr int kMoves = 8;
    host_.input().pointer = place(name, from);
    const ImVec2 end = place(name, to);
    const ImVec2 begin = host_.input().pointer;
    frames(1);
    host_.input().down[0] = true;
    frames(1);
    for (int i = 1; i <= kMoves; ++i) {
      const float t = static_cast<float>(i) / kMoves;
      host_.input().pointer = {begin.x + (end.x - begin.x) * t, begin.y + (end.y - begin.y) * t};
      frames(1);
    }
    host_.input().down[0] = false;
    frames(2);
  }

  void shot(const std::vector<std::string>& a) {
    Picture picture;
    if (a.size() == 2) item(a[1]);
    app_.frame(&picture);
    if (a.size() == 2) picture = crop(picture, item(a[1]).rect);
    write_png(a[0], picture);
  }

  void expect(const std::string& name, const std::string& text) {
    if (item(name).text.find(text) != std::string::npos) return;
    if (app_.library().busy()) wait();
    const std::string& says = item(name).text;
    if (says.find(text) == std::string::npos) fail("'{}' says '{}', not '{}'", name, says, text);
  }

  App& app_;
  OffscreenHost& host_;
};

}  // namespace

PixelSize parse_size(const std::string& text) {
  PixelSize size;
  int used = 0;
  if (std::sscanf(text.c_str(), "%5dx%5d%n", &size.width, &size.height, &used) != 2 ||
      static_cast<size_t>(used) != text.size() || size.width < 200 || size.height < 150 ||
      size.width > 16384 || size.height > 16384) {
    fail_usage("A size is written as 1600x1000 (at least 200x150), not '{}'.", text);
  }
  return size;
}

Script parse_script(std::string_view text, const std::string& name) {
  Script script{name, {}};
  for (int line = 1; !text.empty(); ++line) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view content = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    skip_spaces(content);
    if (content.empty() || content.front() == '#') continue;
    at_line(name, line, [&] {
      ScriptStep step = parse_step(content);
      step.line = line;
      check_step(step);
      script.steps.push_back(std::move(step));
    });
  }
  return script;
}

Script read_script(const std::string& path) {
  constexpr uint64_t kMost = uint64_t{1} << 20;
  const std::string text = read_file(path, kMost, "the script", "make several of it");
  return parse_script(text, path);
}

void run_script(const Script& script, App& app, OffscreenHost& host) {
  Runner runner(app, host);
  // So that there are items.
  app.frame();
  app.frame();
  for (const ScriptStep& step : script.steps) {
    at_line(script.name, step.line, [&] { runner.run(step); });
  }
}

std::string items_json(const Items& items, ImVec2 size) {
  // One item a line, so that people can read it, too.
  const auto text_json = [](const std::string& text) {
    return unseen_escaped_json(
        nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  };
  std::string json = fmt::format("{{\"size\": [{:.0f}, {:.0f}],\n \"items\": {{", size.x, size.y);
  const char* separator = "\n";
  for (const auto& [name, item] : items.all()) {
    json += fmt::format("{}  {}: {{\"rect\": [{:.1f}, {:.1f}, {:.1f}, {:.1f}], \"text\": {}}}",
                        separator, text_json(name), item.rect.x, item.rect.y, item.rect.w,
                        item.rect.h, text_json(item.text));
    separator = ",\n";
  }
  return json + "\n }}\n";
}

}  // namespace kvreel::viewer
