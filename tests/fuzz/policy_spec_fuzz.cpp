// Words after --policy: any text gives runs or one clear error.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/generate/experiment.h"

// Specs are separated by newlines, as several --policy options would be.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::string> specs(1);
  for (size_t i = 0; i < size; ++i) {
    if (data[i] == '\n') {
      specs.emplace_back();
    } else {
      specs.back().push_back(static_cast<char>(data[i]));
    }
  }
  try {
    for (const kvreel::engine::Run& run : kvreel::engine::make_runs(specs)) {
      // What the trace says of it.
      for (const auto& [key, value] : run.policy->parameters()) {
        if (key.empty()) std::abort();
      }
    }
  } catch (const kvreel::Error&) {
    // Refused, with a sentence.
  }
  return 0;
}
