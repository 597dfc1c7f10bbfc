// Files that are written to while they are read.
#include "engine/model/file_watch.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "engine/temp_model.h"

namespace kvreel::engine {
namespace {

using test::TempDirectory;
using namespace std::string_literals;
using Paths = std::vector<std::filesystem::path>;

TEST(FileWatch, TellsAFileThatIsWrittenTo) {
  const TempDirectory directory;
  directory.write("a", "1234"s);
  directory.write("b", "1234"s);
  const FileWatch watch(Paths{directory / "a", directory / "b", directory / "none"});
  EXPECT_EQ(watch.written_to(), "");
  directory.write("none", "new"s);
  EXPECT_EQ(watch.written_to(), "");
  std::ofstream(directory / "b", std::ios::app) << "5";
  EXPECT_EQ(watch.written_to(), (directory / "b").string());
}

TEST(FileWatch, TellsAFileOfTheSameLengthByItsTime) {
  const TempDirectory directory;
  directory.write("a", "1234"s);
  const FileWatch watch(Paths{directory / "a"});
  const auto later = std::filesystem::last_write_time(directory / "a") + std::chrono::seconds(1);
  std::filesystem::last_write_time(directory / "a", later);
  EXPECT_EQ(watch.written_to(), (directory / "a").string());
}

TEST(FileWatch, DoesNotMindAFileThatIsReplaced) {
  const TempDirectory directory;
  directory.write("a", "1234"s);
  directory.write("b", "other"s);
  const FileWatch watch(Paths{directory / "a"});
  std::filesystem::rename(directory / "b", directory / "a");
  EXPECT_EQ(watch.written_to(), "");
  std::filesystem::remove(directory / "a");
  EXPECT_EQ(watch.written_to(), "");
}

}  // namespace
}  // namespace kvreel::engine
