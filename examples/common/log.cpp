#include "log.hpp"

#include <algorithm>
#include <iostream>
#include <optional>
#include <string_view>
#include <utility>

#include "hone/checkpoint/json.hpp"
#include "hone/core/error.hpp"
#include "hone/report/console.hpp"
#include "hone/report/files.hpp"
#include "hone/report/line_file.hpp"
#include "hone/report/metric.hpp"
#include "hone/report/page.hpp"
#include "hone/report/sinks.hpp"
#include "hone/report/tensorboard.hpp"

namespace examples {

using namespace hone;

struct Log::Parts {
  report::Sinks<report::Console, std::optional<report::CompletionsJsonl>, report::TensorBoard> seen;
  report::MetricsJsonl metrics, times;
};

namespace {

void keep(const std::filesystem::path& path, std::int64_t step,
          std::span<const report::Sample> rows) {
  report::CompletionsJsonl file{path};
  file.begin({});
  file.samples(step, rows);
}

// The samples of such a file; none if there is no file.
std::vector<report::Sample> kept(const std::filesystem::path& path) {
  std::vector<report::Sample> out;
  report::LineFile::for_each_line(path, [&](std::string_view line) {
    const auto json = checkpoint::Json::parse(line, nullptr, false);
    require(json.is_object() && json.contains("prompt") && json.contains("completion"),
            path.string(), ":", out.size() + 1, ": expected an object with prompt and completion");
    report::Sample& s =
        out.emplace_back(report::Sample{.prompt = json["prompt"].get<std::string>(),
                                        .text = json["completion"].get<std::string>(),
                                        .id = json.value("id", std::uint64_t{0})});
    if (json.value("score", checkpoint::Json()).is_number()) s.score = json["score"].get<double>();
  });
  return out;
}

std::optional<report::CompletionsJsonl> completions_at(const std::filesystem::path& path) {
  if (path.empty()) return std::nullopt;
  return report::CompletionsJsonl{path};
}

}  // namespace

Log::Log(LogOptions options)
    : options_(std::move(options)),
      parts_(
          new Parts{.seen = report::Sinks{report::Console{}, completions_at(options_.completions),
                                          report::TensorBoard{options_.tensorboard}},
                    .metrics = report::MetricsJsonl{options_.metrics},
                    .times = report::MetricsJsonl{options_.times}}) {}

Log::~Log() = default;

void Log::begin(std::int64_t first_step) {
  const report::Run run{.name = options_.name,
                        .first_step = first_step,
                        .steps = options_.steps,
                        .settings = options_.settings};
  if (first_step > 0) {
    history_ = report::History::read(options_.metrics);
    const report::History times = report::History::read(options_.times);
    for (const report::Series& s : times.series())
      for (std::size_t i = 0; i < s.steps.size(); ++i)
        history_.add(s.name, static_cast<std::int64_t>(s.steps[i]), s.values[i]);
  }
  if (first_step == 0)
    for (const auto& path : {options_.before, options_.after}) std::filesystem::remove(path);
  history_.begin(run);
  open_ = first_step < options_.steps;
  if (!open_) return;
  parts_->seen.begin(run);
  parts_->metrics.begin(run);
  parts_->times.begin(run);
}

void Log::step(const train::Report& report, const train::Report& times) {
  parts_->metrics.metrics(report.step, report.metrics);
  parts_->times.metrics(report.step, times.metrics);
  train::Report both = report;
  for (const auto& [name, value] : times.metrics) both.set(name, value);
  parts_->seen.metrics(both);
  history_.metrics(both.step, both.metrics);
}

void Log::samples(std::int64_t step, std::span<const report::Sample> rows) {
  parts_->seen.samples(step, rows);
}

void Log::before(std::span<const report::Sample> rows) { keep(options_.before, 0, rows); }

void Log::after(std::span<const report::Sample> rows) {
  keep(options_.after, options_.steps, rows);
}

std::vector<report::BeforeAfter> Log::compared() const {
  const std::vector<report::Sample> before = kept(options_.before), after = kept(options_.after);
  std::vector<report::BeforeAfter> out;
  for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i)
    if (before[i].id == after[i].id)
      out.push_back({.prompt = before[i].prompt,
                     .before = before[i].text,
                     .after = after[i].text,
                     .score_before = before[i].score,
                     .score_after = after[i].score});
  return out;
}

void Log::end() {
  if (open_) parts_->seen.end();
  open_ = false;
}

LogOptions log_options(const Settings& s, const std::string& name) {
  return {.name = name,
          .steps = s.steps,
          .metrics = s.out + "/metrics.jsonl",
          .times = s.out + "/times.jsonl",
          .tensorboard = s.out + "/tensorboard",
          .completions = s.out + "/completions.jsonl",
          .before = s.out + "/held-out-before.jsonl",
          .after = s.out + "/held-out-after.jsonl",
          .settings = {{"model", s.model},
                       {"data", spelling(s.data)},
                       {"steps", std::to_string(s.steps)},
                       {"batch", std::to_string(s.batch)},
                       {"rate", report::brief(static_cast<double>(s.rate))},
                       {"seed", std::to_string(s.seed)}}};
}

void write_report(const Settings& s, const std::string& title, const Log& log,
                  const std::string& model) {
  report::Page page{.title = title};
  page.settings = log.options().settings;
  page.stages = {{.title = title, .history = log.history()}};
  page.samples = log.compared();
  const auto highlight = [&](std::string label, double value) {
    page.highlights.push_back({.label = std::move(label), .value = report::brief(value)});
  };
  for (const report::Series& series : log.history().series()) {
    if (series.name == "reward/score_mean") {
      highlight("score, first step", series.values.front());
      highlight("score, last step", series.values.back());
    }
    if (std::string_view(series.name).starts_with(report::eval_prefix))
      highlight(report::label_of(series.name), series.values.back());
  }
  report::write_page(s.out + "/report.html", page);
  std::cout << "model: " << model << ", report: " << s.out << "/report.html\n";
}

}  // namespace examples
