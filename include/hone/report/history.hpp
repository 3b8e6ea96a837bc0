// The metrics of a whole run, by name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/report/record.hpp"

namespace hone {
inline namespace v0 {
namespace report {

// The values of one metric; steps ascend.
struct Series {
  std::string name = {};
  std::vector<double> steps = {};
  std::vector<double> values = {};
};

// A sink that keeps what it is told; also read from a metrics.jsonl.
class History {
 public:
  void begin(const Run& run) {
    for (Series& s : series_)
      while (!s.steps.empty() && s.steps.back() >= static_cast<double>(run.first_step)) {
        s.steps.pop_back();
        s.values.pop_back();
      }
  }
  void metrics(std::int64_t step, Metrics values) {
    for (const auto& [name, value] : values) add(name, step, value);
  }

  void add(std::string_view name, std::int64_t step, double value) {
    Series* into = nullptr;
    for (Series& s : series_)
      if (s.name == name) into = &s;
    if (!into) into = &series_.emplace_back(Series{.name = std::string(name)});
    into->steps.push_back(static_cast<double>(step));
    into->values.push_back(value);
  }

  const std::vector<Series>& series() const { return series_; }
  const Series* find(std::string_view name) const {
    for (const Series& s : series_)
      if (s.name == name) return &s;
    return nullptr;
  }
  bool empty() const { return series_.empty(); }

  // Reads a file of MetricsJsonl. Half a line at its end, as a killed process leaves it, is left
  // out.
  static History read(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    require(in.is_open(), path.string(), ": cannot be read");
    History out;
    std::string line;
    for (std::uint64_t number = 1; std::getline(in, line); ++number) {
      if (in.eof()) break;
      nlohmann::ordered_json json = nlohmann::ordered_json::parse(line, nullptr, false);
      require(json.is_object() && json.value("step", nlohmann::ordered_json()).is_number_integer(),
              path.string(), ":", number, ": expected an object with a whole number \"step\"");
      const auto step = json["step"].get<std::int64_t>();
      for (const auto& [name, value] : json.items())
        if (name != "step" && value.is_number()) out.add(name, step, value.get<double>());
    }
    return out;
  }

 private:
  std::vector<Series> series_;
};

}  // namespace report
}  // namespace v0
}  // namespace hone
