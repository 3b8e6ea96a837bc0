#include "hone/report/page.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <regex>
#include <sstream>

#include "hone/report/files.hpp"
#include "hone/report/sinks.hpp"

namespace {

using namespace hone::report;
namespace fs = std::filesystem;

std::vector<std::string> texts(double low, double high, int count, bool whole = false) {
  const Ticks ticks = round_ticks(low, high, count, whole);
  std::vector<std::string> out;
  for (const double v : ticks.at) out.push_back(tick_text(v, ticks));
  return out;
}

using Texts = std::vector<std::string>;

TEST(Ticks, AreRoundAndReadWell) {
  EXPECT_EQ(texts(0, 1, 5), (Texts{"0", "0.2", "0.4", "0.6", "0.8", "1.0"}));
  EXPECT_EQ(texts(-1.2, 1.1, 5), (Texts{"-1.0", "-0.5", "0", "0.5", "1.0"}));
  EXPECT_EQ(texts(0, 17, 6, true), (Texts{"0", "2", "4", "6", "8", "10", "12", "14", "16"}));
  EXPECT_EQ(texts(0, 1, 6, true), (Texts{"0", "1"}));
  EXPECT_EQ(texts(0, 5e-5, 5), (Texts{"0", "1e-5", "2e-5", "3e-5", "4e-5", "5e-5"}));
  EXPECT_EQ(texts(0, 20000, 4), (Texts{"0", "5k", "10k", "15k", "20k"}));
  EXPECT_EQ(texts(0, 2.1e7, 4), (Texts{"0", "5M", "10M", "15M", "20M"}));
  EXPECT_EQ(texts(3.1, 3.24, 5),
            (Texts{"3.10", "3.12", "3.14", "3.16", "3.18", "3.20", "3.22", "3.24"}));
  EXPECT_EQ(texts(1e10, 3e10, 2), (Texts{"1e10", "2e10", "3e10"}));
}

TEST(Smooth, KeepsLinesEndsAndGaps) {
  std::vector<double> line(50);
  for (std::size_t i = 0; i < line.size(); ++i) line[i] = 2.0 * static_cast<double>(i);
  const auto same = smooth(line, 4);
  for (std::size_t i = 4; i + 4 < line.size(); ++i) EXPECT_NEAR(same[i], line[i], 1e-9);
  line[20] = std::numeric_limits<double>::quiet_NaN();
  const auto gap = smooth(line, 4);
  EXPECT_TRUE(std::isnan(gap[20]));
  EXPECT_TRUE(std::isfinite(gap[19]));
  EXPECT_EQ(smooth({}, 3).size(), 0u);
}

TEST(Svg, DrawsWithinItsFrameWhateverTheValues) {
  const double nan = std::numeric_limits<double>::quiet_NaN(),
               inf = std::numeric_limits<double>::infinity();
  const std::vector<std::vector<double>> cases = {{},
                                                  {1},
                                                  {0, 0, 0},
                                                  {nan, nan},
                                                  {nan, 1, inf, 2, -inf, nan, 3},
                                                  {-5, -5},
                                                  {1e-12, 2e-12},
                                                  {1e300, -1e300},
                                                  {1e15, 1e15 + 1},
                                                  std::vector<double>(5000, 3.0)};
  for (const auto& y : cases) {
    Chart chart{.title = "a <b>", .curves = {{.label = "c", .y = y}}};
    for (std::size_t i = 0; i < y.size(); ++i) chart.curves[0].x.push_back(static_cast<double>(i));
    const std::string out = svg(chart);
    EXPECT_EQ(out.find("nan"), std::string::npos) << out;
    EXPECT_EQ(out.find("inf"), std::string::npos) << out;
    EXPECT_EQ(out.find("<b>"), std::string::npos);
    EXPECT_LT(out.size(), 60000u);
    const std::regex point(R"rx([ML](-?[0-9.]+) (-?[0-9.]+))rx");
    for (std::sregex_iterator m(out.begin(), out.end(), point), end; m != end; ++m) {
      const double px = std::stod((*m)[1]), py = std::stod((*m)[2]);
      EXPECT_TRUE(px >= 0 && px <= chart.width && py >= 0 && py <= chart.height) << m->str();
    }
  }
}

TEST(Thinned, KeepsTheExtremesOfALongCurve) {
  std::vector<double> y(100000, 0.0);
  y[77777] = 9;
  y[33333] = -9;
  const auto keep = detail::thinned(y, 800);
  EXPECT_LE(keep.size(), 800u);
  EXPECT_TRUE(std::is_sorted(keep.begin(), keep.end()));
  EXPECT_TRUE(std::count(keep.begin(), keep.end(), 77777u) == 1);
  EXPECT_TRUE(std::count(keep.begin(), keep.end(), 33333u) == 1);
}

Page sample_page() {
  Page page{.title = "run <1> & \"co\""};
  Stage stage{.title = "PPO"};
  for (int i = 0; i < 40; ++i) {
    stage.history.add("reward/score_mean", i, 0.1 * i);
    stage.history.add("rewards/chosen", i, 1 + 0.1 * i);
    stage.history.add("rewards/rejected", i, 1 - 0.1 * i);
    stage.history.add("tokens", i, 512);
    stage.history.add("user/own", i, i);
    if (i % 10 == 9) stage.history.add("eval/loss", i, 2.0);
  }
  page.stages.push_back(stage);
  page.samples = {
      {.prompt = "The <i>film</i>", .before = "bad\xFF", .after = "good", .score_after = 1}};
  page.settings = {{"seed", "1"}};
  page.highlights = {change("score", 1.08, 1.93, {.mean = 0.85, .low = 0.65, .high = 1.05})};
  return page;
}

TEST(Page, HasOneChartForEachMetricAndTwinsTogether) {
  const auto all = charts(sample_page().stages[0].history);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].title, "loss");
  EXPECT_EQ(all[0].curves[0].label, "held-out");
  EXPECT_EQ(all[1].title, "score");
  EXPECT_EQ(all[2].curves.size(), 2u);
  EXPECT_EQ(all[3].title, "user/own");
}

TEST(Page, StandsAloneAndIsWellFormed) {
  const std::string out = html(sample_page());
  for (const char* outside : {"http:", "https:", "<script", "src=", "@import", "url("})
    EXPECT_EQ(out.find(outside), std::string::npos) << outside;
  EXPECT_NE(out.find("prefers-color-scheme:dark"), std::string::npos);
  EXPECT_NE(out.find("1.08 \u2192 1.93"), std::string::npos);
  EXPECT_NE(out.find("+0.850, 95 % interval 0.650 to 1.05"), std::string::npos);
  EXPECT_EQ(out.find("<i>film"), std::string::npos) << "samples cannot write into the page";
  EXPECT_NE(out.find("bad\uFFFD"), std::string::npos);

  // Every element is closed in its order.
  std::vector<std::string> open;
  const std::regex tag(R"rx(<(/?)([a-z0-9]+)([^>]*)>)rx");
  for (std::sregex_iterator m(out.begin(), out.end(), tag), end; m != end; ++m) {
    const std::string name = (*m)[2], rest = (*m)[3];
    if (name == "meta" || rest.ends_with("/")) continue;
    if ((*m)[1].length() == 0) {
      open.push_back(name);
    } else {
      ASSERT_FALSE(open.empty()) << name;
      EXPECT_EQ(open.back(), name);
      open.pop_back();
    }
  }
  EXPECT_TRUE(open.empty());
}

TEST(HtmlPage, WritesTheRunAtItsEndAlsoAfterAResume) {
  const fs::path folder = fs::path(testing::TempDir()) / "hone_page";
  fs::remove_all(folder);
  const auto run = [&](std::int64_t first, std::int64_t last, bool finish) {
    HtmlPage page{folder / "report.html", folder / "metrics.jsonl"};
    Sinks sinks{std::move(page), MetricsJsonl{folder / "metrics.jsonl"}};
    sinks.begin({.name = "ppo", .first_step = first});
    for (std::int64_t step = first; step < last; ++step)
      sinks.metrics(step, std::vector<std::pair<std::string, double>>{
                              {"loss", 5.0 / (1.0 + static_cast<double>(step))}});
    sinks.samples(last, std::vector<Sample>{{.prompt = "p", .text = first == 0 ? "old" : "new"}});
    if (finish) sinks.end();
  };
  run(0, 8, false);
  EXPECT_FALSE(fs::exists(folder / "report.html"));
  run(6, 10, true);
  std::ostringstream text;
  text << std::ifstream(folder / "report.html").rdbuf();
  EXPECT_NE(text.str().find("5.00 \u2192 0.500"), std::string::npos) << "from the first step on";
  fs::remove_all(folder);
}

}  // namespace
