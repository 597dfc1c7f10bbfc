// What chat templates call: filters, tests, and the methods of strings and dicts.
#pragma once

#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/tokenizer/jinja_value.h"

namespace kvreel::engine::jinja {

struct CallArguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

// The arguments of a call in the order of the callee's parameters; nullptr where one was left out.
class BoundArguments {
 public:
  // Throws Error for more arguments, or other names, than `parameters`. `callee` names the
  // construct.
  BoundArguments(const CallArguments& arguments, std::initializer_list<std::string_view> parameters,
                 std::string_view callee, const Place& place);

  const Value* operator[](size_t index) const { return values_[index]; }
  const Value& required(size_t index) const;
  const std::string& string(size_t index) const;  // of a required argument
  int64_t integer(size_t index, int64_t otherwise) const;
  bool truth(size_t index) const;  // false where it was left out

 private:
  std::vector<const Value*> values_;
  std::string_view callee_;
  const Place& place_;
};

// Whether Jinja has a filter or test of this name; kvreel may still refuse to apply it.
bool is_filter(std::string_view name);
bool is_test(std::string_view name);

// subject | name(arguments), subject is name(arguments). Throw Error for what kvreel does not
// implement, and where Jinja throws.
Value apply_filter(std::string_view name, const Value& subject, const CallArguments& arguments,
                   const Place& place);
bool apply_test(std::string_view name, const Value& subject, const CallArguments& arguments,
                const Place& place);

// Whether `object` has a method that kvreel knows, and its call.
bool has_method(const Value& object, std::string_view name);
Value call_method(const Value& object, std::string_view name, const CallArguments& arguments,
                  const Place& place);

// `a` in `b`: characters of a string, items of a list, keys of a dict.
bool contains(const Value& b, const Value& a, const Place& place);
// a < b for numbers and strings.
bool less(const Value& a, const Value& b, const Place& place);
// object.name or object['name'] where it exists, else an undefined value.
Value attribute_of(const Value& object, std::string_view name);

// Two kinds of titles: str.title() starts a word after whatever is no letter, the filter after
// blanks and brackets.
enum class LetterCase { kUpper, kLower, kTitle, kTitleWords, kCapitalized };
// Throws Error for text beyond ASCII, whose case changes kvreel does not implement.
std::string change_case(std::string_view text, LetterCase to, const Place& place);
std::string replace_all(std::string_view text, std::string_view from, std::string_view to,
                        int64_t count, const Place& place);

}  // namespace kvreel::engine::jinja
