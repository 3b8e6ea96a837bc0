// Where a program's numbers go: the terminal, OUT/metrics.jsonl, OUT/completions.jsonl, TensorBoard
// files, and at the end OUT/report.html.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "hone/report/record.hpp"
#include "hone/train/report.hpp"
#include "settings.hpp"

namespace examples {

class Log {
 public:
  Log(const Settings& s, const std::string& name);
  ~Log();

  void step(const hone::train::Report& report);
  void samples(std::int64_t step, std::span<const hone::report::Sample> rows);
  // A number for the head of the report.
  void highlight(const std::string& label, double value);
  // Writes the report and says where everything is.
  void end(const std::string& title, const std::string& model);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace examples
