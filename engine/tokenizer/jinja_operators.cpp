// What the operators and global functions of a chat template compute.
#include "engine/tokenizer/jinja_operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/text.h"

namespace kvreel::engine::jinja {
namespace {

constexpr int64_t kMaxRange = 100'000;  // as Jinja's sandbox
constexpr std::array<std::string_view, 5> kFunctions = {"dict", "namespace", "raise_exception",
                                                        "range", "strftime_now"};

[[noreturn]] void overflow(const Place& place) {
  place.refuse("an integer grows beyond 64 bits");
}

Value repeated(const std::string& text, int64_t count, const Place& place) {
  if (count <= 0 || text.empty()) return make_string("");
  if (static_cast<uint64_t>(count) > kMaxText / text.size()) {
    place.refuse("the template makes more than 64 MiB of text");
  }
  place.spend(static_cast<size_t>(count) * text.size());
  std::string result;
  result.reserve(static_cast<size_t>(count) * text.size());
  for (int64_t i = 0; i < count; ++i) result += text;
  return make_string(std::move(result));
}

Value integer_arithmetic(std::string_view op, int64_t a, int64_t b, const Place& place) {
  int64_t result = 0;
  if (op == "+") {
    if (__builtin_add_overflow(a, b, &result)) overflow(place);
    return Value(result);
  }
  if (op == "-") {
    if (__builtin_sub_overflow(a, b, &result)) overflow(place);
    return Value(result);
  }
  if (op == "*") {
    if (__builtin_mul_overflow(a, b, &result)) overflow(place);
    return Value(result);
  }
  if (b == 0) place.refuse("the template divides by zero");
  if (op == "/") return Value(static_cast<double>(a) / static_cast<double>(b));
  if (b == -1 && a == INT64_MIN) overflow(place);
  // Python rounds towards minus infinity.
  const bool adjust = a % b != 0 && (a % b < 0) != (b < 0);
  if (op == "//") return Value(a / b - (adjust ? 1 : 0));
  return Value(a % b + (adjust ? b : 0));
}

Value float_arithmetic(std::string_view op, double a, double b, const Place& place) {
  if (op == "+") return Value(a + b);
  if (op == "-") return Value(a - b);
  if (op == "*") return Value(a * b);
  if (b == 0) place.refuse("the template divides by zero");
  if (op == "/") return Value(a / b);
  place.refuse(fmt::format("the operator '{}' for floats is not supported by kvreel", op));
}

Value make_attributes(std::string_view name, const CallArguments& arguments, const Place& place) {
  Dict attributes;
  if (arguments.positional.size() > 1)
    place.refuse(fmt::format("'{}' takes one dict and named arguments", name));
  if (!arguments.positional.empty()) {
    const Dict* dict = arguments.positional[0].dict();
    if (dict == nullptr) place.refuse(fmt::format("'{}' takes one dict and named arguments", name));
    for (const auto& [key, value] : dict->entries) place.spend(key.size() + copy_work(value));
    attributes = *dict;
  }
  for (const auto& [key, value] : arguments.named) {
    place.spend(attributes.entries.size() + copy_work(value));
    attributes.set(key, value);
  }
  if (name == "dict") return make_dict(std::move(attributes));
  for (const auto& [key, value] : attributes.entries) {
    if (nesting_of(value).has_namespace) refuse_namespace_inside(place);
  }
  return Value(std::make_shared<Namespace>(Namespace{std::move(attributes)}));
}

Value range(const CallArguments& arguments, const Place& place) {
  const BoundArguments bound(arguments, {"start", "stop", "step"}, "range", place);
  bound.required(0);
  const bool has_start = bound[1] != nullptr;
  const int64_t start = has_start ? bound.integer(0, 0) : 0;
  const int64_t stop = bound.integer(has_start ? 1 : 0, 0);
  const int64_t step_size = bound.integer(2, 1);
  if (step_size == 0) place.refuse("the step of 'range' is 0");
  std::vector<Value> items;
  for (int64_t i = start; step_size > 0 ? i < stop : i > stop;) {
    if (static_cast<int64_t>(items.size()) == kMaxRange)
      place.refuse("'range' counts beyond 100000 numbers");
    place.spend(kStepWork);
    items.emplace_back(i);
    if (__builtin_add_overflow(i, step_size, &i)) break;
  }
  return make_list(std::move(items));
}

// The local time, as transformers gives it.
std::string format_now(const std::string& format, const Place& place) {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  if (localtime_r(&now, &local) == nullptr) place.refuse("the local time is not available");
  std::array<char, 512> buffer{};
  const size_t length = std::strftime(buffer.data(), buffer.size(), format.c_str(), &local);
  if (length == 0 && !format.empty())
    place.refuse(fmt::format("the time format '{}' is too long", format));
  return {buffer.data(), length};
}

}  // namespace

void refuse_namespace_inside(const Place& place) {
  place.refuse("a namespace inside of another value is not supported by kvreel");
}

Value bounded_text(std::string text, const Place& place) {
  if (text.size() > kMaxText) place.refuse("the template makes more than 64 MiB of text");
  return make_string(std::move(text));
}

Value with_sign(bool negative, const Value& value, const Place& place) {
  int64_t storage = 0;
  if (const int64_t* integer = as_integer(value, storage)) {
    int64_t result = *integer;
    if (negative && __builtin_sub_overflow(int64_t{0}, *integer, &result)) overflow(place);
    return Value(result);
  }
  if (const auto* number = value.as<double>()) return Value(negative ? -*number : *number);
  place.refuse(fmt::format("a value of type '{}' has no sign", type_name(value)));
}

Value apply_arithmetic(std::string_view op, const Value& left, const Value& right,
                       const Place& place) {
  int64_t storage_left = 0;
  int64_t storage_right = 0;
  const int64_t* a = as_integer(left, storage_left);
  const int64_t* b = as_integer(right, storage_right);
  if (a != nullptr && b != nullptr) return integer_arithmetic(op, *a, *b, place);
  if (op == "+" && left.string() != nullptr && right.string() != nullptr) {
    return bounded_text(*left.string() + *right.string(), place);
  }
  if (op == "+" && left.list() != nullptr && right.list() != nullptr &&
      left.list()->is_tuple == right.list()->is_tuple) {
    std::vector<Value> items = iterate(left, place);
    for (Value& item : iterate(right, place)) items.push_back(std::move(item));
    return make_list(std::move(items), left.list()->is_tuple);
  }
  if (op == "*" && left.string() != nullptr && b != nullptr)
    return repeated(*left.string(), *b, place);
  if (op == "*" && right.string() != nullptr && a != nullptr)
    return repeated(*right.string(), *a, place);
  const auto is_float = [](const Value& value) { return value.as<double>() != nullptr; };
  if ((a != nullptr || is_float(left)) && (b != nullptr || is_float(right))) {
    const double x = a != nullptr ? static_cast<double>(*a) : *left.as<double>();
    const double y = b != nullptr ? static_cast<double>(*b) : *right.as<double>();
    return float_arithmetic(op, x, y, place);
  }
  const auto* undefined = left.is_undefined() ? left.as<Undefined>() : right.as<Undefined>();
  if (undefined != nullptr)
    place.refuse(fmt::format("'{}' is undefined, but '{}' uses it", undefined->name, op));
  place.refuse(fmt::format("values of type '{}' and '{}' have no operator '{}' in kvreel",
                           type_name(left), type_name(right), op));
}

bool holds(std::string_view op, const Value& left, const Value& right, const Place& place) {
  if (op == "==") return equals(left, right, place);
  if (op == "!=") return !equals(left, right, place);
  if (op == "in") return contains(right, left, place);
  if (op == "not in") return !contains(right, left, place);
  if (op == "<") return less(left, right, place);
  if (op == ">") return less(right, left, place);
  if (op == "<=") return !less(right, left, place);
  return !less(left, right, place);
}

Value item_of(const Value& object, const Value& index, const Place& place) {
  int64_t storage = 0;
  const int64_t* position = as_integer(index, storage);
  const bool is_sequence = object.list() != nullptr || object.string() != nullptr;
  if (position == nullptr || !is_sequence) return Value(Undefined{to_text(index, place)});
  if (const List* list = object.list()) {
    const auto size = static_cast<int64_t>(list->items.size());
    const int64_t from_start = *position < 0 ? *position + size : *position;
    if (from_start < 0 || from_start >= size)
      return Value(Undefined{fmt::format("item {}", *position)});
    return list->items[static_cast<size_t>(from_start)];
  }
  const int64_t size = count_characters(*object.string());
  const int64_t from_start = *position < 0 ? *position + size : *position;
  if (from_start < 0 || from_start >= size)
    return Value(Undefined{fmt::format("item {}", *position)});
  std::string letter;
  int64_t at = 0;
  for_each_character(*object.string(), [&](int32_t, std::string_view character) {
    if (at++ == from_start) letter = character;
  });
  return make_string(std::move(letter));
}

Value slice_of(const Value& object, std::optional<int64_t> start, std::optional<int64_t> stop,
               int64_t step_size, const Place& place) {
  if (step_size == 0) place.refuse("a slice's step is 0");
  if (object.list() == nullptr && object.string() == nullptr) {
    place.refuse(fmt::format("a value of type '{}' has no slices", type_name(object)));
  }
  const int64_t size = length_of(object, place);
  const int64_t low = step_size > 0 ? 0 : -1;
  const int64_t high = step_size > 0 ? size : size - 1;
  const auto place_of = [&](std::optional<int64_t> given, int64_t otherwise) {
    if (!given) return otherwise;
    return std::clamp(*given < 0 ? *given + size : *given, low, high);
  };
  const int64_t first = place_of(start, step_size > 0 ? low : high);
  const int64_t last = place_of(stop, step_size > 0 ? high : low);
  const std::vector<Value> items = iterate(object, place);
  std::vector<Value> chosen;
  for (int64_t i = first; step_size > 0 ? i < last : i > last;) {
    chosen.push_back(items[static_cast<size_t>(i)]);
    if (__builtin_add_overflow(i, step_size, &i)) break;
  }
  if (const List* list = object.list()) return make_list(std::move(chosen), list->is_tuple);
  std::string text;
  for (const Value& letter : chosen) text += *letter.string();
  return make_string(std::move(text));
}

bool is_function(std::string_view name) {
  return std::find(kFunctions.begin(), kFunctions.end(), name) != kFunctions.end();
}

Value call_function(std::string_view name, const CallArguments& arguments, const Place& place) {
  if (name == "namespace" || name == "dict") return make_attributes(name, arguments, place);
  if (name == "range") return range(arguments, place);
  if (name == "strftime_now") {
    const BoundArguments bound(arguments, {"format"}, name, place);
    return make_string(format_now(bound.string(0), place));
  }
  const BoundArguments bound(arguments, {"message"}, name, place);
  place.refuse(
      fmt::format("the template refuses the conversation: {}", to_text(bound.required(0), place)));
}

}  // namespace kvreel::engine::jinja
