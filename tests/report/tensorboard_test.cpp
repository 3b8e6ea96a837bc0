#include "hone/report/tensorboard.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace {

using namespace hone::report;
namespace fs = std::filesystem;

TEST(Crc32c, GivesThePublishedValues) {
  // RFC 3720, appendix B.4.
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43u);
  std::string ascending;
  for (char c = 0; c < 32; ++c) ascending += c;
  EXPECT_EQ(crc32c(ascending), 0x46DD794Eu);
}

TEST(TensorBoard, IsReadByTensorBoard) {
  const char* python = std::getenv("HONE_TEST_PYTHON");
  if (!python) GTEST_SKIP() << "HONE_TEST_PYTHON names no Python with tensorboard";
  const fs::path folder = fs::path(testing::TempDir()) / "hone_tensorboard";
  fs::remove_all(folder);
  {
    TensorBoard board(folder);
    board.begin({.steps = 10, .settings = {{"lr", "2e-5"}, {"a|b", "<x>\ny"}}});
    for (std::int64_t step = 0; step < 10; ++step)
      board.metrics(step, std::vector<std::pair<std::string, double>>{
                              {"reward/score_mean", 0.5 * static_cast<double>(step)},
                              {"loss", step < 7 ? 100.0 : -100.0}});
    board.samples(
        9, std::vector<Sample>{{.prompt = "The f\u00eflm", .text = "is | good", .score = 2}});
  }
  {
    TensorBoard board(folder);  // resumed at step 7: the first process' steps 7 to 9 are void
    board.begin({.first_step = 7});
    for (std::int64_t step = 7; step < 10; ++step)
      board.metrics(step,
                    std::vector<std::pair<std::string, double>>{
                        {"reward/score_mean", 0.5 * static_cast<double>(step)}, {"loss", 100}});
    board.end();
  }
  std::ofstream(folder / "read.py") << R"py(
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
board = EventAccumulator(sys.argv[1])
board.Reload()
tags = board.Tags()
out = {"scalars": {t: [[e.step, e.value] for e in board.Scalars(t)] for t in tags["scalars"]},
       "texts": {t: [[e.step, e.tensor_proto.string_val[0].decode()] for e in board.Tensors(t)]
                 for t in tags["tensors"]},
       "plugins": sorted(t for t in board.summary_metadata if
                         board.summary_metadata[t].plugin_data.plugin_name == "text")}
open(sys.argv[1] + "/read.json", "w").write(json.dumps(out))
)py";
  const std::string command = std::string(python) + " " + (folder / "read.py").string() + " " +
                              folder.string() + " > " + (folder / "log").string() + " 2>&1";
  std::ostringstream log;
  const int status = std::system(command.c_str());
  log << std::ifstream(folder / "log").rdbuf();
  ASSERT_EQ(status, 0) << log.str();
  const auto got = nlohmann::json::parse(std::ifstream(folder / "read.json"));
  nlohmann::json scores = nlohmann::json::array(), losses = nlohmann::json::array();
  for (int step = 0; step < 10; ++step) {
    scores.push_back({step, 0.5 * step});
    losses.push_back({step, 100.0});
  }
  EXPECT_EQ(got["scalars"]["reward/score_mean"], scores) << log.str();
  EXPECT_EQ(got["scalars"]["loss"], losses);
  EXPECT_EQ(got["plugins"], (nlohmann::json{"samples", "settings"}));
  EXPECT_EQ(got["texts"]["settings"][0][1],
            "| setting | value |\n|---|---|\n| lr | 2e-5 |\n| a&#124;b | &lt;x&gt;<br>y |\n");
  fs::remove_all(folder);
}

}  // namespace
