// Whole files within limits; and which file is mapped where.
#include "base/read_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.h"
#include "base/mapped_files.h"

namespace kvreel {
namespace {

class ReadFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "kvreel-read-file-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  std::string error_of(const std::filesystem::path& path, uint64_t most) {
    try {
      read_file(path, most, "the words", "write less");
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  }
  std::filesystem::path dir_;
};

TEST_F(ReadFile, GivesEveryByte) {
  std::string bytes;
  for (int i = 0; i < 3'000'000; ++i) bytes += static_cast<char>(i * 7);
  std::ofstream(dir_ / "f", std::ios::binary) << bytes;
  EXPECT_EQ(read_file(dir_ / "f", bytes.size(), "the words", ""), bytes);
  std::ofstream(dir_ / "empty").flush();
  EXPECT_EQ(read_file(dir_ / "empty", 0, "the words", ""), "");
}

TEST_F(ReadFile, RefusesMoreThanWasAgreedWithoutReadingIt) {
  std::ofstream(dir_ / "f") << "12345";
  EXPECT_EQ(read_file(dir_ / "f", 5, "the words", ""), "12345");
  EXPECT_EQ(error_of(dir_ / "f", 4), "'" + (dir_ / "f").string() +
                                         "' has 5 B, and no more than 4 B of the words are read; "
                                         "write less.");
  std::ofstream(dir_ / "sparse").flush();
  std::filesystem::resize_file(dir_ / "sparse", uintmax_t{1} << 40);
  EXPECT_NE(error_of(dir_ / "sparse", 1 << 20).find("has 1.00 TiB"), std::string::npos);
}

TEST_F(ReadFile, StopsAtADeviceWithoutEnd) {
  EXPECT_NE(error_of("/dev/zero", 3 << 20).find("more than 3.00 MiB"), std::string::npos);
}

TEST_F(ReadFile, SaysWhatCannotBeRead) {
  EXPECT_EQ(error_of(dir_ / "none", 1),
            "Cannot read the words '" + (dir_ / "none").string() + "': No such file or directory.");
  EXPECT_NE(error_of(dir_, 1).find("it is a directory"), std::string::npos);
}

TEST_F(ReadFile, DoesNotWaitForANamedPipeThatNobodyWrites) {
  ASSERT_EQ(mkfifo((dir_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_file(dir_ / "pipe", 10, "the words", ""), "");
}

TEST(MappedFiles, NamesTheFileOfAnAddress) {
  static std::array<std::byte, 3 * 4096> bytes;
  EXPECT_EQ(mapped_file_at(bytes.data()), nullptr);
  note_mapped_file(bytes, "/m/a\x1b[2J.safetensors");
  EXPECT_STREQ(mapped_file_at(bytes.data()), "/m/a\\x1b[2J.safetensors");
  EXPECT_STREQ(mapped_file_at(bytes.data() + bytes.size() - 1), "/m/a\\x1b[2J.safetensors");
  EXPECT_EQ(mapped_file_at(bytes.data() + bytes.size() + 4096), nullptr);
  EXPECT_EQ(mapped_file_at(bytes.data() - 1), nullptr);
  forget_mapped_file(bytes);
  EXPECT_EQ(mapped_file_at(bytes.data()), nullptr);
}

TEST(MappedFiles, KeepsTheEndOfALongName) {
  static std::array<std::byte, 16> bytes;
  std::string path(2000, 'x');
  path += "/model.safetensors";
  note_mapped_file(bytes, path);
  const std::string name = mapped_file_at(bytes.data());
  EXPECT_LT(name.size(), 600u);
  EXPECT_TRUE(name.starts_with("...") && name.ends_with("/model.safetensors")) << name;
  forget_mapped_file(bytes);
}

}  // namespace
}  // namespace kvreel
