#include "hone/report/console.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

namespace {

using namespace hone::report;

// What a console wrote.
class Screen {
 public:
  Screen() : file_(std::tmpfile()) {}
  ~Screen() { std::fclose(file_); }
  std::FILE* file() const { return file_; }
  std::string text() const {
    std::string out(static_cast<std::size_t>(std::ftell(file_)), '\0');
    std::rewind(file_);
    out.resize(std::fread(out.data(), 1, out.size(), file_));
    return out;
  }

 private:
  std::FILE* file_;
};

using Values = std::vector<std::pair<std::string, double>>;

void run(Console& console) {
  console.begin({.name = "ppo", .steps = 20});
  for (std::int64_t step = 0; step < 3; ++step) {
    Values values = {{"rollout/length_mean", 23.5}, {"reward/score_mean", 1.25}, {"time/step", 3}};
    if (step == 1) values.emplace_back("eval/rewards/accuracy", 0.75);
    console.metrics(step, values);
  }
  console.samples(
      2, std::vector<Sample>{{.prompt = "The film", .text = " is good\nindeed", .score = 2},
                             {.prompt = "q", .text = "a", .score = -0.5},
                             {.prompt = "r", .text = "b", .score = 0}});
  console.end();
}

TEST(Console, WritesPlainLinesIntoALog) {
  Screen screen;
  Console console{{.out = screen.file(), .samples = 2}};
  run(console);
  const std::string text = screen.text();
  EXPECT_EQ(text.find('\033'), std::string::npos);
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_EQ(text.find("ppo  1/20  score 1.25  length 23.50  "), 0u) << text;
  EXPECT_NE(text.find("\nppo  2/20  held-out pair accuracy 0.750\n"), std::string::npos) << text;
  EXPECT_NE(text.find("       2.00  The film is good\u23ceindeed\n"), std::string::npos) << text;
  EXPECT_NE(text.find("and 1 more\n"), std::string::npos) << text;
  EXPECT_NE(text.find(" left\n"), std::string::npos) << text;
  EXPECT_NE(text.find("ppo: 3 steps in 0:00\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("step time"), std::string::npos) << "only what matters is shown";
}

TEST(Console, KeepsOneLineOnATerminalWithinItsWidth) {
  for (const int width : {30, 50, 70, 120}) {
    Screen screen;
    Console console{{.out = screen.file(), .terminal = true, .color = false, .width = width}};
    console.begin({.name = "sft", .steps = 100});
    for (std::int64_t step = 0; step < 100; ++step)
      console.metrics(step, Values{{"loss", 3.5}, {"rewards/accuracy", 0.5}, {"update/lr", 1e-5}});
    const std::string text = screen.text();
    EXPECT_EQ(text.find('\n'), std::string::npos) << "nothing but the one line before end()";
    std::size_t lines = 0;
    for (std::size_t at = 0; (at = text.find("\r\033[K", at)) != std::string::npos; ++lines) {
      at += 4;
      const std::size_t end = std::min(text.find('\r', at), text.size());
      EXPECT_LT(columns(text.substr(at, end - at)), static_cast<std::size_t>(width)) << width;
    }
    EXPECT_EQ(lines, 100u);
    EXPECT_NE(text.find("sft 100/100"), std::string::npos);
    if (width == 120) {
      EXPECT_NE(text.find("sft  50/100 ##########..........  loss 3.50"), std::string::npos)
          << text;
    }
  }
}

TEST(Console, ALogMayBeSparse) {
  Screen screen;
  Console console{{.out = screen.file(), .every = 10}};
  console.begin({.name = "sft", .steps = 25});
  for (std::int64_t step = 0; step < 25; ++step) console.metrics(step, Values{{"loss", 1}});
  const std::string text = screen.text();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << text;
}

}  // namespace
