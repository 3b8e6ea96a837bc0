// The GPU's group advantages, run on the CPU from their own source, against advantage::estimate.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "shim.hpp"

#include "functors.hpp"

#include "hone/advantage/estimate.hpp"
#include "hone/advantage/group_relative.hpp"
#include "hone/advantage/leave_one_out.hpp"
#include "hone/advantage/max_rl.hpp"
#include "hone/advantage/opo.hpp"
#include "hone/core/random.hpp"
#include "hone/kernel/cuda/group_advantages.cuh"

namespace {

using namespace hone;
using namespace hone_test;
using hone_shim::launch;
namespace cuda = kernel::cuda;

// Groups of 1, 6, 40 (more answers than threads) and 3 answers; answers of 0 to 8 tokens with gaps.
struct Batch {
  std::vector<std::int64_t> groups{0, 1, 7, 47, 50}, offsets{0};
  std::vector<std::int32_t> group_of;
  std::vector<std::uint8_t> mask;
  std::vector<float> rewards, scores;

  explicit Batch(bool equal_group) {
    RandomStream random({.seed = 3});
    for (std::size_t g = 0; g + 1 < groups.size(); ++g)
      for (std::int64_t s = groups[g]; s < groups[g + 1]; ++s) {
        group_of.push_back(static_cast<std::int32_t>(g));
        scores.push_back(static_cast<float>(random.uniform()));
        const auto tokens = static_cast<std::int64_t>(random.below(9));
        offsets.push_back(offsets.back() + tokens);
        for (std::int64_t t = 0; t < tokens; ++t) {
          mask.push_back(t % 4 != 1);
          rewards.push_back(static_cast<float>(random.uniform()) - 0.2f);
        }
      }
    if (equal_group)
      for (std::int64_t s = groups[1]; s < groups[2]; ++s) {
        scores[static_cast<std::size_t>(s)] = 0.5f;
        bool first = true;
        for (std::int64_t t = offsets[static_cast<std::size_t>(s)];
             t < offsets[static_cast<std::size_t>(s) + 1]; ++t) {
          rewards[static_cast<std::size_t>(t)] = first ? 0.5f : 0.0f;
          first = false;
        }
      }
  }
  std::int64_t answers() const { return groups.back(); }
};

// The scores and lengths of its answers, and their moments, by the kernels.
struct Totals {
  std::vector<float> scores, lengths;
  Moments batch;

  explicit Totals(const Batch& b)
      : scores(static_cast<std::size_t>(b.answers())), lengths(scores.size()) {
    cuda::AnswerArguments a;
    a.offsets = b.offsets.data();
    a.mask = b.mask.data();
    a.rewards = b.rewards.data();
    a.fallback = b.scores.data();
    a.scores = scores.data();
    a.lengths = lengths.data();
    a.answers = b.answers();
    launch(2, 32, cuda::answer_totals<0>, a);
    launch(1, 32, cuda::score_moments<0>, scores.data(), b.answers(), &batch);
  }
};

template <class Policy>
std::vector<float> check(const Policy& policy, const Batch& b, const Totals& totals,
                         unsigned threads = 32) {
  const auto T = b.rewards.size();
  std::vector<float> want(T), got(T, 7.0f), of_answers(totals.scores.size(), 7.0f);
  advantage::estimate(policy,
                      {.offsets = b.offsets,
                       .token_rewards = b.rewards,
                       .mask = b.mask,
                       .groups = b.group_of,
                       .scores = b.scores},
                      {.advantages = want});
  cuda::GroupArguments a;
  a.groups = b.groups.data();
  a.scores = totals.scores.data();
  a.lengths = totals.lengths.data();
  a.batch = &totals.batch;
  a.advantages = of_answers.data();
  a.answers = b.answers();
  launch(4, threads, cuda::group_advantages<Policy>, policy, a);
  cuda::SpreadArguments spread;
  spread.offsets = b.offsets.data();
  spread.mask = b.mask.data();
  spread.of_answers = of_answers.data();
  spread.of_tokens = got.data();
  spread.answers = b.answers();
  launch(2, 32, cuda::spread_advantages<0>, spread);
  for (std::size_t t = 0; t < T; ++t) EXPECT_EQ(got[t], want[t]) << "token " << t;
  return got;
}

TEST(GroupAdvantages, EqualTheCpuBitForBit) {
  using advantage::GroupRelative;
  const Batch b{false}, with_equals{true};
  const Totals t{b}, of_equals{with_equals};
  const std::vector<std::vector<float>> outcomes{
      check(GroupRelative{}, b, t),
      check(GroupRelative{.scale_by_std = false}, b, t),
      check(GroupRelative{.ddof = 0, .epsilon = 1e-4f}, b, t),
      check(GroupRelative{.scale = advantage::Scale::batch}, b, t),
      check(GroupRelative{.leave_one_out = true}, b, t),
      check(GroupRelative{.singleton_keeps_reward = true}, b, t),
      check(advantage::LeaveOneOut{}, b, t),
      check(advantage::Opo{}, b, t),
      check(advantage::Opo{.leave_one_out = true}, b, t),
      check(advantage::MaxRl{.epsilon = 1e-3f}, b, t),
      check(AboveTheBest{}, b, t)};
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(outcomes[i], outcomes[j]) << i << " and " << j;
  EXPECT_EQ(check(GroupRelative{}, b, t, 64), outcomes[0]);
  check(GroupRelative{}, with_equals, of_equals);
  check(GroupRelative{.leave_one_out = true}, with_equals, of_equals);
}

TEST(GroupAdvantages, MomentsAreThoseOfTheCpuForAnyNumberOfThreads) {
  std::vector<float> x;
  RandomStream random({.seed = 5});
  for (int i = 0; i < 333; ++i)
    x.push_back(static_cast<float>(std::exp(8.0 * random.uniform() - 4.0)));
  const Moments want = advantage::moments(
      333, [&](std::int64_t i) { return static_cast<double>(x[static_cast<std::size_t>(i)]); });
  for (const unsigned threads : {32u, 96u}) {
    Moments got;
    launch(1, threads, cuda::score_moments<0>, x.data(), std::int64_t{333}, &got);
    EXPECT_EQ(got.count, want.count);
    EXPECT_EQ(got.mean, want.mean);
    EXPECT_EQ(got.squares, want.squares);
    const std::vector<float> broken{1.0f, std::nanf(""), 2.0f};
    launch(1, threads, cuda::score_moments<0>, broken.data(), std::int64_t{3}, &got);
    EXPECT_TRUE(std::isnan(got.mean));
  }
}

}  // namespace
