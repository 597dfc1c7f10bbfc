// Files that appear when they are whole.
#include "base/atomic_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "base/error.h"

namespace kvreel {
namespace {

namespace fs = std::filesystem;

class AtomicFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "kvreel-file-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }

  fs::path path(const std::string& name = "out.txt") const { return directory_ / name; }
  size_t entries() const {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(directory_)) ++count;
    return count;
  }
  static std::string content(const fs::path& file) {
    std::ifstream in(file);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }
  static void put(const fs::path& file, const std::string& text) { std::ofstream(file) << text; }

  fs::path directory_;
};

template <typename Work>
std::string error_of(Work&& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST_F(AtomicFiles, AppearWhenTheyAreCommitted) {
  {
    AtomicFile file(path(), false);
    file.stream() << "whole";
    EXPECT_FALSE(fs::exists(path()));
    EXPECT_TRUE(fs::exists(file.part()));
    EXPECT_EQ(file.part(), path().string() + "." + std::to_string(getpid()) + ".part");
    file.commit();
  }
  EXPECT_EQ(content(path()), "whole");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(AtomicFiles, LeaveNothingBehindWithoutCommit) {
  {
    AtomicFile file(path(), false);
    file.stream() << "half";
    file.close();
  }
  EXPECT_EQ(entries(), 0u);
}

TEST_F(AtomicFiles, KeepWhatIsThereUntilTheyReplaceIt) {
  put(path(), "old");
  fs::permissions(path(), fs::perms::owner_read | fs::perms::owner_write);
  {
    AtomicFile abandoned(path(), true);
    abandoned.stream() << "half";
  }
  EXPECT_EQ(content(path()), "old");
  AtomicFile file(path(), true);
  file.stream() << "new";
  EXPECT_EQ(content(path()), "old");
  file.commit();
  EXPECT_EQ(content(path()), "new");
  EXPECT_EQ(fs::status(path()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(entries(), 1u);
}

TEST_F(AtomicFiles, DoNotReplaceUnasked) {
  put(path(), "old");
  const std::string error = error_of([&] { AtomicFile(path(), false); });
  EXPECT_NE(error.find("exists already"), std::string::npos) << error;
  EXPECT_NE(error.find(path().string()), std::string::npos) << error;
  EXPECT_EQ(content(path()), "old");
}

TEST_F(AtomicFiles, DoNotReplaceWhatCameMeanwhile) {
  AtomicFile file(path(), false);
  file.stream() << "mine";
  put(path(), "theirs");
  const std::string error = error_of([&] { file.commit(); });
  EXPECT_NE(error.find("exists already"), std::string::npos) << error;
  EXPECT_EQ(content(path()), "theirs");
}

TEST_F(AtomicFiles, WriteBehindASymbolicLink) {
  put(path("target"), "old");
  fs::create_symlink("target", path("link"));
  AtomicFile file(path("link"), true);
  file.stream() << "new";
  file.commit();
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(content(path("target")), "new");
}

TEST_F(AtomicFiles, ADeviceIsWrittenToAndStaysOne) {
  // Not /dev/null itself: where the test fails as root, it would be gone.
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  const int reader = ::open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  AtomicFile file(path("pipe"), false);
  file.stream() << "text";
  file.commit();
  char text[8] = {};
  EXPECT_EQ(::read(reader, text, sizeof text), 4);
  ::close(reader);
  EXPECT_TRUE(fs::is_fifo(path("pipe")));
}

TEST_F(AtomicFiles, SayWhereTheyCannotBeWritten) {
  EXPECT_NE(error_of([&] { AtomicFile(directory_, true); }).find("is a directory"),
            std::string::npos);
  const std::string missing = error_of([&] { AtomicFile(path("none/out.txt"), false); });
  EXPECT_NE(missing.find("no directory"), std::string::npos) << missing;
  put(path("file"), "");
  const std::string below = error_of([&] { AtomicFile(path("file/out.txt"), false); });
  EXPECT_NE(below.find("no directory"), std::string::npos) << below;
}

TEST_F(AtomicFiles, AFullDiskIsAnErrorAndLeavesNothing) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  AtomicFile file("/dev/full", false);
  file.stream() << std::string(100000, 'x');
  const std::string error = error_of([&] { file.close(); });
  EXPECT_NE(error.find("the disk may be full"), std::string::npos) << error;
}

}  // namespace
}  // namespace kvreel
