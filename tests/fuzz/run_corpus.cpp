// Runs a fuzz target over the files of its corpus, where there is no fuzzer to do it.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

// Defined by the target.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

// Arguments: directories. An empty corpus is an error, since it would show nothing.
int main(int argc, char** argv) try {
  size_t files = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (!entry.is_regular_file()) continue;
      // Which one it was, should the target crash.
      std::printf("%s\n", entry.path().c_str());
      std::fflush(stdout);
      std::ifstream file(entry.path(), std::ios::binary);
      const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
      // A copy of exactly that size, so that a sanitizer sees every step beyond it.
      const std::vector<uint8_t> input(bytes.begin(), bytes.end());
      LLVMFuzzerTestOneInput(input.data(), input.size());
      ++files;
    }
  }
  std::printf("%zu files\n", files);
  return files > 0 ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "the target let an exception out, or the corpus cannot be read: %s\n", error.what());
  return 1;
}
