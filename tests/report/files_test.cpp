#include "hone/report/files.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "hone/report/history.hpp"
#include "hone/report/sinks.hpp"

namespace {

using namespace hone;
using namespace hone::report;
namespace fs = std::filesystem;

using Values = std::vector<std::pair<std::string, double>>;

class Files : public testing::Test {
 protected:
  void SetUp() override {
    folder = fs::path(testing::TempDir()) /
             ("hone_report_" +
              std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  static std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }

  static Values values(std::int64_t step) {
    Values out = {{"loss", 1.0 / static_cast<double>(step + 1)}, {"reward/kl", 0.1}};
    if (step % 4 == 3) out.emplace_back("eval/loss", 0.3);
    return out;
  }

  void run(std::int64_t first, std::int64_t last) const {
    Sinks sinks{MetricsJsonl{folder / "metrics.jsonl"}, MetricsCsv{folder / "metrics.csv"},
                CompletionsJsonl{folder / "sub" / "completions.jsonl"}};
    sinks.begin({.first_step = first, .steps = 10});
    for (std::int64_t step = first; step < last; ++step) {
      sinks.metrics(step, values(step));
      sinks.samples(step,
                    std::vector<Sample>{{.prompt = "p", .text = "a\n\"b\"\xFF", .score = 0.5}});
    }
  }

  fs::path folder;
};

TEST_F(Files, WriteEveryStepExactly) {
  run(0, 10);
  std::istringstream lines(read(folder / "metrics.jsonl"));
  std::string line;
  std::int64_t step = 0;
  for (; std::getline(lines, line); ++step) {
    const auto json = nlohmann::json::parse(line);
    EXPECT_EQ(json["step"], step);
    EXPECT_EQ(json["loss"].get<double>(), 1.0 / static_cast<double>(step + 1));
    EXPECT_EQ(json.contains("eval/loss"), step % 4 == 3);
  }
  EXPECT_EQ(step, 10);
  const auto sample =
      nlohmann::json::parse(read(folder / "sub/completions.jsonl")
                                .substr(0, 200)
                                .substr(0, read(folder / "sub/completions.jsonl").find('\n')));
  EXPECT_EQ(sample["completion"], "a\n\"b\"\uFFFD");
  EXPECT_EQ(read(folder / "metrics.csv").substr(0, 57),
            "step,loss,reward/kl,eval/loss\n0,1,0.1,\n1,0.5,0.1,\n2,0.333")
      << "the column that came at step 3 is there for the steps before";
}

// A process was killed in the middle of a line, after the checkpoint of step 6.
TEST_F(Files, AResumedRunLeavesTheFilesOfAnUninterruptedOne) {
  run(0, 10);
  const std::string metrics = read(folder / "metrics.jsonl"), csv = read(folder / "metrics.csv"),
                    completions = read(folder / "sub/completions.jsonl");
  for (const std::int64_t from : {1, 4, 6, 9})
    for (const std::int64_t killed : {9, 10}) {
      fs::remove_all(folder);
      run(0, killed);
      std::ofstream(folder / "metrics.jsonl", std::ios::app) << "{\"step\":3,\"lo";
      std::ofstream(folder / "metrics.csv", std::ios::app) << "3,0.";
      run(from, 10);
      EXPECT_EQ(read(folder / "metrics.jsonl"), metrics);
      EXPECT_EQ(read(folder / "metrics.csv"), csv);
      EXPECT_EQ(read(folder / "sub/completions.jsonl"), completions);
    }
  run(0, 2);
  EXPECT_LT(read(folder / "metrics.jsonl").size(), metrics.size()) << "a new run begins anew";
}

TEST_F(Files, AFullDiskIsAnErrorThatNamesTheFile) {
  MetricsJsonl sink(folder / "metrics.jsonl");
  sink.begin({});
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{2000, old.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  std::string message;
  try {
    for (int step = 0; step < 1000; ++step) sink.metrics(step, values(step));
  } catch (const Error& e) {
    message = e.what();
  }
  setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_NE(message.find("metrics.jsonl: cannot be written: "), std::string::npos) << message;
  EXPECT_THROW(MetricsJsonl(folder / "x").metrics(0, {}), Error) << "begin() was not called";
}

TEST_F(Files, HistoryReadsWhatWasWritten) {
  run(0, 10);
  const History read_back = History::read(folder / "metrics.jsonl");
  ASSERT_NE(read_back.find("loss"), nullptr);
  EXPECT_EQ(read_back.find("loss")->values.size(), 10u);
  EXPECT_EQ(read_back.find("loss")->values[6], 1.0 / 7);
  EXPECT_EQ(read_back.find("eval/loss")->steps, (std::vector<double>{3, 7}));
  EXPECT_EQ(read_back.find("nothing"), nullptr);

  History resumed = read_back;
  resumed.begin({.first_step = 5});
  EXPECT_EQ(resumed.find("loss")->steps.size(), 5u);

  std::ofstream(folder / "metrics.jsonl", std::ios::app) << "{\"step\":1";
  EXPECT_EQ(History::read(folder / "metrics.jsonl").find("loss")->values.size(), 10u);
  std::ofstream(folder / "metrics.jsonl", std::ios::app) << "\n";
  EXPECT_THROW(History::read(folder / "metrics.jsonl"), Error);
  EXPECT_THROW(History::read(folder / "nowhere.jsonl"), Error);
}

TEST(Text, NumbersAndTextsAsSinksWriteThem) {
  EXPECT_EQ(exact(0.1), "0.1");
  EXPECT_EQ(std::stod(exact(1.0 / 3)), 1.0 / 3);
  EXPECT_EQ(brief(0), "0");
  EXPECT_EQ(brief(2e-5), "2.00e-05");
  EXPECT_EQ(brief(0.01234), "0.0123");
  EXPECT_EQ(brief(0.18), "0.180");
  EXPECT_EQ(brief(-1.5), "-1.50");
  EXPECT_EQ(brief(512), "512");
  EXPECT_EQ(brief(123.45), "123.5");
  EXPECT_EQ(json_number(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(json_text("a\"\\\n\x01"), "\"a\\\"\\\\\\n\\u0001\"");
  EXPECT_EQ(html_text("<a href='x'>&\"\x01"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
  EXPECT_EQ(one_line("a\nb\tc\r\x1b[31m", 20), "a\u23ceb c[31m");
  EXPECT_EQ(one_line("abcdef", 6), "abcdef");
  EXPECT_EQ(one_line("abcdefg", 6), "abcde\u2026");
  EXPECT_EQ(one_line("\u00e9\u00e9\u00e9\u00e9", 3), "\u00e9\u00e9\u2026");
  EXPECT_EQ(clock(75), "1:15");
  EXPECT_EQ(clock(4000), "1:06:40");
  EXPECT_EQ(columns("\u00e9a"), 2u);
}

struct Counter {
  int* count;
  void metrics(std::int64_t, Metrics values) { *count += static_cast<int>(values.size()); }
};

struct TrainerReport {
  std::int64_t step = 0;
  Values metrics;
};

TEST(Sinks, CallTheHooksThatAreThere) {
  int count = 0, off = 0;
  Sinks sinks{Counter{&count}, std::optional<Counter>{}, std::optional<Counter>{Counter{&off}}};
  sinks.begin({});
  sinks.metrics(TrainerReport{.step = 1, .metrics = {{"loss", 1}, {"tokens", 2}}});
  sinks.samples(0, {});
  sinks.end();
  EXPECT_EQ(count, 2);
  EXPECT_EQ(off, 2);
  sinks.get<1>() = Counter{&off};
  sinks.metrics(2, Values{{"loss", 1}});
  EXPECT_EQ(off, 4);
}

}  // namespace
