#include "hone/advantage/estimate.hpp"

#include <gtest/gtest.h>

#include <string>

#include "hone/advantage/gae.hpp"
#include "hone/advantage/group_relative.hpp"
#include "hone/advantage/monte_carlo.hpp"
#include "hone/advantage/opo.hpp"
#include "hone/advantage/reinforce_plus_plus.hpp"
#include "hone/advantage/remax.hpp"
#include "hone/advantage/vapo_gae.hpp"
#include "run.hpp"

namespace {

using namespace hone_test;
using namespace hone::advantage;

// A user's own policies.

struct Td0 {  // A_t = r_t + 0.99 V_{t+1} - V_t
  template <class T>
  constexpr T operator()(const StepInputs<T>& t) const {
    return t.reward + 0.99f * t.next_value - t.value;
  }
};
constexpr auto td0 = [](const auto& t) { return t.reward + 0.99f * t.next_value - t.value; };
constexpr auto over_median = [](const Sample& s) { return s.score - s.group.scores()[0]; };
constexpr auto sign_of_score = [](const Trajectories& in, Estimate out) {
  for (std::size_t t = 0; t < out.advantages.size(); ++t)
    out.advantages[t] = in.sampled(static_cast<std::int64_t>(t)) ? in.token_rewards[t] * 2 : 0;
};
float twice(const Sample& s) { return 2 * s.score; }

static_assert(kind_of<Td0> == Kind::step && needs_values_v<Td0>);
static_assert(kind_of<decltype(td0)> == Kind::step && needs_values_v<decltype(td0)>);
static_assert(kind_of<decltype(over_median)> == Kind::sample &&
              needs_groups_v<decltype(over_median)>);
static_assert(kind_of<decltype(sign_of_score)> == Kind::batch);
static_assert(kind_of<decltype(twice)*> == Kind::sample);
// What a lambda reads shows when it is run on traces.
constexpr auto to_go = [](const auto& t) { return t.reward + t.next.advantage; };
constexpr auto beats_greedy = [](const auto& t) { return t.next.target - t.greedy_score; };
static_assert(kind_of<decltype(to_go)> == Kind::step && !needs_values_v<decltype(to_go)>);
static_assert(needs_greedy_baseline_v<decltype(beats_greedy)> &&
              !needs_values_v<decltype(beats_greedy)>);
template <class P>
constexpr bool says_what_it_reads = detail::step_reads<P>().value == P::needs_values;
static_assert(says_what_it_reads<Gae> && says_what_it_reads<MonteCarlo> &&
              says_what_it_reads<VapoGae> && says_what_it_reads<DecoupledGae> &&
              says_what_it_reads<ReMax>);
static_assert(detail::step_reads<ReMax>().greedy_score);
static_assert(kind_of<int> == Kind::none && !Policy<int>);
static_assert(Policy<Gae> && Policy<GroupRelative> && Policy<ReinforcePlusPlus>);
static_assert(!needs_greedy_baseline_v<Gae> && !needs_groups_v<Gae> && needs_values_v<Gae>);

TEST(Estimate, UserPolicies) {
  const Batch b = random_batch(7);
  const Result from_struct = run(Td0{}, b), from_lambda = run(td0, b);
  EXPECT_EQ(from_struct.advantages, from_lambda.advantages);
  EXPECT_EQ(from_struct.returns, from_lambda.returns);
  const ExactGae exact = exact_gae(b, 0.99f, 0, 0);
  expect_near(from_lambda.advantages, exact.advantages, 1e-5, "advantage");
  expect_near(from_lambda.returns, exact.targets, 1e-5, "return");  // A + V

  EXPECT_EQ(run(over_median, one_group({2, 3, 1})).advantages, (std::vector<float>{0, 1, -1}));
  EXPECT_EQ(run(twice, one_group({2, 3})).advantages, (std::vector<float>{4, 6}));
  EXPECT_EQ(run(sign_of_score, one_group({2, 3})).advantages, (std::vector<float>{4, 6}));
}

TEST(Estimate, ALambdaThatReadsNoValuesNeedsNone) {
  Batch b = random_batch(12);
  auto in = b.view();
  in.values = in.bootstrap = {};
  EXPECT_EQ(run(to_go, in).advantages, run(MonteCarlo{}, in).advantages);
}

TEST(Estimate, ASequenceDoesNotDependOnItsNeighbours) {
  const Batch b = random_batch(8, {.sequences = 45, .longest = 100});
  const auto in = b.view();
  const Result all = run(VapoGae{}, in);
  for (std::size_t s = 0; s < b.sequences(); ++s) {
    const auto begin = static_cast<std::size_t>(b.offsets[s]);
    const auto n = static_cast<std::size_t>(b.offsets[s + 1]) - begin;
    const std::vector<std::int64_t> offsets{0, static_cast<std::int64_t>(n)};
    const Trajectories one{.offsets = offsets,
                           .token_rewards = in.token_rewards.subspan(begin, n),
                           .values = in.values.subspan(begin, n),
                           .mask = in.mask.subspan(begin, n),
                           .truncated = in.truncated.subspan(s, 1),
                           .bootstrap = in.bootstrap.subspan(s, 1)};
    const Result alone = run(VapoGae{}, one);
    for (std::size_t t = 0; t < n; ++t) {
      ASSERT_EQ(alone.advantages[t], all.advantages[begin + t]) << s << " " << t;
      ASSERT_EQ(alone.returns[t], all.returns[begin + t]) << s << " " << t;
    }
  }
}

TEST(Estimate, ThreadsChangeNothing) {
  const Batch b = random_batch(9, {.sequences = 100, .longest = 60});
  const int before = hone::threads();
  hone::set_threads(1);
  const Result one = run(Gae{}, b);
  for (const int n : {2, 3, 4}) {
    hone::set_threads(n);
    EXPECT_EQ(run(Gae{}, b).advantages, one.advantages) << n << " threads";
  }
  hone::set_threads(before);
}

TEST(Estimate, WithoutAMaskEveryTokenCounts) {
  Batch b = random_batch(10, {.gap_rate = 0});
  auto in = b.view();
  const Result with = run(Gae{}, in);
  in.mask = {};
  EXPECT_EQ(run(Gae{}, in).advantages, with.advantages);
}

TEST(Estimate, ReturnsAreOptional) {
  const Batch b = random_batch(11);
  std::vector<float> advantages(b.tokens());
  estimate(Gae{}, b.view(), {.advantages = advantages, .returns = {}});
  EXPECT_EQ(advantages, run(Gae{}, b).advantages);
}

template <class P>
std::string error_of(const P& policy, const Trajectories& in) {
  try {
    run(policy, in);
  } catch (const hone::Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(Estimate, SaysWhatDoesNotFit) {
  const Batch b = one_group({1, 2});
  auto in = b.view();
  in.values = in.values.subspan(1);
  EXPECT_EQ(error_of(Gae{}, in), "advantage: values has 1 entries, expected 2");
  in = b.view();
  in.groups = {};
  EXPECT_EQ(error_of(Opo{}, in), "advantage: groups has 0 entries, expected 2");
  EXPECT_EQ(error_of(MonteCarlo{}, in), "no error");
  in = b.view();
  in.token_rewards = in.scores = {};
  EXPECT_EQ(error_of(MonteCarlo{}, in), "advantage: scores has 0 entries, expected 2");
  const std::vector<std::int64_t> bad{0, 2, 1};
  in = b.view();
  in.offsets = bad;
  EXPECT_EQ(error_of(MonteCarlo{}, in), "advantage: offsets[2] is 1, expected at least offsets[1]");
}

TEST(Estimate, NotANumberIsAnErrorThatNamesTheSequence) {
  Batch b = one_group({1, 2, 3}, {2, 2, 2});
  b.rewards[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(error_of(Gae{}, b.view()),
            "advantage: sequence 1 has the advantage nan, expected a finite number: one of its "
            "rewards or values is not");
  EXPECT_EQ(error_of(Opo{}, b.view()),
            "advantage: the score of sequence 1 is nan, expected a finite number");
}

}  // namespace
