// What chat templates call: the methods of strings and dicts, arguments, and the operations that
// others share.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_set>

#include "base/text.h"
#include "engine/tokenizer/jinja_builtins.h"
#include "engine/tokenizer/jinja_operators.h"
#include "engine/tokenizer/unicode.h"

namespace kvreel::engine::jinja {
namespace {

constexpr std::array<std::string_view, 15> kStringMethods = {
    "strip", "lstrip",     "rstrip",  "startswith", "endswith", "split", "upper",  "lower",
    "title", "capitalize", "replace", "join",       "find",     "count", "isspace"};
constexpr std::array<std::string_view, 4> kDictMethods = {"items", "keys", "values", "get"};

// The next of several occurrences: a walk over all of them looks at each byte once.
size_t next_of(std::string_view text, std::string_view part) {
  return find_text(text, part, Place{});
}

std::string_view strip_characters(std::string_view text, std::string_view set, bool left,
                                  bool right, const Place& place) {
  place.spend(set.size());
  std::unordered_set<char32_t> members;
  for_each_character(
      set, [&](int32_t code, std::string_view) { members.insert(static_cast<char32_t>(code)); });
  while (left && !text.empty()) {
    const CodePoint c = first_code_point(text);
    if (!members.contains(c.value)) break;
    text.remove_prefix(c.length);
  }
  while (right && !text.empty()) {
    const CodePoint c = last_code_point(text);
    if (!members.contains(c.value)) break;
    text.remove_suffix(c.length);
  }
  return text;
}

Value strip_method(std::string_view text, std::string_view name, const CallArguments& arguments,
                   const Place& place) {
  const BoundArguments bound(arguments, {"chars"}, name, place);
  const bool left = name != "rstrip";
  const bool right = name != "lstrip";
  if (bound[0] == nullptr || bound[0]->is_none())
    return make_string(std::string(strip(text, left, right)));
  return make_string(std::string(strip_characters(text, bound.string(0), left, right, place)));
}

// startswith and endswith take a string or a tuple of them.
bool has_affix(std::string_view text, std::string_view name, const CallArguments& arguments,
               const Place& place) {
  const BoundArguments bound(arguments, {"prefix"}, name, place);
  const auto matches = [&](const Value& affix) {
    if (affix.string() == nullptr) place.refuse(fmt::format("the method '{}' takes strings", name));
    return name == "startswith" ? text.starts_with(*affix.string())
                                : text.ends_with(*affix.string());
  };
  const List* several = bound.required(0).list();
  if (several == nullptr || !several->is_tuple) return matches(bound.required(0));
  return std::any_of(several->items.begin(), several->items.end(), matches);
}

Value split_method(std::string_view text, const CallArguments& arguments, const Place& place) {
  const BoundArguments bound(arguments, {"sep", "maxsplit"}, "split", place);
  int64_t left = bound.integer(1, -1);
  std::vector<Value> parts;
  if (bound[0] == nullptr || bound[0]->is_none()) {
    text = strip(text, true, false);
    while (!text.empty() && left != 0) {
      size_t end = 0;
      while (end < text.size() &&
             strip(text.substr(end), true, false).size() == text.size() - end) {
        ++end;
        while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
      }
      place.spend(kStepWork);
      parts.push_back(make_string(std::string(text.substr(0, end))));
      text = strip(text.substr(end), true, false);
      if (left > 0) --left;
    }
    if (!text.empty()) parts.push_back(make_string(std::string(text)));
    return make_list(std::move(parts));
  }
  const std::string& separator = bound.string(0);
  if (separator.empty()) place.refuse("the method 'split' takes a separator that is not empty");
  for (size_t found = next_of(text, separator); found != std::string_view::npos && left != 0;
       found = next_of(text, separator)) {
    place.spend(kStepWork);
    parts.push_back(make_string(std::string(text.substr(0, found))));
    text.remove_prefix(found + separator.size());
    if (left > 0) --left;
  }
  parts.push_back(make_string(std::string(text)));
  return make_list(std::move(parts));
}

Value join_method(std::string_view separator, const CallArguments& arguments, const Place& place) {
  const BoundArguments bound(arguments, {"iterable"}, "join", place);
  std::string text;
  bool first = true;
  for (const Value& item : iterate(bound.required(0), place)) {
    if (item.string() == nullptr) place.refuse("the method 'join' takes strings");
    if (!first) {
      place.spend(separator.size());
      text += separator;
    }
    first = false;
    text += *item.string();
  }
  return bounded_text(std::move(text), place);
}

Value call_string_method(const std::string& text, std::string_view name,
                         const CallArguments& arguments, const Place& place) {
  if (name.ends_with("strip")) return strip_method(text, name, arguments, place);
  if (name.ends_with("swith")) return Value(has_affix(text, name, arguments, place));
  if (name == "split") return split_method(text, arguments, place);
  if (name == "join") return join_method(text, arguments, place);
  if (name == "replace") {
    const BoundArguments bound(arguments, {"old", "new", "count"}, name, place);
    return bounded_text(
        replace_all(text, bound.string(0), bound.string(1), bound.integer(2, -1), place), place);
  }
  if (name == "find") {
    const BoundArguments bound(arguments, {"sub"}, name, place);
    const size_t found = find_text(text, bound.string(0), place);
    if (found == std::string_view::npos) return Value(int64_t{-1});
    return Value(count_characters(std::string_view(text).substr(0, found)));
  }
  if (name == "count") {
    const BoundArguments bound(arguments, {"sub"}, name, place);
    const std::string& part = bound.string(0);
    if (part.empty()) place.refuse("the method 'count' takes a string that is not empty");
    int64_t count = 0;
    std::string_view rest = text;
    for (size_t at = next_of(rest, part); at != std::string_view::npos; at = next_of(rest, part)) {
      rest.remove_prefix(at + part.size());
      ++count;
    }
    return Value(count);
  }
  const BoundArguments none(arguments, {}, name, place);
  if (name == "isspace") return Value(!text.empty() && strip(text, true, false).empty());
  const LetterCase to = name == "upper"   ? LetterCase::kUpper
                        : name == "lower" ? LetterCase::kLower
                        : name == "title" ? LetterCase::kTitle
                                          : LetterCase::kCapitalized;
  return make_string(change_case(text, to, place));
}

Value call_dict_method(const Dict& dict, std::string_view name, const CallArguments& arguments,
                       const Place& place) {
  if (name == "get") {
    const BoundArguments bound(arguments, {"key", "default"}, name, place);
    if (const Value* found = dict.find(bound.string(0))) return *found;
    return bound[1] == nullptr ? Value(None{}) : *bound[1];
  }
  const BoundArguments none(arguments, {}, name, place);
  std::vector<Value> result;
  for (const auto& [key, value] : dict.entries) {
    place.spend(key.size() + copy_work(value));
    if (name == "keys") {
      result.push_back(make_string(key));
    } else if (name == "values") {
      result.push_back(value);
    } else {
      result.push_back(make_list({make_string(key), value}, /*is_tuple=*/true));
    }
  }
  return make_list(std::move(result));
}

}  // namespace

BoundArguments::BoundArguments(const CallArguments& arguments,
                               std::initializer_list<std::string_view> parameters,
                               std::string_view callee, const Place& place)
    : values_(parameters.size(), nullptr), callee_(callee), place_(place) {
  if (arguments.positional.size() > parameters.size()) {
    place.refuse(fmt::format("'{}' takes {} arguments at most in kvreel, not {}", callee,
                             parameters.size(), arguments.positional.size()));
  }
  for (size_t i = 0; i < arguments.positional.size(); ++i) values_[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto* found = std::find(parameters.begin(), parameters.end(), name);
    if (found == parameters.end()) {
      place.refuse(fmt::format("'{}' takes no argument '{}' in kvreel", callee, name));
    }
    values_[static_cast<size_t>(found - parameters.begin())] = &value;
  }
}

const Value& BoundArguments::required(size_t index) const {
  if (values_[index] == nullptr) {
    place_.refuse(
        fmt::format("'{}' needs {} argument{}", callee_, index + 1, index == 0 ? "" : "s"));
  }
  return *values_[index];
}

const std::string& BoundArguments::string(size_t index) const {
  const Value& value = required(index);
  if (value.string() == nullptr) {
    place_.refuse(fmt::format("argument {} of '{}' is a value of type '{}'; it must be a string",
                              index + 1, callee_, type_name(value)));
  }
  return *value.string();
}

int64_t BoundArguments::integer(size_t index, int64_t otherwise) const {
  if (values_[index] == nullptr) return otherwise;
  int64_t storage = 0;
  const int64_t* integer = as_integer(*values_[index], storage);
  if (integer == nullptr)
    place_.refuse(fmt::format("argument {} of '{}' must be an integer", index + 1, callee_));
  return *integer;
}

bool BoundArguments::truth(size_t index) const {
  return values_[index] != nullptr && is_true(*values_[index]);
}

bool has_method(const Value& object, std::string_view name) {
  if (object.string() != nullptr) {
    return std::find(kStringMethods.begin(), kStringMethods.end(), name) != kStringMethods.end();
  }
  if (object.dict() != nullptr) {
    return std::find(kDictMethods.begin(), kDictMethods.end(), name) != kDictMethods.end();
  }
  return false;
}

Value call_method(const Value& object, std::string_view name, const CallArguments& arguments,
                  const Place& place) {
  if (const std::string* text = object.string())
    return call_string_method(*text, name, arguments, place);
  if (const Dict* dict = object.dict()) return call_dict_method(*dict, name, arguments, place);
  place.refuse(fmt::format("a value of type '{}' has no method '{}'", type_name(object), name));
}

bool contains(const Value& b, const Value& a, const Place& place) {
  if (const std::string* text = b.string()) {
    if (a.string() == nullptr) {
      place.refuse(fmt::format("'in' looks for a value of type '{}' in a string", type_name(a)));
    }
    return find_text(*text, *a.string(), place) != std::string_view::npos;
  }
  if (const Dict* dict = b.dict())
    return a.string() != nullptr && dict->find(*a.string()) != nullptr;
  const std::vector<Value> items = iterate(b, place);
  return std::any_of(items.begin(), items.end(),
                     [&](const Value& item) { return equals(item, a, place); });
}

bool less(const Value& a, const Value& b, const Place& place) {
  if (a.string() != nullptr && b.string() != nullptr) return *a.string() < *b.string();
  int64_t storage_a = 0;
  int64_t storage_b = 0;
  const int64_t* integer_a = as_integer(a, storage_a);
  const int64_t* integer_b = as_integer(b, storage_b);
  if (integer_a != nullptr && integer_b != nullptr) return *integer_a < *integer_b;
  const auto number = [](const Value& value, const int64_t* integer) -> const double* {
    return integer == nullptr ? value.as<double>() : nullptr;
  };
  const double* number_a = number(a, integer_a);
  const double* number_b = number(b, integer_b);
  if ((integer_a == nullptr && number_a == nullptr) ||
      (integer_b == nullptr && number_b == nullptr)) {
    place.refuse(
        fmt::format("values of type '{}' and '{}' have no order", type_name(a), type_name(b)));
  }
  const double left = integer_a != nullptr ? static_cast<double>(*integer_a) : *number_a;
  const double right = integer_b != nullptr ? static_cast<double>(*integer_b) : *number_b;
  return left < right;
}

Value attribute_of(const Value& object, std::string_view name) {
  if (const Dict* dict = object.dict()) {
    if (const Value* found = dict->find(name)) return *found;
  }
  if (const auto* space = object.as<std::shared_ptr<Namespace>>()) {
    if (const Value* found = (*space)->attributes.find(name)) return *found;
  }
  return Value(Undefined{std::string(name)});
}

std::string change_case(std::string_view text, LetterCase to, const Place& place) {
  std::string result(text);
  bool after_letter = false;
  bool starts_word = true;
  for (size_t i = 0; i < result.size(); ++i) {
    char& c = result[i];
    if (static_cast<unsigned char>(c) >= 0x80) {
      place.refuse(fmt::format(
          "changing the case of '{}' is not supported by kvreel, as it is not ASCII", text));
    }
    const bool is_upper = c >= 'A' && c <= 'Z';
    const bool is_lower = c >= 'a' && c <= 'z';
    const bool wants_upper = to == LetterCase::kUpper ||
                             (to == LetterCase::kTitle && !after_letter) ||
                             (to == LetterCase::kTitleWords && starts_word) ||
                             (to == LetterCase::kCapitalized && i == 0);
    if (is_lower && wants_upper) c = static_cast<char>(c - 'a' + 'A');
    if (is_upper && !wants_upper) c = static_cast<char>(c - 'A' + 'a');
    after_letter = is_upper || is_lower;
    starts_word = std::string_view("-({[<").find(c) != std::string_view::npos ||
                  is_python_space(static_cast<char32_t>(c));
  }
  return result;
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to,
                        int64_t count, const Place& place) {
  std::string result;
  if (from.empty()) {
    // Python puts `to` before each character and at the end.
    for_each_character(text, [&](int32_t, std::string_view c) {
      place.spend(count != 0 ? to.size() : 0);
      if (count != 0) result += to;
      if (count > 0) --count;
      result += c;
    });
    if (count != 0) result += to;
    return result;
  }
  for (size_t found = next_of(text, from); found != std::string_view::npos && count != 0;
       found = next_of(text, from)) {
    place.spend(to.size());
    result += text.substr(0, found);
    result += to;
    text.remove_prefix(found + from.size());
    if (count > 0) --count;
  }
  return result += text;
}

}  // namespace kvreel::engine::jinja
