// SHA-256 against the vectors of FIPS 180-4's examples.
#include "base/sha256.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"

namespace kvreel {
namespace {

TEST(Sha256, EqualsThePublishedVectors) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, OfAFileEqualsThatOfItsBytes) {
  const auto path = std::filesystem::temp_directory_path() / "kvreel_sha256_test";
  const std::string content(3'000'001, 'k');  // more than two pieces
  std::ofstream(path, std::ios::binary) << content;
  size_t seen = 0;
  EXPECT_EQ(sha256_file(path, [&](size_t bytes) { seen += bytes; }), sha256(content));
  EXPECT_EQ(seen, content.size());
  std::filesystem::remove(path);
}

TEST(Sha256, OfSeveralFilesIsThatOfTheirBytesOneAfterTheOther) {
  const auto directory = std::filesystem::temp_directory_path();
  const std::vector<std::string> paths = {(directory / "kvreel_sha256_a").string(),
                                          (directory / "kvreel_sha256_b").string()};
  std::ofstream(paths[0]) << "a";
  std::ofstream(paths[1]) << "bc";
  EXPECT_EQ(sha256_files(paths), sha256("abc"));
  for (const std::string& path : paths) std::filesystem::remove(path);
}

TEST(Sha256, NamesAFileThatCannotBeRead) {
  try {
    sha256_file("/no/such/file");
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("/no/such/file"), std::string::npos);
  }
}

}  // namespace
}  // namespace kvreel
