// kernels: time on the device by operation and kernel.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "exports/figures/figure_marks.h"

namespace kvreel::exports::testing {
namespace {

using Kernels = ExportTest;

struct Launch {
  int32_t step = 0;
  int8_t op = 0;     // 1 qkv, 2 attend
  int32_t name = 0;  // from 9 on
  int64_t duration_ns = 0;
  int16_t layer = 0;
};

void append(TraceMaker& maker, int32_t run, int32_t sample, const std::vector<Launch>& launches) {
  t::Kernels rows;
  for (const Launch& launch : launches) {
    rows.run.push_back(run);
    rows.sample.push_back(sample);
    rows.step.push_back(launch.step);
    rows.layer.push_back(launch.layer);
    rows.op.push_back(launch.op);
    rows.name.push_back(launch.name);
    rows.stream.push_back(7);
    rows.start_ns.push_back(1);
    rows.duration_ns.push_back(launch.duration_ns);
    rows.bytes.push_back(0);
  }
  maker.writer().append(rows);
}

PassSpec pass(int32_t run, int32_t sample, size_t decode_steps, int8_t finish = 0) {
  PassSpec pass;
  pass.run = run;
  pass.sample = sample;
  pass.finish = finish;
  pass.prefill_ms = 1;
  pass.tokens.assign(decode_steps + 1, 7);
  pass.token_ms.assign(decode_steps, 1);
  pass.cache_asked.assign(decode_steps, 1);
  return pass;
}

const std::string kLong = "void flash_fwd_kernel<Traits<128, 64, 4>, true, false>(Params)";

void write_kernels(const std::string& path) {
  TraceMaker maker(path);
  add_inputs(maker);
  t::Names names;
  for (const std::string& name : {std::string("gemm_a"), kLong + " a", kLong + " b"})
    names.name.push_back(name);
  maker.writer().append(names);
  append(maker, 0, 0,
         {{0, 1, 9, 100}, {0, 1, 9, 60}, {0, 2, 10, 400}, {1, 2, 11, 30}, {2, 1, 9, 12}});
  maker.add_pass(pass(0, 0, 2));
  append(maker, 1, 0, {{0, 1, 9, 77}});
  maker.add_pass(pass(1, 0, 0));
  append(maker, 0, 1, {{0, 1, 9, 40}, {0, 2, 9, 200}, {1, 2, 11, 30}});
  maker.add_pass(pass(0, 1, 1));
  append(maker, 0, 2, {{0, 1, 9, 1'000'000}});
  maker.add_pass(pass(0, 2, 0, 3));  // interrupted
  maker.finish();
}

TEST_F(Kernels, StackMeansByOperationAndKernel) {
  write_kernels(path());
  const plot::Figure figure = figure_of(t::Trace::open(path()), "kernels");
  ASSERT_EQ(figure.panels.size(), 2u);
  // The longest operation first: attend (400 + 200) / 2, qkv (160 + 40) / 2.
  EXPECT_EQ(figure.panels[0].y.categories, (std::vector<std::string>{"attend", "qkv"}));
  const plot::Bars gemm = marks_of<plot::Bars>(figure, 0, "gemm\\_a")[0];
  EXPECT_DOUBLE_EQ(gemm.top[0] - gemm.base[0], 100);
  EXPECT_DOUBLE_EQ(gemm.top[1] - gemm.base[1], 100);
  double attend = 0;
  for (const plot::Bars& bars : marks_of<plot::Bars>(figure, 0))
    attend += bars.top[0] - bars.base[0];
  EXPECT_DOUBLE_EQ(attend, 300);
  // Decode: three steps; attend 60 / 3, qkv 12 / 3.
  const auto decode = marks_of<plot::Bars>(figure, 1);
  EXPECT_DOUBLE_EQ(decode.back().top[0], 20);
  EXPECT_DOUBLE_EQ(decode.back().top[1], 4);
  EXPECT_TRUE(remarks(figure, "n = 2 samples.")) << all_remarks(figure);
  EXPECT_TRUE(remarks(figure, "Run full, one of 3; --run")) << all_remarks(figure);
}

TEST_F(Kernels, WithLongNamesStayApart) {
  write_kernels(path());
  const plot::Figure figure = figure_of(t::Trace::open(path()), "kernels");
  std::vector<std::string> names = series_of<plot::Bars>(figure, 0);
  for (std::string& name : series_of<plot::Bars>(figure, 1)) names.push_back(std::move(name));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  EXPECT_EQ(names.size(), 3u);
  for (const std::string& name : names) EXPECT_LT(name.size(), 48u) << name;
}

TEST_F(Kernels, AreNamedWithoutTheTypesOfTheirCall) {
  TraceMaker maker(path());
  add_inputs(maker);
  t::Names names;
  for (const char* name : {"void gemm<64>(Params<int (*)(int)>)", "Memcpy (DtoH)", "rope"})
    names.name.push_back(name);
  maker.writer().append(names);
  append(maker, 0, 0, {{0, 1, 9, 300}, {0, 1, 10, 200}, {0, 1, 11, 100}});
  maker.add_pass(pass(0, 0, 0));
  maker.finish();
  const plot::Figure figure = figure_of(t::Trace::open(path()), "kernels");
  EXPECT_EQ(series_of<plot::Bars>(figure, 0),
            (std::vector<std::string>{"gemm<64>", "Memcpy (DtoH)", "rope"}));
}

TEST_F(Kernels, OfSmallOperationsShareABar) {
  TraceMaker maker(path());
  add_inputs(maker);
  t::Names names;
  for (const char* name : {"gemm", "copy"}) names.name.push_back(name);
  maker.writer().append(names);
  // attend 1000, qkv 500, decide 6, keep 4, sample 2.
  append(maker, 0, 0, {{0, 2, 9, 1000}, {0, 1, 9, 500}, {0, 3, 9, 6}, {0, 4, 10, 4}, {0, 8, 9, 2}});
  maker.add_pass(pass(0, 0, 0));
  maker.finish();
  const plot::Figure figure = figure_of(t::Trace::open(path()), "kernels");
  EXPECT_EQ(figure.panels[0].y.categories,
            (std::vector<std::string>{"attend", "qkv", "other operations"}));
  const auto bars = marks_of<plot::Bars>(figure, 0);
  expect_values(marks_of<plot::Bars>(figure, 0, "gemm")[0].top, {1000, 500, 8});
  EXPECT_DOUBLE_EQ(bars.back().top[2], 12);
  EXPECT_TRUE(remarks(figure, "time: decide, keep, sample.")) << all_remarks(figure);
}

TEST_F(Kernels, OfSeveralRunsHavePanelsOfTheirOwn) {
  write_kernels(path());
  const plot::Figure figure = figure_of(t::Trace::open(path()), "kernels",
                                        {.filter = {.runs = {"full", "refreekv:threshold=0.01"}}});
  ASSERT_EQ(figure.panels.size(), 3u);  // refreekv has no decode step
  EXPECT_EQ(figure.panels[2].title, "refreekv 0.01, prefill");
  EXPECT_DOUBLE_EQ(marks_of<plot::Bars>(figure, 2)[0].top[0], 77);
}

TEST_F(Kernels, SayHowToRecordThem) {
  const t::Trace trace = small_trace();
  const std::string message = error_of([&] { figure_of(trace, "kernels"); });
  EXPECT_TRUE(contains(message, trace.path())) << message;
  EXPECT_TRUE(contains(message, "no GPU kernels")) << message;
  EXPECT_TRUE(contains(message, "recorded on a GPU")) << message;
}

}  // namespace
}  // namespace kvreel::exports::testing
