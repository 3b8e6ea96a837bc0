// Where a run's numbers go: the terminal, files of JSON lines, TensorBoard files, and at the end
// report.html.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hone/report/history.hpp"
#include "hone/report/page.hpp"
#include "hone/report/record.hpp"
#include "hone/train/report.hpp"
#include "settings.hpp"

namespace examples {

struct LogOptions {
  std::string name;
  std::int64_t steps = 0;
  std::filesystem::path metrics, times, tensorboard;
  std::filesystem::path completions = {};  // empty: there are none
  // Answers to held-out prompts before the first step and after the last; empty: nobody asks them.
  std::filesystem::path before = {}, after = {};
  std::vector<std::pair<std::string, std::string>> settings = {};
};

class Log {
 public:
  explicit Log(LogOptions options);
  ~Log();

  // A run that goes on at a later step keeps what was written of the steps before; where none is
  // left, nothing is written.
  void begin(std::int64_t first_step);
  // `times` has the same step's times and speeds, which no other run has.
  void step(const hone::train::Report& report, const hone::train::Report& times);
  void samples(std::int64_t step, std::span<const hone::report::Sample> rows);
  // Keeps answers to held-out prompts for compared(), a resumed run's too.
  void before(std::span<const hone::report::Sample> rows);
  void after(std::span<const hone::report::Sample> rows);
  void end();

  const LogOptions& options() const { return options_; }
  const hone::report::History& history() const { return history_; }
  // The same prompts answered before the first step and after the last.
  std::vector<hone::report::BeforeAfter> compared() const;

 private:
  struct Parts;
  LogOptions options_;
  hone::report::History history_;
  std::unique_ptr<Parts> parts_;
  bool open_ = false;
};

// The log of a program of one stage: OUT/metrics.jsonl and its kin.
LogOptions log_options(const Settings& s, const std::string& name);

// Writes OUT/report.html, scores and held-out metrics at its head, held-out prompts with their
// answers before and after, and says where everything is.
void write_report(const Settings& s, const std::string& title, const Log& log,
                  const std::string& model);

}  // namespace examples
