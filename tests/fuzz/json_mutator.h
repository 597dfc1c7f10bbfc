// Changes to a JSON text that leave it JSON: what bytes alone seldom do.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>
#include <vector>

// libFuzzer's own mutation of `size` bytes in a buffer of `most`; returns the new size.
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

namespace kvreel::fuzz {

class JsonMutator {
 public:
  explicit JsonMutator(unsigned seed) : draw_(seed) {}

  size_t below(size_t n) { return n == 0 ? 0 : draw_() % n; }

  // The text with one value of it changed, dropped, doubled, moved or nested; as it was where it is
  // no JSON.
  std::string mutate(std::string_view text) {
    nlohmann::json root = nlohmann::json::parse(text, nullptr, false);
    if (root.is_discarded()) return std::string(text);
    std::vector<nlohmann::json*> values;
    collect(root, values, 0);
    change(*values[below(values.size())], *values[below(values.size())]);
    return root.dump(below(4) == 0 ? 1 : -1, ' ', below(8) == 0,
                     nlohmann::json::error_handler_t::replace);
  }

 private:
  static void collect(nlohmann::json& value, std::vector<nlohmann::json*>& values, int depth) {
    constexpr int kDeepest = 32;
    values.push_back(&value);
    if (depth > kDeepest || !value.is_structured()) return;
    for (nlohmann::json& below : value) collect(below, values, depth + 1);
  }

  void change(nlohmann::json& value, const nlohmann::json& other) {
    switch (below(8)) {
      case 0:
        value = nlohmann::json(other);  // a copy first: the one may hold the other
        break;
      case 1:
        if (value.is_structured() && !value.empty()) {
          value.erase(std::next(value.begin(), static_cast<std::ptrdiff_t>(below(value.size()))));
        } else {
          value = nullptr;
        }
        break;
      case 2:
        value = number();
        break;
      case 3:
        if (value.is_array()) {
          value.push_back(nlohmann::json(value.empty() ? other : value[below(value.size())]));
        } else if (value.is_object()) {
          value[other.is_string() ? other.get<std::string>() : "new"] = nlohmann::json(other);
        } else {
          value = nlohmann::json::array({value});
        }
        break;
      case 4:
        value = below(2) == 0;
        break;
      case 5:
        if (value.is_number_integer()) {
          value = value.get<uint64_t>() + below(3) - 1;  // unsigned, so that it may wrap
        } else {
          value = nlohmann::json::object({{"type", value}});
        }
        break;
      default:
        mutate_text(value);
    }
  }

  void mutate_text(nlohmann::json& value) {
    if (!value.is_string()) {
      value = number();
      return;
    }
    const auto& text = value.get_ref<const std::string&>();
    std::vector<uint8_t> bytes(text.begin(), text.end());
    bytes.resize(text.size() + 16);
    const size_t size = LLVMFuzzerMutate(bytes.data(), text.size(), bytes.size());
    value = std::string(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
  }

  nlohmann::json number() {
    switch (below(6)) {
      case 0:
        return 0;
      case 1:
        return -1;
      case 2:
        return uint64_t{1} << below(64);
      case 3:
        return 1e300;
      case 4:
        return 0.5;
      default:
        return below(1000);
    }
  }

  std::minstd_rand draw_;
};

// Puts `text` into the fuzzer's buffer where it fits; returns the size.
inline size_t put_back(std::string_view text, uint8_t* data, size_t size, size_t most) {
  if (text.empty() || text.size() > most) return size;
  std::memcpy(data, text.data(), text.size());
  return text.size();
}

}  // namespace kvreel::fuzz
