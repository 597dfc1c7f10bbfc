// What chat templates call: filters and tests.
#include "engine/tokenizer/jinja_builtins.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "engine/tokenizer/jinja_operators.h"

namespace kvreel::engine::jinja {
namespace {

constexpr std::array<std::string_view, 54> kFilters = {
    "abs",    "attr",       "batch",       "capitalize", "center",   "count",
    "d",      "default",    "dictsort",    "e",          "escape",   "filesizeformat",
    "first",  "float",      "forceescape", "format",     "groupby",  "indent",
    "int",    "items",      "join",        "last",       "length",   "list",
    "lower",  "map",        "max",         "min",        "pprint",   "random",
    "reject", "rejectattr", "replace",     "reverse",    "round",    "safe",
    "select", "selectattr", "slice",       "sort",       "string",   "striptags",
    "sum",    "title",      "tojson",      "trim",       "truncate", "unique",
    "upper",  "urlencode",  "urlize",      "wordcount",  "wordwrap", "xmlattr"};

constexpr std::array<std::string_view, 33> kTests = {
    "boolean", "callable", "defined",  "divisibleby", "eq",       "equalto",     "escaped",
    "even",    "false",    "filter",   "float",       "ge",       "greaterthan", "gt",
    "in",      "integer",  "iterable", "le",          "lessthan", "lower",       "lt",
    "mapping", "ne",       "none",     "number",      "odd",      "sameas",      "sequence",
    "string",  "test",     "true",     "undefined",   "upper"};

bool is_number(const Value& value) {
  int64_t storage = 0;
  return as_integer(value, storage) != nullptr || value.as<double>() != nullptr;
}

// selectattr, rejectattr, select and reject: the items whose value passes a test.
Value select(std::string_view name, const Value& subject, const CallArguments& arguments,
             const Place& place) {
  const bool by_attribute = name.ends_with("attr");
  const bool keep = name.starts_with("select");
  const size_t test_index = by_attribute ? 1 : 0;
  if (!arguments.named.empty() || (by_attribute && arguments.positional.empty())) {
    place.refuse(fmt::format("the filter '{}' takes {}a test's name and its arguments", name,
                             by_attribute ? "an attribute, " : ""));
  }
  std::string test;
  CallArguments test_arguments;
  if (arguments.positional.size() > test_index) {
    const std::string* given = arguments.positional[test_index].string();
    if (given == nullptr || !is_test(*given))
      place.refuse(fmt::format("the filter '{}' names no test", name));
    test = *given;
    test_arguments.positional.assign(
        arguments.positional.begin() + static_cast<ptrdiff_t>(test_index) + 1,
        arguments.positional.end());
  }
  const std::string* attribute = by_attribute ? arguments.positional[0].string() : nullptr;
  if (by_attribute && (attribute == nullptr || attribute->find('.') != std::string::npos)) {
    place.refuse(fmt::format("the filter '{}' takes the name of one attribute", name));
  }
  std::vector<Value> kept;
  for (const Value& item : iterate(subject, place)) {
    const Value value = by_attribute ? attribute_of(item, *attribute) : item;
    const bool passes =
        test.empty() ? is_true(value) : apply_test(test, value, test_arguments, place);
    if (passes == keep) kept.push_back(item);
  }
  return make_list(std::move(kept));
}

// map(attribute='x', default=y) and map('filter', ...).
Value map(const Value& subject, const CallArguments& arguments, const Place& place) {
  std::vector<Value> mapped;
  if (arguments.positional.empty()) {
    const BoundArguments bound(arguments, {"attribute", "default"}, "map", place);
    const std::string& attribute = bound.string(0);
    if (attribute.find('.') != std::string::npos)
      place.refuse("the filter 'map' takes the name of one attribute");
    for (const Value& item : iterate(subject, place)) {
      Value value = attribute_of(item, attribute);
      if (value.is_undefined() && bound[1] != nullptr) value = *bound[1];
      place.spend(copy_work(value));
      mapped.push_back(std::move(value));
    }
    return make_list(std::move(mapped));
  }
  const std::string* filter = arguments.positional[0].string();
  if (filter == nullptr || !is_filter(*filter)) place.refuse("the filter 'map' names no filter");
  CallArguments rest = arguments;
  rest.positional.erase(rest.positional.begin());
  for (const Value& item : iterate(subject, place)) {
    mapped.push_back(apply_filter(*filter, item, rest, place));
    place.spend(copy_work(mapped.back()));
  }
  return make_list(std::move(mapped));
}

Value join(const Value& subject, const CallArguments& arguments, const Place& place) {
  const BoundArguments bound(arguments, {"d", "attribute"}, "join", place);
  const std::string separator = bound[0] == nullptr ? std::string() : to_text(*bound[0], place);
  place.spend(separator.size());
  std::string text;
  bool first = true;
  for (const Value& item : iterate(subject, place)) {
    const std::string part =
        to_text(bound[1] == nullptr ? item : attribute_of(item, bound.string(1)), place);
    place.spend(part.size() + (first ? 0 : separator.size()));
    if (!first) text += separator;
    first = false;
    text += part;
  }
  return bounded_text(std::move(text), place);
}

Value json(const Value& subject, const CallArguments& arguments, const Place& place) {
  const BoundArguments bound(arguments, {"ensure_ascii", "indent", "separators", "sort_keys"},
                             "tojson", place);
  constexpr int64_t kMaxIndent = 100;
  JsonStyle style;
  style.ascii_only = bound.truth(0);
  style.sort_keys = bound.truth(3);
  if (bound[1] != nullptr && !bound[1]->is_none()) {
    style.indent = std::clamp<int64_t>(bound.integer(1, 0), 0, kMaxIndent);
    style.item_separator = std::string(1, ',');
  }
  if (bound[2] != nullptr && !bound[2]->is_none()) {
    const List* pair = bound[2]->list();
    if (pair == nullptr || pair->items.size() != 2 || pair->items[0].string() == nullptr ||
        pair->items[1].string() == nullptr) {
      place.refuse("tojson's separators are two strings");
    }
    style.item_separator = *pair->items[0].string();
    style.key_separator = *pair->items[1].string();
    place.spend(style.item_separator.size() + style.key_separator.size());
  }
  return make_string(to_json(subject, style, place));
}

Value default_filter(const Value& subject, const CallArguments& arguments, const Place& place) {
  const BoundArguments bound(arguments, {"default_value", "boolean"}, "default", place);
  const bool missing = subject.is_undefined() || (bound.truth(1) && !is_true(subject));
  if (!missing) return subject;
  return bound[0] == nullptr ? make_string("") : *bound[0];
}

// int(value): the default where it is no number.
Value to_integer(const Value& subject, const CallArguments& arguments, const Place& place) {
  const BoundArguments bound(arguments, {"default"}, "int", place);
  int64_t storage = 0;
  if (const int64_t* integer = as_integer(subject, storage)) return Value(*integer);
  constexpr double kLimit = 9.2e18;
  if (const auto* number = subject.as<double>()) {
    if (!(std::abs(*number) < kLimit))
      place.refuse("the filter 'int' got a number that is too large");
    return Value(static_cast<int64_t>(*number));
  }
  if (const std::string* text = subject.string()) {
    std::string_view digits = strip(*text, true, true);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    int64_t integer = 0;
    const char* end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, integer);
    if (!digits.empty() && stopped == end && error == std::errc()) return Value(integer);
    // What Python's int() and float() may still read is not guessed at.
    if (digits.find_first_of("0123456789") != std::string_view::npos) {
      place.refuse(fmt::format("the filter 'int' got '{}', which kvreel cannot convert", *text));
    }
  }
  return bound[0] == nullptr ? Value(int64_t{0}) : *bound[0];
}

Value items_of(const Value& subject, const Place& place) {
  if (subject.is_undefined()) return make_list({});
  const Dict* dict = subject.dict();
  if (dict == nullptr) place.refuse("the filter 'items' takes a mapping");
  std::vector<Value> items;
  for (const auto& [key, value] : dict->entries) {
    place.spend(key.size() + copy_work(value));
    items.push_back(make_list({make_string(key), value}, true));
  }
  return make_list(std::move(items));
}

Value reversed(const Value& subject, const Place& place) {
  std::vector<Value> items = iterate(subject, place);
  std::reverse(items.begin(), items.end());
  if (subject.string() == nullptr) return make_list(std::move(items));
  std::string text;
  for (const Value& item : items) text += *item.string();
  return make_string(std::move(text));
}

Value trimmed(const Value& subject, const CallArguments& arguments, const Place& place) {
  return call_method(make_string(to_text(subject, place)), "strip", arguments, place);
}

int64_t integer_subject(const Value& subject, std::string_view test, const Place& place) {
  int64_t storage = 0;
  const int64_t* integer = as_integer(subject, storage);
  if (integer == nullptr) place.refuse(fmt::format("the test '{}' takes an integer", test));
  return *integer;
}

bool same_object(const Value& a, const Value& b, const Place& place) {
  if (a.is_none() || b.is_none()) return a.is_none() && b.is_none();
  if (a.as<bool>() != nullptr || b.as<bool>() != nullptr) {
    return a.as<bool>() != nullptr && b.as<bool>() != nullptr && *a.as<bool>() == *b.as<bool>();
  }
  place.refuse("the test 'sameas' is supported by kvreel for none, true and false only");
}

}  // namespace

bool is_filter(std::string_view name) {
  return std::find(kFilters.begin(), kFilters.end(), name) != kFilters.end();
}

bool is_test(std::string_view name) {
  return std::find(kTests.begin(), kTests.end(), name) != kTests.end();
}

Value apply_filter(std::string_view name, const Value& subject, const CallArguments& arguments,
                   const Place& place) {
  if (name.starts_with("select") || name.starts_with("reject"))
    return select(name, subject, arguments, place);
  if (name == "map") return map(subject, arguments, place);
  if (name == "join") return join(subject, arguments, place);
  if (name == "tojson") return json(subject, arguments, place);
  if (name == "default" || name == "d") return default_filter(subject, arguments, place);
  if (name == "int") return to_integer(subject, arguments, place);
  if (name == "trim") return trimmed(subject, arguments, place);
  if (name == "replace") {
    const BoundArguments bound(arguments, {"old", "new", "count"}, name, place);
    return bounded_text(replace_all(to_text(subject, place), bound.string(0), bound.string(1),
                                    bound.integer(2, -1), place),
                        place);
  }

  const BoundArguments none(arguments, {}, name, place);
  const auto in_case = [&](LetterCase to) {
    return make_string(change_case(to_text(subject, place), to, place));
  };
  if (name == "upper") return in_case(LetterCase::kUpper);
  if (name == "lower") return in_case(LetterCase::kLower);
  if (name == "title") return in_case(LetterCase::kTitleWords);
  if (name == "capitalize") return in_case(LetterCase::kCapitalized);
  if (name == "length" || name == "count") return Value(length_of(subject, place));
  if (name == "list") return make_list(iterate(subject, place));
  if (name == "items") return items_of(subject, place);
  if (name == "string") return make_string(to_text(subject, place));
  if (name == "reverse") return reversed(subject, place);
  if (name == "first" || name == "last") {
    const std::vector<Value> items = iterate(subject, place);
    if (items.empty()) return Value(Undefined{std::string(name)});
    return name == "first" ? items.front() : items.back();
  }
  place.refuse(fmt::format("the filter '{}' is not supported by kvreel", name));
}

bool apply_test(std::string_view name, const Value& subject, const CallArguments& arguments,
                const Place& place) {
  const auto one = [&]() -> const Value& {
    if (arguments.positional.size() != 1 || !arguments.named.empty()) {
      place.refuse(fmt::format("the test '{}' takes one argument", name));
    }
    return arguments.positional[0];
  };
  if (name == "eq" || name == "equalto") return equals(subject, one(), place);
  if (name == "ne") return !equals(subject, one(), place);
  if (name == "lt" || name == "lessthan") return less(subject, one(), place);
  if (name == "gt" || name == "greaterthan") return less(one(), subject, place);
  if (name == "le") return !less(one(), subject, place);
  if (name == "ge") return !less(subject, one(), place);
  if (name == "in") return contains(one(), subject, place);
  if (name == "sameas") return same_object(subject, one(), place);
  if (name == "divisibleby") {
    const int64_t divisor = integer_subject(one(), name, place);
    if (divisor == 0) place.refuse("the test 'divisibleby' got 0");
    return divisor == -1 || integer_subject(subject, name, place) % divisor == 0;
  }

  const BoundArguments none(arguments, {}, name, place);
  const bool is_bool = subject.as<bool>() != nullptr;
  const bool is_collection =
      subject.list() != nullptr || subject.dict() != nullptr || subject.string() != nullptr;
  if (name == "defined") return !subject.is_undefined();
  if (name == "undefined") return subject.is_undefined();
  if (name == "none") return subject.is_none();
  if (name == "boolean") return is_bool;
  if (name == "true") return is_bool && *subject.as<bool>();
  if (name == "false") return is_bool && !*subject.as<bool>();
  if (name == "integer") return subject.as<int64_t>() != nullptr;
  if (name == "float") return subject.as<double>() != nullptr;
  if (name == "number") return is_number(subject);
  if (name == "string") return subject.string() != nullptr;
  if (name == "mapping") return subject.dict() != nullptr;
  if (name == "sequence" || name == "iterable") return is_collection || subject.is_undefined();
  if (name == "callable") return subject.as<Function>() != nullptr;
  if (name == "even") return integer_subject(subject, name, place) % 2 == 0;
  if (name == "odd") return integer_subject(subject, name, place) % 2 != 0;
  place.refuse(fmt::format("the test '{}' is not supported by kvreel", name));
}

}  // namespace kvreel::engine::jinja
