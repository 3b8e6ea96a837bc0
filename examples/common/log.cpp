#include "log.hpp"

#include <filesystem>
#include <iostream>
#include <utility>

#include "hone/report/console.hpp"
#include "hone/report/files.hpp"
#include "hone/report/history.hpp"
#include "hone/report/page.hpp"
#include "hone/report/sinks.hpp"
#include "hone/report/tensorboard.hpp"

namespace examples {

using namespace hone;

struct Log::Parts {
  std::string out;
  report::Sinks<report::Console, report::MetricsJsonl, report::CompletionsJsonl,
                report::TensorBoard>
      sinks{report::Console{}, report::MetricsJsonl{out + "/metrics.jsonl"},
            report::CompletionsJsonl{out + "/completions.jsonl"},
            report::TensorBoard{out + "/tensorboard"}};
  report::History history = {};
  report::Page page = {};
};

Log::Log(const Settings& s, const std::string& name) {
  std::filesystem::create_directories(s.out);
  parts_.reset(new Parts{.out = s.out});
  parts_->page.settings = {{"model", s.model},
                           {"data", s.data},
                           {"steps", std::to_string(s.steps)},
                           {"batch", std::to_string(s.batch)},
                           {"rate", report::brief(static_cast<double>(s.rate))},
                           {"seed", std::to_string(s.seed)}};
  parts_->sinks.begin({.name = name, .steps = s.steps, .settings = parts_->page.settings});
}

Log::~Log() = default;

void Log::step(const train::Report& report) {
  parts_->sinks.metrics(report);
  parts_->history.metrics(report.step, report.metrics);
}

void Log::samples(std::int64_t step, std::span<const report::Sample> rows) {
  parts_->sinks.samples(step, rows);
}

void Log::highlight(const std::string& label, double value) {
  parts_->page.highlights.push_back({.label = label, .value = report::brief(value)});
}

void Log::end(const std::string& title, const std::string& model) {
  parts_->sinks.end();
  parts_->page.title = title;
  parts_->page.stages = {{.title = title, .history = std::move(parts_->history)}};
  report::write_page(parts_->out + "/report.html", parts_->page);
  std::cout << "model: " << model << ", report: " << parts_->out << "/report.html\n";
}

}  // namespace examples
