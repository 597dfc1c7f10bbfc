// The safetensors reader: what it gives for a valid file, and what it says of damaged ones.
#include "engine/model/safetensors.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <random>

#include "engine/temp_model.h"

namespace kvreel::engine {
namespace {

using test::contains;
using test::error_of;
using test::safetensors_bytes;
using test::SafetensorsBuilder;
using test::TempDirectory;

std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// The error for a file "x.safetensors" of this header and data.
std::string header_error(const std::string& header, const std::string& data = "") {
  const std::string bytes = safetensors_bytes(header, data);
  const std::string error = error_of([&] { parse_safetensors(as_bytes(bytes), "x.safetensors"); });
  EXPECT_TRUE(contains(error, {"'x.safetensors'"}));
  EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  return error;
}

std::string entry(const std::string& shape, const std::string& offsets,
                  const std::string& dtype = "F32") {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

std::string small_file() {
  return SafetensorsBuilder()
      .add("b", "BF16", {2, 3}, std::string("abcdefghijkl"))
      .add("a", "F32", {2}, std::string("12345678"))
      .add("empty", "F16", {0, 7}, "")
      .add("scalar", "I64", {}, std::string("ABCDEFGH"))
      .bytes(3);
}

TEST(Safetensors, gives_views_in_the_order_of_the_file) {
  const TempDirectory directory;
  directory.write("m.safetensors", small_file());
  const SafetensorsFile file(directory / "m.safetensors");
  ASSERT_EQ(file.tensors().size(), 4u);
  EXPECT_EQ(file.tensors()[0].name, "b");
  EXPECT_EQ(file.tensors()[1].name, "a");

  const TensorView* b = file.find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->dtype, "BF16");
  EXPECT_EQ(b->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(b->bytes, 12u);
  EXPECT_EQ(std::memcmp(b->data, "abcdefghijkl", 12), 0);
  EXPECT_EQ(std::memcmp(file.find("a")->data, "12345678", 8), 0);
  EXPECT_EQ(file.find("empty")->bytes, 0u);
  EXPECT_TRUE(file.find("scalar")->shape.empty());
  EXPECT_EQ(std::memcmp(file.find("scalar")->data, "ABCDEFGH", 8), 0);
  EXPECT_EQ(file.find("c"), nullptr);
}

TEST(Safetensors, views_outlive_a_move_of_the_file) {
  const TempDirectory directory;
  directory.write("m.safetensors", small_file());
  SafetensorsFile file(directory / "m.safetensors");
  const std::byte* const data = file.find("a")->data;
  const SafetensorsFile moved(std::move(file));
  EXPECT_EQ(moved.find("a")->data, data);
  EXPECT_EQ(std::memcmp(data, "12345678", 8), 0);
}

TEST(Safetensors, accepts_string_metadata_and_a_file_without_tensors) {
  const std::string bytes = safetensors_bytes(R"({"__metadata__":{"format":"pt"}})", "");
  EXPECT_TRUE(parse_safetensors(as_bytes(bytes), "x").empty());
}

TEST(Safetensors, knows_element_types_that_are_not_weights) {
  const std::string bytes =
      SafetensorsBuilder().add("q", "F8_E4M3", {4}, "1234").add("p", "F4", {2}, "1").bytes();
  EXPECT_EQ(parse_safetensors(as_bytes(bytes), "x").size(), 2u);
}

TEST(Safetensors, names_the_file_that_is_not_there) {
  const TempDirectory directory;
  const auto path = directory / "none.safetensors";
  EXPECT_TRUE(
      contains(error_of([&] { SafetensorsFile file(path); }), {path.string(), "No such file"}));
}

TEST(Safetensors, refuses_a_directory_and_a_pipe) {
  const TempDirectory directory;
  std::filesystem::create_directory(directory / "m.safetensors");
  EXPECT_TRUE(contains(error_of([&] { SafetensorsFile file(directory / "m.safetensors"); }),
                       {"m.safetensors'", "a directory, not a file"}));
  const auto pipe = directory / "pipe.safetensors";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_TRUE(contains(error_of([&] { SafetensorsFile file(pipe); }), {"pipe, not a file"}));
}

TEST(Safetensors, refuses_an_empty_file_and_one_of_a_few_bytes) {
  const TempDirectory directory;
  directory.write("m.safetensors", std::string());
  EXPECT_TRUE(contains(error_of([&] { SafetensorsFile file(directory / "m.safetensors"); }),
                       {"m.safetensors' has 0 bytes", "empty or truncated"}));
  EXPECT_TRUE(contains(error_of([&] { parse_safetensors(as_bytes(std::string("1234567")), "x"); }),
                       {"7 bytes"}));
}

TEST(Safetensors, refuses_header_lengths_beyond_the_file_and_beyond_the_limit) {
  const auto with_length = [](uint64_t length) {
    std::string bytes = safetensors_bytes("{}", "");
    std::memcpy(bytes.data(), &length, sizeof length);
    return error_of([&] { parse_safetensors(as_bytes(bytes), "x"); });
  };
  EXPECT_TRUE(contains(with_length(3), {"'x' is truncated", "at least 11 bytes", "has 10"}));
  EXPECT_TRUE(contains(with_length(100'000'000), {"truncated", "100000008"}));
  EXPECT_TRUE(contains(with_length(100'000'001), {"100000001", "offset 0", "above"}));
  EXPECT_TRUE(contains(with_length(UINT64_MAX), {"18446744073709551615"}));
  EXPECT_TRUE(contains(with_length(UINT64_MAX - 7), {"18446744073709551608"}));
  EXPECT_TRUE(contains(with_length(0), {"no JSON object at offset 8"}));
}

TEST(Safetensors, refuses_headers_that_are_not_json_objects) {
  EXPECT_TRUE(contains(header_error("[]"), {"no JSON object at offset 8"}));
  EXPECT_TRUE(contains(header_error(" {}"), {"no JSON object at offset 8"}));
  EXPECT_TRUE(contains(header_error(R"({"a":)"), {"not valid JSON", "column"}));
  EXPECT_TRUE(contains(header_error("{} {}"), {"not valid JSON"}));
  EXPECT_TRUE(contains(header_error("{\"a\xff\":1}"), {"not valid JSON"}));
  EXPECT_TRUE(contains(header_error(R"({"a":1e999})"), {"not valid JSON"}));
}

TEST(Safetensors, refuses_deep_nesting_without_running_out_of_stack) {
  EXPECT_TRUE(contains(header_error("{\"a\":" + std::string(1'000'000, '[')), {"deeper than 64"}));
}

TEST(Safetensors, refuses_names_that_occur_twice) {
  const std::string header =
      R"({"a":)" + entry("[1]", "[0,4]") + R"(,"a":)" + entry("[1]", "[4,8]") + "}";
  EXPECT_TRUE(contains(header_error(header, "12345678"), {"key \"a\" twice"}));
  EXPECT_TRUE(
      contains(header_error(R"({"a":{"dtype":"F32","dtype":"F16"}})"), {"key \"dtype\" twice"}));
}

TEST(Safetensors, refuses_entries_with_missing_unknown_or_mistyped_keys) {
  const auto one = [](const std::string& value) {
    const std::string error = header_error(R"({"t":)" + value + "}", "1234");
    EXPECT_TRUE(contains(error, {"tensor \"t\""}));
    return error;
  };
  EXPECT_TRUE(contains(one("5"), {"object", "5"}));
  EXPECT_TRUE(contains(one(R"({"shape":[1],"data_offsets":[0,4]})"), {"no 'dtype'"}));
  EXPECT_TRUE(contains(one(R"({"dtype":"F32","data_offsets":[0,4]})"), {"no 'shape'"}));
  EXPECT_TRUE(contains(one(R"({"dtype":"F32","shape":[1]})"), {"no 'data_offsets'"}));
  EXPECT_TRUE(contains(one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],"scale":2})"),
                       {"\"scale\""}));
  EXPECT_TRUE(contains(one(entry("[1]", "[0,4]", "F33")), {"\"F33\"", "unknown"}));
  EXPECT_TRUE(contains(one(R"({"dtype":32,"shape":[1],"data_offsets":[0,4]})"), {"dtype 32"}));
  EXPECT_TRUE(contains(one(entry("[-1]", "[0,4]")), {"'shape' is [-1]"}));
  EXPECT_TRUE(contains(one(entry("[1.0]", "[0,4]")), {"'shape' is [1.0]"}));
  EXPECT_TRUE(contains(one(entry("1", "[0,4]")), {"'shape' is 1"}));
  EXPECT_TRUE(contains(one(entry("[1]", "[4]")), {"'data_offsets' must be two"}));
  EXPECT_TRUE(contains(one(entry("[1]", "[0,4,8]")), {"'data_offsets' must be two"}));
  EXPECT_TRUE(contains(one(entry("[1]", "[-4,0]")), {"'data_offsets' is [-4,0]"}));
}

TEST(Safetensors, refuses_offsets_that_contradict_shape_or_each_other) {
  const auto one = [](const std::string& value) {
    return header_error(R"({"t":)" + value + "}", "12345678");
  };
  EXPECT_TRUE(contains(one(entry("[1]", "[4,0]")), {"\"t\"", "reversed", "[4,0]"}));
  EXPECT_TRUE(contains(one(entry("[3]", "[0,8]")), {"span 8 bytes", "shape [3] take 12"}));
  EXPECT_TRUE(contains(one(entry("[2]", "[0,8]", "BF16")), {"span 8 bytes", "take 4"}));
  EXPECT_TRUE(contains(one(entry("[1]", "[0,4]", "F4")), {"whole bytes"}));
}

TEST(Safetensors, refuses_shapes_that_overflow) {
  const auto one = [](const std::string& shape, const std::string& offsets = "[0,0]") {
    return header_error(R"({"t":)" + entry(shape, offsets) + "}");
  };
  EXPECT_TRUE(contains(one("[4294967296,4294967296]"), {"\"t\"", "more bytes than"}));
  EXPECT_TRUE(contains(one("[18446744073709551615]"), {"more bytes than"}));
  EXPECT_TRUE(contains(one("[9223372036854775807,2]"), {"more bytes than"}));
  EXPECT_TRUE(contains(one("[1]", "[18446744073709551608,18446744073709551612]"), {"beyond"}));
  EXPECT_TRUE(contains(one("[99999999999999999999]"), {"'shape' is"}));
}

TEST(Safetensors, refuses_overlaps_gaps_and_rests) {
  const auto two = [](const std::string& a, const std::string& b) {
    return header_error(R"({"a":)" + entry("[1]", a) + R"(,"b":)" + entry("[1]", b) + "}",
                        "123456789012");
  };
  EXPECT_TRUE(contains(two("[0,4]", "[2,6]"), {"\"b\" at data bytes [2, 6) overlaps \"a\""}));
  EXPECT_TRUE(contains(two("[0,4]", "[0,4]"), {"overlaps \"a\""}));
  EXPECT_TRUE(contains(two("[0,4]", "[6,10]"), {"gap of 2 bytes before tensor \"b\""}));
  EXPECT_TRUE(contains(two("[4,8]", "[8,12]"), {"gap of 4 bytes before tensor \"a\""}));
  EXPECT_TRUE(contains(two("[0,4]", "[4,8]"), {"4 bytes after its last tensor"}));
}

TEST(Safetensors, says_how_many_bytes_a_truncated_file_lacks) {
  const TempDirectory directory;
  const std::string whole = small_file();
  directory.write("m.safetensors", whole.substr(0, whole.size() - 5));
  EXPECT_TRUE(contains(error_of([&] { SafetensorsFile file(directory / "m.safetensors"); }),
                       {(directory / "m.safetensors").string(), "truncated",
                        std::to_string(whole.size()) + " expected in all",
                        std::to_string(whole.size() - 5) + " there"}));
}

TEST(Safetensors, refuses_metadata_that_are_not_strings) {
  EXPECT_TRUE(contains(header_error(R"({"__metadata__":{"n":1}})"), {"__metadata__.n", "strings"}));
  EXPECT_TRUE(contains(header_error(R"({"__metadata__":[]})"), {"__metadata__", "object"}));
}

TEST(Safetensors, quotes_hostile_names_on_one_line) {
  const std::string header = R"({"a\n\u001b[31m":)" + entry("[1]", "[4,0]") + "}";
  EXPECT_TRUE(contains(header_error(header), {R"("a\n\u001b[31m")"}));
}

// Reads every byte of every view: with AddressSanitizer, or at the end of a mapping, a view that
// reaches outside ends the program.
uint64_t touch(const std::vector<TensorView>& tensors) {
  uint64_t sum = 0;
  for (const TensorView& tensor : tensors) {
    for (size_t i = 0; i < tensor.bytes; ++i) sum += uint64_t(tensor.data[i]);
  }
  return sum;
}

TEST(Safetensors, five_hundred_damaged_files_load_or_are_refused) {
  const std::string whole = small_file();
  std::mt19937_64 random(20250101);  // the standard fixes its values
  int refused = 0;
  for (int round = 0; round < 500; ++round) {
    std::string bytes = whole;
    const uint64_t flips = 1 + random() % 4;
    for (uint64_t i = 0; i < flips; ++i) {
      bytes[random() % bytes.size()] ^= char(1 << (random() % 8));
    }
    if (round % 3 == 0) bytes.resize(random() % bytes.size());
    if (round % 7 == 0) bytes.insert(random() % (bytes.size() + 1), 1 + random() % 9, '9');
    // On the heap in its exact size, so that AddressSanitizer sees one byte too many.
    const std::vector<char> exact(bytes.begin(), bytes.end());
    try {
      touch(parse_safetensors(std::as_bytes(std::span(exact)), "x.safetensors"));
    } catch (const Error& error) {
      ++refused;
      EXPECT_TRUE(contains(error.what(), {"x.safetensors"}));
    }
  }
  EXPECT_GT(refused, 300);  // most damage hits the header or the length
  EXPECT_LT(refused, 500);  // and flipped data bytes are still a file
}

}  // namespace
}  // namespace kvreel::engine
