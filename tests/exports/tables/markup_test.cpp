// Tables as Markdown and LaTeX: rounded numbers, units in the head, and text that is only text.
#include "exports/tables/markup.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>

#include "exports/tables/column_format.h"
#include "exports/tables/small_trace.h"
#include "exports/tables/tables.h"
#include "exports/tables/writers.h"

namespace kvreel::exports::testing {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Table table_of(std::vector<Column> columns, std::vector<Row> rows) {
  Table table;
  table.name = "test";
  table.title = "A title";
  table.metadata = {{"trace", "x_1.h5"}, {"runs", "a,\nb"}, {"command", "kvreel export x"}};
  table.columns = std::move(columns);
  table.rows = std::move(rows);
  return table;
}

std::string written(const Table& table, Format format, bool comments = false) {
  std::ostringstream out;
  write(out, table, format, {.comments = comments, .width = 0});
  return out.str();
}

Cell text_cell(const char* text) {
  return Cell(std::string(text));
}

// Every text that a column of these cells shows.
std::vector<std::string> shown(const Column& column, const std::vector<Cell>& cells) {
  std::vector<Row> rows;
  for (const Cell& cell : cells) rows.push_back({cell});
  const std::vector<Column> columns = {column};
  const std::vector<ColumnFormat> formats = column_formats(columns, rows);
  std::vector<std::string> texts = {formats[0].name() + "/" + formats[0].unit()};
  for (const Cell& cell : cells) texts.push_back(formats[0].text(cell));
  return texts;
}

using Texts = std::vector<std::string>;

TEST(ColumnFormat, ChoosesOneUnitByTheMedian) {
  EXPECT_EQ(shown({"total_ns", "ns", Kind::duration},
                  {Cell(1.2e6), Cell(int64_t{35'000'000}), Cell(4e6), Cell(0.0), Cell(1e4)}),
            (Texts{"total/ms", "1.20", "35.00", "4.00", "0.00", "0.010"}));
  EXPECT_EQ(shown({"asked_mean", "B", Kind::bytes}, {Cell(uint64_t{1536}), Cell(1024.0 * 700)}),
            (Texts{"asked mean/KiB", "1.5", "700"}));
  EXPECT_EQ(shown({"bytes_per_s", "B/s", Kind::number}, {Cell(7.2264e9)}),
            (Texts{"bytes per s/GB/s", "7.23"}));
  // Below a kilobyte and a microsecond nothing is divided, and whole numbers stay whole.
  EXPECT_EQ(shown({"bytes", "B", Kind::bytes}, {Cell(uint64_t{812}), Cell(uint64_t{3})}),
            (Texts{"bytes/B", "812", "3"}));
}

TEST(ColumnFormat, SharesArePerCentWithOneDecimal) {
  EXPECT_EQ(shown({"budget", "1", Kind::share},
                  {Cell(0.4567), Cell(1.0), Cell(0.0016), Cell(0.0001), Cell(-0.2), Cell(0.0)}),
            (Texts{"budget/%", "45.7", "100.0", "0.2", "0.010", "-20.0", "0.0"}));
}

TEST(ColumnFormat, CountsAreExactAndNumbersRounded) {
  EXPECT_EQ(shown({"n", "", Kind::number}, {Cell(int64_t{123456789}), Cell(uint64_t{7})}),
            (Texts{"n/", "123456789", "7"}));
  EXPECT_EQ(shown({"x", "nat", Kind::number}, {Cell(-0.12345f), Cell(0.5f), Cell(0.00012f)}),
            (Texts{"x/nat", "-0.123", "0.500", "0.00012"}));
  EXPECT_EQ(shown({"x", "1", Kind::number}, {Cell(1e-9), Cell(1.0), Cell(2e18), Cell(kInfinity)}),
            (Texts{"x/", "1.00e-09", "1.00", "2.00e+18", "inf"}));
  EXPECT_EQ(shown({"x", "", Kind::number}, {Cell(), Cell(kNaN), Cell(-0.0), Cell(true)}),
            (Texts{"x/", "", "", "0", "yes"}));
}

TEST(ColumnFormat, StatisticsOfOneThingShareAUnit) {
  const std::vector<Column> columns = {{"mean_ns", "ns", Kind::duration},
                                       {"sd_ns", "ns", Kind::duration},
                                       {"prefill_p90", "ns", Kind::duration}};
  const std::vector<Row> rows = {{Cell(5e6), Cell(2e3), Cell(3e9)}};
  const std::vector<ColumnFormat> formats = column_formats(columns, rows);
  EXPECT_EQ(formats[0].unit(), formats[1].unit());
  EXPECT_EQ(formats[2].unit(), "s");
}

TEST(ColumnFormat, AUnitThatTheNameSaysIsNotSaidAgain) {
  EXPECT_EQ(shown({"position", "position", Kind::number}, {})[0], "position/");
  EXPECT_EQ(shown({"prompt_tokens", "tokens", Kind::number}, {})[0], "prompt tokens/");
  EXPECT_EQ(shown({"agreement_mean", "tokens", Kind::number}, {})[0], "agreement mean/tokens");
}

TEST(Markdown, IsATableWithNumbersToTheRight) {
  const Table table = table_of(
      {{"run", "", Kind::text}, {"time_ns", "ns", Kind::duration}, {"share", "1", Kind::share}},
      {{text_cell("full"), Cell(int64_t{12'345}), Cell(0.5)},
       {text_cell("a|b_c"), Cell(), Cell(1.0)}});
  EXPECT_EQ(written(table, Format::markdown),
            "| run     | time (\u00b5s) | share (%) |\n"
            "| :------ | --------: | --------: |\n"
            "| full    |      12.3 |      50.0 |\n"
            "| a\\|b\\_c |         - |     100.0 |\n");
}

TEST(Markdown, SaysAboveWhatItIsAndBelowWhereItComesFrom) {
  const std::string text =
      written(table_of({{"n", "", Kind::number}}, {{Cell(int64_t{1})}}), Format::markdown, true);
  EXPECT_EQ(text,
            "**A title**\n\n"
            "|   n |\n| --: |\n|   1 |\n\n"
            "- trace: x\\_1.h5; runs: a,\\\\nb\n"
            "- command: kvreel export x\n");
}

TEST(Markdown, EscapesWhatItWouldObey) {
  EXPECT_EQ(escape_markdown("a|b"), "a\\|b");
  EXPECT_EQ(escape_markdown("<s>`x`*y*_z_[q](u)$1$&amp;"),
            "\\<s\\>\\`x\\`\\*y\\*\\_z\\_\\[q\\](u)\\$1\\$\\&amp;");
  EXPECT_EQ(escape_markdown("\u6f22 \u00e9"), "\u6f22 \u00e9");
}

TEST(Latex, IsATabularOfBooktabs) {
  const Table table = table_of({{"run_name", "", Kind::text},
                                {"time_ns", "ns", Kind::duration},
                                {"difference", "1", Kind::share}},
                               {{text_cell("full"), Cell(int64_t{12'345}), Cell(0.5)},
                                {text_cell("50%"), Cell(), Cell(-1.0)}});
  EXPECT_EQ(written(table, Format::latex),
            "\\begin{tabular}{lrr}\n"
            "\\toprule\n"
            "run name & time ($\\mu$s) & difference (\\%) \\\\\n"
            "\\midrule\n"
            "full & 12.3 & 50.0 \\\\\n"
            "50\\% & -- & $-100.0$ \\\\\n"
            "\\bottomrule\n"
            "\\end{tabular}\n");
  const std::string commented = written(table, Format::latex, true);
  EXPECT_TRUE(commented.starts_with(
      "% A title\n% trace: x_1.h5\n% runs: a,\\nb\n% command: kvreel export x\n"))
      << commented;
  EXPECT_TRUE(contains(commented, "\\usepackage{booktabs}"));
}

TEST(Latex, NumbersWithoutAPlainFormAreMaths) {
  const Table table =
      table_of({{"x", "1", Kind::number}},
               {{Cell(1.0)}, {Cell(2.5e-7)}, {Cell(-3e20)}, {Cell(kInfinity)}, {Cell(-kInfinity)}});
  const std::string text = written(table, Format::latex);
  for (const char* part : {"1.00 \\\\", "$2.50\\times10^{-7}$ \\\\", "$-3.00\\times10^{20}$ \\\\",
                           "$\\infty$ \\\\", "$-\\infty$ \\\\"}) {
    EXPECT_TRUE(contains(text, part)) << part << "\n" << text;
  }
}

TEST(Latex, EscapesEverySpecial) {
  EXPECT_EQ(escape_latex("\\{}$&#%_^~"),
            "\\textbackslash{}\\{\\}\\$\\&\\#\\%\\_\\textasciicircum{}\\textasciitilde{}");
  EXPECT_EQ(escape_latex("<|>\"`"),
            "\\textless{}\\textbar{}\\textgreater{}\\symbol{34}\\symbol{96}");
  EXPECT_EQ(escape_latex("[1]*"), "{[}1{]}{*}");  // \\[1] and \\* are commands
  EXPECT_EQ(escape_latex("a--b,,''"), "a-{}-b,{},'{}'");
  EXPECT_EQ(escape_latex("?`"), "?\\symbol{96}");
  EXPECT_EQ(escape_latex("\u2423the"), "\\textvisiblespace{}the");
  EXPECT_EQ(escape_latex("caf\u00e9"), "caf\u00e9");
}

// Braces balance, no special is bare, and every row has its cells, whatever bytes the cells hold.
TEST(Latex, HoldsWithEveryByte) {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  const Table table = table_of({{"t", "", Kind::text}, {"u", "", Kind::text}},
                               {{Cell(every_byte), Cell(every_byte + every_byte)},
                                {text_cell("[x"), text_cell("\\end{tabular}\n%")}});
  const std::string text = written(table, Format::latex);
  int depth = 0;
  size_t separators = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;  // the character behind is its own
      continue;
    }
    depth += text[i] == '{';
    depth -= text[i] == '}';
    EXPECT_GE(depth, 0);
    separators += text[i] == '&';
    EXPECT_EQ(std::string("#%_^~").find(text[i]), std::string::npos) << text[i];
    EXPECT_TRUE(static_cast<unsigned char>(text[i]) >= 0x20 || text[i] == '\n');
  }
  EXPECT_EQ(depth, 0);
  EXPECT_EQ(separators, 3u);  // one in the head and in each row
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 8);
  EXPECT_TRUE(contains(text, "\n{[}x & "));
}

// Cells of a row, split at the bars that no backslash precedes.
size_t cells_of(const std::string& line) {
  size_t bars = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else {
      bars += line[i] == '|';
    }
  }
  return bars - 1;
}

TEST(Markdown, EveryRowHasItsCellsWhateverTheyHold) {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  const Table table = table_of({{"t|", "", Kind::text}, {"n", "", Kind::number}},
                               {{Cell(every_byte), Cell(1.5)}, {text_cell("||\\|"), Cell()}});
  std::istringstream lines(written(table, Format::markdown));
  size_t rows = 0;
  for (std::string line; std::getline(lines, line); ++rows) EXPECT_EQ(cells_of(line), 2u) << line;
  EXPECT_EQ(rows, 4u);
}

using MarkupOfTraces = ExportTest;

TEST_F(MarkupOfTraces, EveryTableComesOut) {
  const t::Trace trace = small_trace();
  for (const TableInfo& info : known_tables()) {
    const Table table = read_table(trace, info.name);
    std::istringstream markdown(written(table, Format::markdown));
    size_t lines = 0;
    for (std::string line; std::getline(markdown, line); ++lines)
      EXPECT_EQ(cells_of(line), table.columns.size()) << info.name << ": " << line;
    EXPECT_EQ(lines, table.rows.size() + 2) << info.name;
    const std::string latex = written(table, Format::latex);
    EXPECT_EQ(std::count(latex.begin(), latex.end(), '\n'),
              static_cast<std::ptrdiff_t>(table.rows.size() + 6))
        << info.name;
  }
}

TEST(Markup, LongTablesAreWrittenInPieces) {
  Table table = table_of({{"n", "", Kind::number}, {"t_ns", "ns", Kind::duration}}, {});
  for (int64_t i = 0; i < 5000; ++i) table.rows.push_back({Cell(i), Cell(i < 2000 ? 1e3 : 1e9)});
  std::ostringstream out;
  const auto writer = make_writer(out, Format::latex, {.comments = false, .width = 0});
  writer->head(table);
  size_t most = 0;
  for (const Row& row : table.rows) {
    writer->row(row);
    most = std::max(most, out.str().size());
    if (most > 0) break;
  }
  EXPECT_GT(most, 0u) << "nothing came before the end";
  const std::string text = written(table, Format::latex);
  // The unit is that of the first thousand rows; later ones keep to it.
  EXPECT_TRUE(contains(text, "t ($\\mu$s)"));
  EXPECT_TRUE(contains(text, "4999 & 1000000.00 \\\\"));
}

TEST(Markup, AFullDiskIsAnError) {
  for (const Format format : {Format::markdown, Format::latex}) {
    std::ostringstream out;
    out.setstate(std::ios::badbit);
    EXPECT_TRUE(contains(error_of([&] {
                           write(out, table_of({{"a", "", Kind::text}}, {}), format);
                         }),
                         "table 'test'"));
  }
  EXPECT_EQ(parse_format("md"), Format::markdown);
  EXPECT_EQ(parse_format("tex"), Format::latex);
}

}  // namespace
}  // namespace kvreel::exports::testing
