// What is reported: a step's metrics, samples, and the run they belong to.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/core/completion.hpp"

namespace hone {
inline namespace v0 {
namespace report {

// Names and values of one step. Names are those of report/metric.hpp.
using Metrics = std::span<const std::pair<std::string, double>>;

// The value of a metric, or `missing`.
inline double value_of(Metrics metrics, std::string_view name, double missing) {
  for (const auto& [known, value] : metrics)
    if (known == name) return value;
  return missing;
}

// One answer to show.
struct Sample {
  std::string prompt = {};
  std::string text = {};
  double score = 0.0;
  std::int64_t tokens = 0;
  std::string_view finish = "end_token";  // a name of FinishReason
  std::uint64_t id = 0;                   // of the prompt
};

inline Sample sample_of(const Completion& c, double score) {
  return {.prompt = c.prompt,
          .text = c.text,
          .score = score,
          .tokens = static_cast<std::int64_t>(c.tokens.size()),
          .finish = name_of(c.finish),
          .id = c.id};
}

// The run that a sink is told about when it begins. Steps are numbered from 0; a resumed run begins
// at first_step, and what an earlier process reported from that step on is void.
struct Run {
  std::string name = "run";
  std::int64_t first_step = 0;
  std::int64_t steps = 0;  // where it will end; 0: unknown
  std::vector<std::pair<std::string, std::string>> settings = {};
};

}  // namespace report
}  // namespace v0
}  // namespace hone
