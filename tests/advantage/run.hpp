// Calls estimate() and hands back owned results.
#pragma once

#include <gtest/gtest.h>

#include "batch.hpp"
#include "hone/advantage/estimate.hpp"

namespace hone_test {

template <class P>
Result run(const P& policy, const adv::Trajectories& in) {
  const auto n = static_cast<std::size_t>(in.tokens());
  Result r{std::vector<float>(n, 77.0f), std::vector<float>(n, 77.0f)};
  adv::estimate(policy, in, {r.advantages, r.returns});
  return r;
}

template <class P>
Result run(const P& policy, const Batch& batch) {
  return run(policy, batch.view());
}

// A batch of one-token answers with the given scores, all in one group.
inline Batch one_group(const std::vector<float>& scores, const std::vector<int>& lengths = {}) {
  Batch b;
  for (std::size_t s = 0; s < scores.size(); ++s) {
    std::vector<Batch::Token> tokens(lengths.empty() ? 1 : static_cast<std::size_t>(lengths[s]),
                                     {0.0f, 0.0f});
    if (!tokens.empty()) tokens.back().reward = scores[s];
    b.add(tokens, 7, scores[s]);
  }
  return b;
}

inline void expect_near(const std::vector<float>& found, const std::vector<double>& expected,
                        double tolerance, const char* what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  for (std::size_t i = 0; i < found.size(); ++i)
    ASSERT_NEAR(found[i], expected[i], tolerance) << what << " at " << i;
}

}  // namespace hone_test
