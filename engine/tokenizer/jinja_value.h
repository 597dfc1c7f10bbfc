// Values of a chat template, with the meaning that Python gives them.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/tokenizer/unicode.h"

namespace kvreel::engine::jinja {

// What a rendering may still do, in bytes of text that it makes or copies, or as much work. It
// bounds time and memory both: a template comes from a file that a stranger may have written.
struct Work {
  int64_t left = 0;
};

// Work beside the bytes of a text: one step of the evaluation, one item that is made or copied.
inline constexpr size_t kStepWork = 64;

// Where a template stands in its source; refuse() throws Error with a sentence that names it.
struct Place {
  std::string_view origin;  // "tokenizer_config.json, key chat_template"
  int line = 0;
  Work* work = nullptr;  // of the rendering under way

  [[noreturn]] void refuse(std::string_view sentence) const;  // without the full stop
  // Throws Error where the rendering has no such work left.
  void spend(size_t work_units) const;
};

class Value;

struct Undefined {
  std::string name;  // of the variable or attribute that does not exist
};
struct None {};
struct Function {
  std::string name;  // of a global function: raise_exception, namespace, ...
};
// How a value is built of others: what walks over values recurses.
struct Nesting {
  int depth = 0;  // levels of lists, dicts and loops
  bool has_namespace = false;

  // Takes in a value that lies inside.
  void enclose(const Nesting& inside);
};

// Values nest as deep as a template's literals do, which the parser bounds; this bounds what loops
// pile up.
inline constexpr int kMaxNesting = 100;

struct List {
  std::vector<Value> items;
  bool is_tuple = false;
  Nesting nesting{};  // make_list() fills it in
};
struct Dict {
  std::vector<std::pair<std::string, Value>> entries;  // in the order they were added
  Nesting nesting{};                                   // make_dict() fills it in

  const Value* find(std::string_view key) const;  // nullptr where it is missing
  void set(std::string_view key, Value value);
};
struct Namespace {
  Dict attributes;
};
struct Loop;  // the variable `loop`

// Lists and dicts are shared and never change once they are built; a namespace is shared and does
// change.
class Value {
 public:
  using Data = std::variant<Undefined, None, bool, int64_t, double, std::string, Function,
                            std::shared_ptr<const List>, std::shared_ptr<const Dict>,
                            std::shared_ptr<Namespace>, std::shared_ptr<const Loop>>;

  Value() : data_(Undefined{}) {}
  template <typename T>
  requires std::constructible_from<Data, T>
  explicit Value(T data) : data_(std::move(data)) {}

  template <typename T>
  const T* as() const {
    return std::get_if<T>(&data_);
  }
  const std::string* string() const { return as<std::string>(); }
  const List* list() const;  // a list or tuple
  const Dict* dict() const;
  bool is_undefined() const { return as<Undefined>() != nullptr; }
  bool is_none() const { return as<None>() != nullptr; }
  const Data& data() const { return data_; }

 private:
  Data data_;
};

struct Loop {
  std::shared_ptr<const List> items;
  int64_t index0 = 0;
};

Value make_string(std::string text);
Value make_list(std::vector<Value> items, bool is_tuple = false);
Value make_dict(Dict dict);

Nesting nesting_of(const Value& value);
// What a copy of the value costs: lists and dicts are shared.
size_t copy_work(const Value& value);

// "str", "list", ...: Python's name of the value's type.
std::string_view type_name(const Value& value);
bool is_true(const Value& value);
bool equals(const Value& a, const Value& b, const Place& place);
// The value as int, where Python's arithmetic takes it as one: an int or a bool.
const int64_t* as_integer(const Value& value, int64_t& storage);

// str(value): what {{ value }} prints. repr(value): what a list prints of its items.
std::string to_text(const Value& value, const Place& place);
std::string to_repr(const Value& value, const Place& place);

// What a loop over `value` visits: items, characters or keys; nothing for an undefined value.
std::vector<Value> iterate(const Value& value, const Place& place);
int64_t length_of(const Value& value, const Place& place);

// json.dumps(value), as the filter tojson of transformers calls it.
struct JsonStyle {
  bool ascii_only = false;
  int64_t indent = -1;  // spaces per level; below 0: all on one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};
std::string to_json(const Value& value, const JsonStyle& style, const Place& place);

// White space as str.strip() and \s have it in Python: White_Space and the separators U+001C to
// U+001F.
bool is_python_space(char32_t c);
// `text` without white space at its ends, or at one of them.
std::string_view strip(std::string_view text, bool left, bool right);
// Where `part` first occurs in `text`, npos where it does not.
size_t find_text(std::string_view text, std::string_view part, const Place& place);
// How many characters there are.
int64_t count_characters(std::string_view text);

}  // namespace kvreel::engine::jinja
