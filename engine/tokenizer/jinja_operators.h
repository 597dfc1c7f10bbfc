// What the operators and global functions of a chat template compute.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/tokenizer/jinja_builtins.h"
#include "engine/tokenizer/jinja_value.h"

namespace kvreel::engine::jinja {

// A template comes from a file: a text that it makes must stay within this, or it could be doubled
// without end.
inline constexpr size_t kMaxText = size_t{64} << 20;
Value bounded_text(std::string text, const Place& place);  // Error beyond kMaxText

// Namespaces change, so that one inside of a value could come to hold itself.
[[noreturn]] void refuse_namespace_inside(const Place& place);

// -value or +value.
Value with_sign(bool negative, const Value& value, const Place& place);
// left <op> right for + - * / // %, on integers as Python has them within 64 bits.
Value apply_arithmetic(std::string_view op, const Value& left, const Value& right,
                       const Place& place);
// left <op> right for == != < <= > >= in, not in.
bool holds(std::string_view op, const Value& left, const Value& right, const Place& place);

// object[index] for a list or string and an integer; undefined where there is none.
Value item_of(const Value& object, const Value& index, const Place& place);
// object[start:stop:step_size] for a list or string.
Value slice_of(const Value& object, std::optional<int64_t> start, std::optional<int64_t> stop,
               int64_t step_size, const Place& place);

// dict, namespace, raise_exception, range, strftime_now. raise_exception throws Error with the
// template's text.
bool is_function(std::string_view name);
Value call_function(std::string_view name, const CallArguments& arguments, const Place& place);

}  // namespace kvreel::engine::jinja
