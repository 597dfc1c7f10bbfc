// Figures from a trace to a stream.
#include "exports/figures/write_figure.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "exports/tables/small_trace.h"

namespace kvreel::exports::testing {
namespace {

using WrittenFigures = ExportTest;

constexpr const char* kName = "threshold-budget";

std::string written(const t::Trace& trace, const FigureOptions& options, FigureOutput output) {
  std::ostringstream out;
  write_figure(out, {&trace}, kName, options, output);
  return out.str();
}

FigureOutput output_of(FigureFormat format) {
  return {.format = format, .style = plot::parse_style("screen")};
}

TEST_F(WrittenFigures, ComeInEveryFormatAndAlikeEveryTime) {
  const t::Trace trace = small_trace();
  for (const auto& [format, start] :
       {std::pair(FigureFormat::pdf, "%PDF-"), std::pair(FigureFormat::svg, "<?xml"),
        std::pair(FigureFormat::png, "\x89PNG")}) {
    const std::string first = written(trace, {}, output_of(format));
    EXPECT_TRUE(first.starts_with(start)) << start;
    EXPECT_EQ(first, written(trace, {}, output_of(format)));
  }
}

TEST_F(WrittenFigures, GiveTheirNumbers) {
  const t::Trace trace = small_trace();
  FigureOutput output = output_of(FigureFormat::svg);
  std::ostringstream data;
  output.data = &data;
  written(trace, {}, output);
  EXPECT_TRUE(data.str().starts_with("# figure: threshold-budget\n")) << data.str().substr(0, 200);
  data.str("");
  output.data_format = FigureDataFormat::json;
  written(trace, {}, output);
  EXPECT_TRUE(contains(data.str(), "\"threshold-budget\""));
}

TEST_F(WrittenFigures, ThatFailWriteNothing) {
  const t::Trace trace = small_trace();
  std::ostringstream out;
  std::ostringstream data;
  FigureOutput output = output_of(FigureFormat::pdf);
  output.data = &data;
  const auto error = [&](const char* name, const FigureOptions& options) {
    return error_of<UsageError>([&] { write_figure(out, {&trace}, name, options, output); });
  };
  EXPECT_TRUE(contains(error("threshold-bugdet", {}), "'threshold-budget'"));
  EXPECT_TRUE(contains(error(kName, {.reference = "ful"}), "'full'"));
  EXPECT_TRUE(contains(error(kName, {.by = "tsk"}), "'task'"));
  output.style.size = {10, 10};
  EXPECT_NE(error_of([&] { write_figure(out, {&trace}, kName, {}, output); }), "");
  EXPECT_EQ(out.str(), "");
  EXPECT_EQ(data.str(), "");
}

TEST_F(WrittenFigures, AFullDiskIsAnError) {
  const t::Trace trace = small_trace();
  for (const FigureFormat format : {FigureFormat::pdf, FigureFormat::svg, FigureFormat::png}) {
    std::ostringstream out;
    out.setstate(std::ios::badbit);
    EXPECT_NE(error_of([&] { write_figure(out, {&trace}, kName, {}, output_of(format)); }), "");
  }
}

TEST(FigureFormats, UnknownOnesNameTheKnown) {
  EXPECT_EQ(parse_figure_format("svg"), FigureFormat::svg);
  EXPECT_TRUE(contains(error_of<UsageError>([] { parse_figure_format("pgn"); }), "pdf, svg, png"));
  EXPECT_EQ(parse_figure_data_format("json"), FigureDataFormat::json);
  EXPECT_TRUE(contains(error_of<UsageError>([] { parse_figure_data_format("cvs"); }), "csv, json"));
}

}  // namespace
}  // namespace kvreel::exports::testing
