// Reads the goldens beside it, and evaluates objectives over their batches.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <vector>

#include "../../support/source_folder.hpp"
#include "hone/loss/aggregation.hpp"
#include "hone/loss/evaluate.hpp"
#include "hone/loss/sequences.hpp"

namespace hone_test {

using nlohmann::json;

// "trl" or "numpy"; read once.
inline const json& golden(const std::string& name) {
  static std::map<std::string, json> files;
  if (!files.contains(name)) {
    std::ifstream in(hone_test::tests_folder() / "goldens/objectives" / (name + ".json"));
    files[name] = json::parse(in);
  }
  return files[name];
}

struct Found {
  double loss = 0;
  std::vector<float> gradient = {}, entropy_gradient = {};
};

// Answers end to end, with the columns that a policy loss reads.
struct Answers {
  std::vector<std::int64_t> offsets;
  std::vector<std::uint8_t> mask;
  std::vector<float> logprob, old_logprob, ref_logprob, rollout_logprob, entropy;
  std::vector<float> advantage, token_advantage, drift, length;
  std::vector<float> label;

  explicit Answers(const json& j)
      : offsets(j.at("offsets")),
        mask(j.at("mask")),
        logprob(j.at("logprob")),
        old_logprob(j.at("old_logprob")),
        ref_logprob(j.at("ref_logprob")),
        rollout_logprob(j.at("rollout_logprob")),
        entropy(j.value("entropy", std::vector<float>(logprob.size()))),
        advantage(j.at("advantage")),
        label(j.value("label", std::vector<float>{})) {
    for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
      double sum = 0, n = 0;
      for (auto t = static_cast<std::size_t>(offsets[s]);
           t < static_cast<std::size_t>(offsets[s + 1]); ++t) {
        if (!mask[t]) continue;
        sum += static_cast<double>(old_logprob[t]) - static_cast<double>(rollout_logprob[t]);
        n += 1;
      }
      for (auto t = offsets[s]; t < offsets[s + 1]; ++t) {
        token_advantage.push_back(advantage[s]);
        drift.push_back(static_cast<float>(sum));
        length.push_back(static_cast<float>(n));
      }
    }
  }

  hone::TokenInputs<hone::loss::Column> columns() const {
    hone::TokenInputs<hone::loss::Column> c;
    c.logprob = logprob;
    c.entropy = entropy;
    c.old_logprob = old_logprob;
    c.rollout_logprob = rollout_logprob;
    c.ref_logprob = ref_logprob;
    c.advantage = token_advantage;
    c.drift = drift;
    c.length = length;
    return c;
  }
  hone::loss::SequenceBatch batch() const {
    hone::loss::SequenceBatch b;
    b.offsets = offsets;
    b.mask = mask;
    b.tokens = columns();
    b.advantage = advantage;
    b.label = label;
    return b;
  }
  hone::loss::Counts counts() const {
    hone::loss::Counts c;
    c.add(offsets, mask);
    return c;
  }

  // A loss of tokens or of sequences, as the trainers evaluate it.
  template <class F, class Aggregation = hone::loss::TokenMean>
  Found run(const F& f, const Aggregation& aggregation = {}) const {
    Found out{.gradient = std::vector<float>(logprob.size()),
              .entropy_gradient = std::vector<float>(logprob.size())};
    hone::TokenInputs<hone::loss::Derivative> slopes;
    slopes.logprob = out.gradient;
    slopes.entropy = out.entropy_gradient;
    if constexpr (hone::level_of<F> == hone::Level::token) {
      std::vector<float> weights(logprob.size());
      hone::loss::token_weights(aggregation, counts(), offsets, mask, weights);
      out.loss = hone::loss::evaluate(f, columns(), weights, slopes).value();
    } else {
      std::vector<float> weights(advantage.size());
      hone::loss::sequence_weights(hone::loss::SequenceMean{}, counts(), offsets, mask, weights);
      out.loss = hone::loss::evaluate_sequences(f, batch(), weights, slopes).value();
    }
    return out;
  }

  // A loss of pairs: answers [0, n) are chosen over [n, 2n).
  template <class F>
  Found run_pairs(const F& f) const {
    const auto n = static_cast<std::int32_t>(advantage.size() / 2);
    std::vector<hone::loss::Pair> pairs;
    for (std::int32_t p = 0; p < n; ++p)
      pairs.push_back({p, p + n, 0.0f, 1.0f / static_cast<float>(n)});
    Found out{.gradient = std::vector<float>(logprob.size())};
    hone::TokenInputs<hone::loss::Derivative> slopes;
    slopes.logprob = out.gradient;
    out.loss = hone::loss::evaluate_pairs(f, batch(), pairs, slopes).loss.value();
    return out;
  }
};

// 1e-5 of the number itself, or of a twentieth of the largest where it is smaller.
template <class Range>
void expect_close(const Range& found, const std::vector<double>& expected,
                  const std::string& what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  double largest = 0;
  for (const double x : expected) largest = std::max(largest, std::abs(x));
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(static_cast<double>(found[i]), expected[i],
                1e-5 * std::max(std::abs(expected[i]), 0.05 * largest))
        << what << ", entry " << i;
}

// The loss to 1e-5 of itself, and where it is a small rest of large terms to 1e-7 of their size:
// the sum of the derivatives' absolute values, since a term is its derivative to within a factor.
inline void expect_case(const Found& found, const json& c) {
  json options = c;
  for (const char* numbers : {"gradient", "entropy_gradient"}) options.erase(numbers);
  const std::string what = options.dump();
  const double loss = c.at("loss");
  double scale = 0;
  for (const double d : c.at("gradient")) scale += std::abs(d);
  EXPECT_NEAR(found.loss, loss, std::max(1e-5 * std::abs(loss), 1e-7 * scale)) << what;
  expect_close(found.gradient, c.at("gradient").get<std::vector<double>>(), what);
  if (c.contains("entropy_gradient"))
    expect_close(found.entropy_gradient, c.at("entropy_gradient").get<std::vector<double>>(),
                 what + " by the entropies");
}

// Number of cases seen, so that a test of none fails.
template <class F>
void for_each_case(const json& part, const F& f) {
  ASSERT_FALSE(part.at("cases").empty());
  for (const json& c : part.at("cases")) f(c);
}

}  // namespace hone_test
