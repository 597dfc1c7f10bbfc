// Values of a chat template, with the meaning that Python gives them.
#include "engine/tokenizer/jinja_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "engine/tokenizer/unicode.h"

namespace kvreel::engine::jinja {
namespace {

// repr() of a float: the shortest digits that give it back, with an exponent where Python writes
// one.
std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, 64> buffer{};
  const auto scientific = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                        std::chars_format::scientific);
  const std::string_view text(buffer.data(), static_cast<size_t>(scientific.ptr - buffer.data()));
  const size_t e = text.find('e');
  int exponent = 0;
  const char* digits = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(digits, text.data() + text.size(), exponent);
  if (exponent < -4 || exponent >= 16) return std::string(text);
  std::array<char, 64> fixed{};
  const auto end =
      std::to_chars(fixed.data(), fixed.data() + fixed.size(), value, std::chars_format::fixed);
  std::string result(fixed.data(), end.ptr);
  if (result.find('.') == std::string::npos) result += ".0";
  return result;
}

std::string string_repr(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const bool has_double = text.find('"') != std::string_view::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  std::string result(1, quote);
  for_each_character(text, [&](int32_t code, std::string_view character) {
    const auto c = static_cast<char32_t>(code);
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      result += '\\';
      result += character;
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '\r') {
      result += "\\r";
    } else if (c == '\t') {
      result += "\\t";
    } else if (is_printable(c)) {
      result += character;
    } else if (c < 0x100) {
      result += fmt::format("\\x{:02x}", static_cast<uint32_t>(c));
    } else if (c < 0x10000) {
      result += fmt::format("\\u{:04x}", static_cast<uint32_t>(c));
    } else {
      result += fmt::format("\\U{:08x}", static_cast<uint32_t>(c));
    }
  });
  return result + quote;
}

std::string repr(const Value& value, const Place& place, int depth);

std::string list_repr(const List& list, const Place& place, int depth) {
  std::string text;
  for (const Value& item : list.items) {
    if (!text.empty()) text += ", ";
    text += repr(item, place, depth + 1);
  }
  place.spend(text.size());
  if (!list.is_tuple) return "[" + text + "]";
  return "(" + text + (list.items.size() == 1 ? ",)" : ")");
}

std::string repr(const Value& value, const Place& place, int depth) {
  if (depth > kMaxNesting) place.refuse("a value nests deeper than 100 levels");
  place.spend(copy_work(value));
  if (value.is_undefined()) return "Undefined";
  if (const std::string* text = value.string()) return string_repr(*text);
  if (const List* list = value.list()) return list_repr(*list, place, depth);
  if (const Dict* dict = value.dict()) {
    std::string text;
    for (const auto& [key, item] : dict->entries) {
      if (!text.empty()) text += ", ";
      place.spend(key.size());
      text += string_repr(key) + ": " + repr(item, place, depth + 1);
    }
    place.spend(text.size());
    return "{" + text + "}";
  }
  return to_text(value, place);
}

void append_json_string(std::string& out, std::string_view text, bool ascii_only) {
  out += '"';
  for_each_character(text, [&](int32_t code, std::string_view character) {
    const auto c = static_cast<char32_t>(code);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += character;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\b') {
      out += "\\b";
    } else if (c == '\f') {
      out += "\\f";
    } else if (c < 0x20 || (ascii_only && c > 0x7E && c < 0x10000)) {
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(c));
    } else if (ascii_only && c >= 0x10000) {
      const uint32_t rest = static_cast<uint32_t>(c) - 0x10000;
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
    } else {
      out += character;
    }
  });
  out += '"';
}

class JsonWriter {
 public:
  JsonWriter(const JsonStyle& style, const Place& place) : style_(style), place_(place) {}

  void write(const Value& value, int depth) {
    if (depth > kMaxNesting) place_.refuse("a value nests deeper than 100 levels");
    place_.spend(copy_work(value));
    if (value.is_none()) {
      out_ += "null";
    } else if (const bool* truth = value.as<bool>()) {
      out_ += *truth ? "true" : "false";
    } else if (const auto* integer = value.as<int64_t>()) {
      out_ += fmt::format("{}", *integer);
    } else if (const auto* number = value.as<double>()) {
      if (!std::isfinite(*number)) place_.refuse("tojson cannot write a number that is not finite");
      out_ += float_repr(*number);
    } else if (const std::string* text = value.string()) {
      append_json_string(out_, *text, style_.ascii_only);
    } else if (const List* list = value.list()) {
      write_list(*list, depth);
    } else if (const Dict* dict = value.dict()) {
      write_dict(*dict, depth);
    } else {
      place_.refuse(fmt::format("tojson cannot write a value of type '{}'", type_name(value)));
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void write_list(const List& list, int depth) {
    if (list.items.empty()) {
      out_ += "[]";
      return;
    }
    out_ += '[';
    for (size_t i = 0; i < list.items.size(); ++i) {
      separate(i, depth + 1);
      write(list.items[i], depth + 1);
    }
    break_line(depth);
    out_ += ']';
  }

  void write_dict(const Dict& dict, int depth) {
    if (dict.entries.empty()) {
      out_ += "{}";
      return;
    }
    std::vector<const std::pair<std::string, Value>*> entries;
    for (const auto& entry : dict.entries) entries.push_back(&entry);
    if (style_.sort_keys) {
      std::sort(entries.begin(), entries.end(),
                [](const auto* a, const auto* b) { return a->first < b->first; });
    }
    out_ += '{';
    for (size_t i = 0; i < entries.size(); ++i) {
      separate(i, depth + 1);
      place_.spend(entries[i]->first.size() + style_.key_separator.size());
      append_json_string(out_, entries[i]->first, style_.ascii_only);
      out_ += style_.key_separator;
      write(entries[i]->second, depth + 1);
    }
    break_line(depth);
    out_ += '}';
  }

  void separate(size_t index, int depth) {
    if (index > 0) {
      place_.spend(style_.item_separator.size());
      out_ += style_.item_separator;
    }
    break_line(depth);
  }

  void break_line(int depth) {
    if (style_.indent < 0) return;
    const size_t blanks = static_cast<size_t>(style_.indent) * static_cast<size_t>(depth);
    place_.spend(blanks);
    out_ += '\n';
    out_.append(blanks, ' ');
  }

  const JsonStyle& style_;
  const Place& place_;
  std::string out_;
};

}  // namespace

void Place::refuse(std::string_view sentence) const {
  fail("{}, line {}: {}.", origin, line, sentence);
}

void Place::spend(size_t work_units) const {
  if (work == nullptr) return;
  if (static_cast<int64_t>(std::min<size_t>(work_units, INT64_MAX)) > work->left) {
    refuse("rendering takes more work than any conversation needs; see whether it ever ends");
  }
  work->left -= static_cast<int64_t>(work_units);
}

void Nesting::enclose(const Nesting& inside) {
  depth = std::max(depth, inside.depth + 1);
  has_namespace = has_namespace || inside.has_namespace;
}

const Value* Dict::find(std::string_view key) const {
  for (const auto& [name, value] : entries) {
    if (name == key) return &value;
  }
  return nullptr;
}

void Dict::set(std::string_view key, Value value) {
  for (auto& [name, old] : entries) {
    if (name == key) {
      old = std::move(value);
      return;
    }
  }
  entries.emplace_back(key, std::move(value));
}

const List* Value::list() const {
  const auto* list = as<std::shared_ptr<const List>>();
  return list == nullptr ? nullptr : list->get();
}

const Dict* Value::dict() const {
  const auto* dict = as<std::shared_ptr<const Dict>>();
  return dict == nullptr ? nullptr : dict->get();
}

Value make_string(std::string text) {
  return Value(std::move(text));
}

Value make_list(std::vector<Value> items, bool is_tuple) {
  List list{std::move(items), is_tuple, {.depth = 1}};
  for (const Value& item : list.items) list.nesting.enclose(nesting_of(item));
  return Value(std::shared_ptr<const List>(std::make_shared<List>(std::move(list))));
}

Value make_dict(Dict dict) {
  dict.nesting = {.depth = 1};
  for (const auto& [key, item] : dict.entries) dict.nesting.enclose(nesting_of(item));
  return Value(std::shared_ptr<const Dict>(std::make_shared<Dict>(Dict{std::move(dict)})));
}

Nesting nesting_of(const Value& value) {
  if (const List* list = value.list()) return list->nesting;
  if (const Dict* dict = value.dict()) return dict->nesting;
  Nesting nesting;
  if (const auto* loop = value.as<std::shared_ptr<const Loop>>()) {
    nesting.enclose((*loop)->items->nesting);
  }
  nesting.has_namespace =
      nesting.has_namespace || value.as<std::shared_ptr<Namespace>>() != nullptr;
  return nesting;
}

size_t copy_work(const Value& value) {
  if (const std::string* text = value.string()) return kStepWork + text->size();
  const auto* undefined = value.as<Undefined>();
  return kStepWork + (undefined == nullptr ? 0 : undefined->name.size());
}

std::string_view type_name(const Value& value) {
  constexpr std::array<std::string_view, 11> kNames = {
      "Undefined", "NoneType", "bool", "int",       "float",      "str",
      "function",  "list",     "dict", "Namespace", "LoopContext"};
  if (const List* list = value.list(); list != nullptr && list->is_tuple) return "tuple";
  return kNames[value.data().index()];
}

bool is_true(const Value& value) {
  if (value.is_undefined() || value.is_none()) return false;
  if (const bool* truth = value.as<bool>()) return *truth;
  if (const auto* integer = value.as<int64_t>()) return *integer != 0;
  if (const auto* number = value.as<double>()) return *number != 0;
  if (const std::string* text = value.string()) return !text->empty();
  if (const List* list = value.list()) return !list->items.empty();
  if (const Dict* dict = value.dict()) return !dict->entries.empty();
  return true;
}

const int64_t* as_integer(const Value& value, int64_t& storage) {
  if (const bool* truth = value.as<bool>()) {
    storage = *truth ? 1 : 0;
    return &storage;
  }
  return value.as<int64_t>();
}

bool equals(const Value& a, const Value& b, const Place& place) {
  place.spend(kStepWork);
  int64_t storage_a = 0;
  int64_t storage_b = 0;
  const int64_t* integer_a = as_integer(a, storage_a);
  const int64_t* integer_b = as_integer(b, storage_b);
  if (integer_a != nullptr && integer_b != nullptr) return *integer_a == *integer_b;
  const auto* number_a = a.as<double>();
  const auto* number_b = b.as<double>();
  if (number_a != nullptr && number_b != nullptr) return *number_a == *number_b;
  if (number_a != nullptr && integer_b != nullptr)
    return *number_a == static_cast<double>(*integer_b);
  if (number_b != nullptr && integer_a != nullptr)
    return *number_b == static_cast<double>(*integer_a);
  if (a.data().index() != b.data().index()) return false;
  if (a.is_undefined() || a.is_none()) return true;
  if (a.string() != nullptr) return *a.string() == *b.string();
  if (const List* list = a.list()) {
    const List* other = b.list();
    return list->is_tuple == other->is_tuple &&
           std::equal(
               list->items.begin(), list->items.end(), other->items.begin(), other->items.end(),
               [&](const Value& left, const Value& right) { return equals(left, right, place); });
  }
  if (const Dict* dict = a.dict()) {
    const Dict* other = b.dict();
    if (dict->entries.size() != other->entries.size()) return false;
    return std::all_of(dict->entries.begin(), dict->entries.end(), [&](const auto& entry) {
      place.spend(other->entries.size());
      const Value* value = other->find(entry.first);
      return value != nullptr && equals(entry.second, *value, place);
    });
  }
  if (const auto* space = a.as<std::shared_ptr<Namespace>>()) {
    return *space == *b.as<std::shared_ptr<Namespace>>();
  }
  return false;
}

std::string to_text(const Value& value, const Place& place) {
  if (value.is_undefined()) return {};
  if (value.is_none()) return "None";
  if (const bool* truth = value.as<bool>()) return *truth ? "True" : "False";
  if (const auto* integer = value.as<int64_t>()) return fmt::format("{}", *integer);
  if (const auto* number = value.as<double>()) return float_repr(*number);
  if (const std::string* text = value.string()) return *text;
  if (value.list() != nullptr || value.dict() != nullptr) return repr(value, place, 0);
  place.refuse(fmt::format("a value of type '{}' cannot be printed", type_name(value)));
}

std::string to_repr(const Value& value, const Place& place) {
  return repr(value, place, 0);
}

std::vector<Value> iterate(const Value& value, const Place& place) {
  std::vector<Value> items;
  if (value.is_undefined()) return items;
  if (const List* list = value.list()) {
    for (const Value& item : list->items) place.spend(copy_work(item));
    return list->items;
  }
  if (const std::string* text = value.string()) {
    for_each_character(*text, [&](int32_t, std::string_view c) {
      place.spend(kStepWork);
      items.push_back(make_string(std::string(c)));
    });
    return items;
  }
  if (const Dict* dict = value.dict()) {
    for (const auto& [key, item] : dict->entries) {
      place.spend(kStepWork + key.size());
      items.push_back(make_string(key));
    }
    return items;
  }
  place.refuse(fmt::format("a value of type '{}' cannot be looped over", type_name(value)));
}

int64_t length_of(const Value& value, const Place& place) {
  if (value.is_undefined()) return 0;
  if (const List* list = value.list()) return static_cast<int64_t>(list->items.size());
  if (const Dict* dict = value.dict()) return static_cast<int64_t>(dict->entries.size());
  if (const std::string* text = value.string()) return count_characters(*text);
  place.refuse(fmt::format("a value of type '{}' has no length", type_name(value)));
}

std::string to_json(const Value& value, const JsonStyle& style, const Place& place) {
  JsonWriter writer(style, place);
  writer.write(value, 0);
  return writer.take();
}

bool is_python_space(char32_t c) {
  return is_white_space(c) || (c >= 0x1C && c <= 0x1F);
}

std::string_view strip(std::string_view text, bool left, bool right) {
  while (left && !text.empty()) {
    const CodePoint c = first_code_point(text);
    if (!is_python_space(c.value)) break;
    text.remove_prefix(c.length);
  }
  while (right && !text.empty()) {
    const CodePoint c = last_code_point(text);
    if (!is_python_space(c.value)) break;
    text.remove_suffix(c.length);
  }
  return text;
}

size_t find_text(std::string_view text, std::string_view part, const Place& place) {
  place.spend(text.size());
  if (part.empty()) return 0;
  // Unlike std::string_view::find, in linear time whatever the texts are.
  const void* found = memmem(text.data(), text.size(), part.data(), part.size());
  if (found == nullptr) return std::string_view::npos;
  return static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

int64_t count_characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

}  // namespace kvreel::engine::jinja
