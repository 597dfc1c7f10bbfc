// Tables as text, CSV and JSON.
#include "exports/tables/writers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "exports/tables/display.h"
#include "exports/tables/small_trace.h"

namespace kvreel::exports::testing {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Table table_of(std::vector<Column> columns, std::vector<Row> rows) {
  Table table;
  table.name = "test";
  table.title = "A title";
  table.metadata = {{"trace", "x.h5"}, {"runs", "a,\nb"}};
  table.columns = std::move(columns);
  table.rows = std::move(rows);
  return table;
}

std::string written(const Table& table, Format format, const WriteOptions& options = {}) {
  std::ostringstream out;
  write(out, table, format, options);
  return out.str();
}

const WriteOptions kBare = {.comments = false, .width = 0};

Row strings(std::initializer_list<const char*> texts) {
  Row row;
  for (const char* text : texts) row.emplace_back(std::string(text));
  return row;
}

TEST(Csv, QuotesWhatWouldBreakALine) {
  const Table table = table_of(
      {{"a", "", Kind::text}, {"b", "", Kind::text}},
      {strings({"plain", "with,comma"}), strings({"say \"hi\"", "two\nlines"}),
       strings({"#not a comment", "#bare"}), strings({" the", "end "}), strings({"", "\r"})});
  EXPECT_EQ(written(table, Format::csv, kBare),
            "a,b\n"
            "plain,\"with,comma\"\n"
            "\"say \"\"hi\"\"\",\"two\nlines\"\n"
            "\"#not a comment\",#bare\n"
            "\" the\",\"end \"\n"
            "\"\",\"\r\"\n");
}

TEST(Csv, NoneIsEmptyAndNumbersReadBackTheSame) {
  const Table table =
      table_of({{"v", "", Kind::number}}, {{Cell()},
                                           {Cell(kNaN)},
                                           {Cell(std::nanf(""))},
                                           {Cell(0.1f)},
                                           {Cell(0.1)},
                                           {Cell(1.0 / 3)},
                                           {Cell(std::numeric_limits<int64_t>::min())},
                                           {Cell(std::numeric_limits<uint64_t>::max())},
                                           {Cell(true)},
                                           {Cell(kInfinity)}});
  EXPECT_EQ(written(table, Format::csv, kBare),
            "v\n\n\n\n0.1\n0.1\n0.3333333333333333\n-9223372036854775808\n18446744073709551615\n"
            "true\ninf\n");
}

TEST(Csv, SaysWhereItComesFromInLinesThatStartWithAHash) {
  const Table table = table_of({{"time", "ns", Kind::duration}, {"n", "", Kind::number}},
                               {{Cell(int64_t{5}), Cell(int64_t{6})}});
  EXPECT_EQ(written(table, Format::csv),
            "# A title\n# trace: x.h5\n# runs: a,\\nb\n# units: time ns\ntime,n\n5,6\n");
}

TEST(Csv, IllFormedTextBecomesUtf8) {
  const Table table = table_of({{"t", "", Kind::text}}, {strings({"a\xFF"}), strings({"\xFE z"})});
  EXPECT_EQ(written(table, Format::csv, kBare), "t\na\uFFFD\n\uFFFD z\n");
}

TEST(Json, IsValidWhateverTheCellsHold) {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  const Table table = table_of({{"text", "", Kind::text}, {"value", "ns", Kind::number}},
                               {{Cell(every_byte), Cell(kNaN)},
                                {Cell(std::string("a\"b\\")), Cell(kInfinity)},
                                {Cell(), Cell(1e300)},
                                {Cell(false), Cell(0.1f)}});
  const nlohmann::json json = nlohmann::json::parse(written(table, Format::json));
  EXPECT_EQ(json["table"], "test");
  EXPECT_EQ(json["metadata"]["runs"], "a,\nb");
  EXPECT_EQ(json["columns"][1], (nlohmann::json{{"name", "value"}, {"unit", "ns"}}));
  ASSERT_EQ(json["rows"].size(), 4u);
  EXPECT_TRUE(json["rows"][0][1].is_null());
  EXPECT_EQ(json["rows"][0][0].get<std::string>().substr(0, 128), every_byte.substr(0, 128));
  EXPECT_EQ(json["rows"][1][0], "a\"b\\");
  EXPECT_TRUE(json["rows"][1][1].is_null());
  EXPECT_EQ(json["rows"][2][1], 1e300);
  EXPECT_EQ(json["rows"][3], nlohmann::json::parse("[false, 0.1]"));
}

TEST(Json, OfNoRowsIsValid) {
  const nlohmann::json json =
      nlohmann::json::parse(written(table_of({{"a", "", Kind::text}}, {}), Format::json));
  EXPECT_TRUE(json["rows"].is_array());
  EXPECT_TRUE(json["rows"].empty());
}

TEST(Text, AlignsByColumnsOfTheTerminal) {
  // The ideographs take two columns each, the combining accent none.
  const Table table = table_of(
      {{"name", "", Kind::text}, {"bytes", "B", Kind::bytes}, {"time", "ns", Kind::duration}},
      {{Cell(std::string("\u6f22\u5b57")), Cell(uint64_t{1536}), Cell(int64_t{1234567})},
       {Cell(std::string("e\u0301")), Cell(), Cell(kNaN)}});
  EXPECT_EQ(written(table, Format::text, kBare),
            "name     bytes     time\n"
            "----  --------  -------\n"
            "\u6f22\u5b57  1.50 KiB  1.23 ms\n"
            "e\u0301            -        -\n");
}

TEST(Text, NumbersReadForPeople) {
  EXPECT_EQ(human(Cell(0.4567), Kind::share), "45.7 %");
  EXPECT_EQ(human(Cell(0.123456), Kind::number), "0.1235");
  EXPECT_EQ(human(Cell(uint64_t{812}), Kind::bytes), "812 B");
  EXPECT_EQ(human(Cell(int64_t{-5}), Kind::number), "-5");
  EXPECT_EQ(human(Cell(true), Kind::text), "yes");
  EXPECT_EQ(human(Cell(kInfinity), Kind::bytes), "inf");
}

TEST(Text, ShowsControlCharactersAndNeverSendsThem) {
  EXPECT_EQ(visible("a\nb\t\x1b[2J\x7f"), "a\\nb\\t\\x1b[2J\\x7f");
  EXPECT_EQ(visible("\u202e\u200b"), "\\u202e\\u200b");  // reorders text; invisible
  EXPECT_EQ(visible("back\\slash"), "back\\\\slash");
  EXPECT_EQ(visible(" the "), "\u2423the\u2423");
  EXPECT_EQ(visible("  "), "\u2423\u2423");
  EXPECT_EQ(visible("a b"), "a b");
  EXPECT_EQ(visible("\xFF"), "\uFFFD");
  EXPECT_EQ(visible("\u00e9\u6f22"), "\u00e9\u6f22");
}

TEST(Text, ShortensTheWidestTextToFit) {
  const Table table =
      table_of({{"id", "", Kind::number}, {"words", "", Kind::text}, {"short", "", Kind::text}},
               {{Cell(int64_t{1}), Cell(std::string(300, 'x')), Cell(std::string("y"))}});
  std::istringstream lines(written(table, Format::text, {.comments = false, .width = 60}));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 60u) << line;
  EXPECT_TRUE(
      contains(written(table, Format::text, {.comments = false, .width = 60}), "x\u2026  y\n"));
  EXPECT_TRUE(contains(written(table, Format::text, kBare), std::string(300, 'x')));
}

TEST(Text, ShortenedTextKeepsItsWidth) {
  EXPECT_EQ(shorten("abcdef", 6), "abcdef");
  EXPECT_EQ(shorten("abcdef", 5), "abcd\u2026");
  EXPECT_EQ(shorten("\u6f22\u5b57\u6f22", 4), "\u6f22\u2026");  // a wide character does not fit
  EXPECT_EQ(shorten("abc", 1), "\u2026");
  EXPECT_EQ(shorten("abc", 0), "");
}

TEST(Text, ManyRowsKeepTheirNumbersWhole) {
  // Widths are taken from the first thousand rows; wider numbers follow whole.
  Table table = table_of({{"n", "", Kind::number}}, {});
  for (int64_t i = 0; i < 1500; ++i) table.rows.push_back({Cell(i < 1400 ? i : 123456789)});
  const std::string text = written(table, Format::text, kBare);
  EXPECT_TRUE(contains(text, "\n1399\n123456789\n"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1502);
}

TEST(Text, AnEmptyTableSaysSo) {
  EXPECT_TRUE(contains(written(table_of({{"a", "", Kind::text}}, {}), Format::text), "(no rows)"));
}

TEST(Writers, AFullDiskIsAnError) {
  const Table table = table_of({{"a", "", Kind::text}}, {strings({"x"})});
  for (const Format format : {Format::text, Format::csv, Format::json}) {
    std::ostringstream out;
    out.setstate(std::ios::badbit);
    EXPECT_TRUE(contains(error_of([&] { write(out, table, format); }), "table 'test'"));
  }
}

TEST(Writers, AnUnknownFormatNamesTheNearest) {
  EXPECT_EQ(parse_format("csv"), Format::csv);
  EXPECT_TRUE(contains(error_of<UsageError>([] { parse_format("jsn"); }), "'json'"));
}

}  // namespace
}  // namespace kvreel::exports::testing
