// Sinks that write text files: metrics.jsonl, completions.jsonl, metrics.csv.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/report/line_file.hpp"
#include "hone/report/record.hpp"
#include "hone/report/text.hpp"

namespace hone {
inline namespace v0 {
namespace report {

// One JSON object a step: {"step": 12, "reward/score_mean": 1.08, ...}. Numbers read back exactly;
// a metric that is no number is null.
class MetricsJsonl {
 public:
  explicit MetricsJsonl(std::filesystem::path path) : path_(std::move(path)) {}
  void begin(const Run& run) { file_.open(path_, run.first_step, "{\"step\":"); }
  void metrics(std::int64_t step, Metrics values) {
    std::string line = "{\"step\":" + std::to_string(step);
    for (const auto& [name, value] : values) {
      line += ',';
      line += json_text(name);
      line += ':';
      line += json_number(value);
    }
    file_.write(line + '}');
  }

 private:
  std::filesystem::path path_;
  LineFile file_;
};

// One JSON object a sample: step, id, prompt, completion, score, tokens, finish.
class CompletionsJsonl {
 public:
  explicit CompletionsJsonl(std::filesystem::path path) : path_(std::move(path)) {}
  void begin(const Run& run) { file_.open(path_, run.first_step, "{\"step\":"); }
  void samples(std::int64_t step, std::span<const Sample> rows) {
    for (const Sample& s : rows)
      file_.write("{\"step\":" + std::to_string(step) + ",\"id\":" + std::to_string(s.id) +
                  ",\"prompt\":" + json_text(s.prompt) + ",\"completion\":" + json_text(s.text) +
                  ",\"score\":" + json_number(s.score) + ",\"tokens\":" + std::to_string(s.tokens) +
                  ",\"finish\":" + json_text(s.finish) + '}');
  }

 private:
  std::filesystem::path path_;
  LineFile file_;
};

// A table with a column for each metric, empty where a step has none. A metric that turns up later
// adds a column; the file is then written anew.
class MetricsCsv {
 public:
  explicit MetricsCsv(std::filesystem::path path) : path_(std::move(path)) {}

  void begin(const Run& run) {
    names_.clear();
    if (run.first_step > 0)
      LineFile::for_each_line(path_, [&](std::string_view line) {
        if (names_.empty() && line.starts_with("step")) names_ = fields(line.substr(4));
      });
    file_.open(path_, run.first_step, "");
    if (names_.empty()) file_.replace("step\n");
  }

  void metrics(std::int64_t step, Metrics values) {
    bool grown = false;
    for (const auto& [name, value] : values)
      if (std::find(names_.begin(), names_.end(), name) == names_.end()) {
        names_.push_back(name);
        grown = true;
      }
    if (grown) write_header();
    std::string line = std::to_string(step);
    for (const std::string& name : names_) {
      line += ',';
      for (const auto& [known, value] : values)
        if (known == name && std::isfinite(value)) line += exact(value);
    }
    file_.write(line);
  }

 private:
  static std::vector<std::string> fields(std::string_view line) {
    std::vector<std::string> out;
    while (line.starts_with(',')) {
      const std::size_t end = line.find(',', 1);
      out.emplace_back(line.substr(1, end - 1));
      line = end == std::string_view::npos ? "" : line.substr(end);
    }
    return out;
  }

  // New names come last, so old lines only lack commas at their ends.
  void write_header() {
    std::string text = "step";
    for (const std::string& name : names_) text += ',' + name;
    text += '\n';
    bool header = true;
    LineFile::for_each_line(path_, [&](std::string_view line) {
      if (!std::exchange(header, false)) {
        text += line;
        const auto have = static_cast<std::size_t>(std::count(line.begin(), line.end(), ','));
        text.append(names_.size() - std::min(have, names_.size()), ',').append("\n");
      }
    });
    file_.replace(text);
  }

  std::filesystem::path path_;
  LineFile file_;
  std::vector<std::string> names_;
};

}  // namespace report
}  // namespace v0
}  // namespace hone
