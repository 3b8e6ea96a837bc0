// The GPU kernels' own source, run on the CPU, against the CPU's kernels and double references.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "functors.hpp"
#include "shim.hpp"

#include "hone/advantage/estimate.hpp"
#include "hone/advantage/gae.hpp"
#include "hone/advantage/remax.hpp"
#include "hone/advantage/vapo_gae.hpp"
#include "hone/advantage/whitened.hpp"
#include "hone/core/random.hpp"
#include "hone/kernel/cuda/advantage_scan.cuh"
#include "hone/kernel/cuda/head_rows.cuh"
#include "hone/kernel/cuda/moments.cuh"
#include "hone/kernel/cuda/token_losses.cuh"
#include "hone/loss/evaluate.hpp"
#include "hone/loss/nll.hpp"

namespace {

using namespace hone;
using namespace hone_test;
using hone_shim::launch;
namespace cuda = kernel::cuda;

std::vector<float> noise(std::size_t n, std::uint64_t seed, float scale, float shift = 0.0f) {
  std::vector<float> out(n);
  for (std::size_t i = 0; i < n; ++i)
    out[i] = (uniform({.seed = seed, .sequence = i}) - 0.5f) * scale + shift;
  return out;
}

// L = weight f(logprob, entropy) of a row of logits in double, by the functor itself.
template <class F>
double row_loss(const F& f, std::vector<double> z, std::size_t target, double temperature,
                double softcap, TokenInputs<double> in, double weight) {
  double top = -1e300, sum = 0, entropy = 0;
  for (double& x : z) {
    if (softcap > 0) x = softcap * std::tanh(x / softcap);
    x /= temperature;
    top = std::max(top, x);
  }
  for (double x : z) sum += std::exp(x - top);
  for (double x : z) entropy -= std::exp(x - top) / sum * (x - top - std::log(sum));
  in.logprob = z[target] - top - std::log(sum);
  in.entropy = entropy;
  return weight * value_at(f, in);
}

template <class F>
void check_head_rows(const F& f, std::size_t vocab, float temperature, float softcap) {
  constexpr std::size_t rows = 5;
  const std::size_t ld = vocab + 3;
  const std::vector<float> z = noise(rows * ld, 1, 8.0f);
  std::vector<float> work = z;
  const std::vector<float> old = noise(rows, 2, 0.4f, -3.0f), ref = noise(rows, 3, 0.4f, -3.0f),
                           advantages = noise(rows, 4, 4.0f);
  std::vector<float> weights = noise(rows, 5, 0.2f, 0.3f);
  weights[3] = 0.0f;
  work[3 * ld] = std::numeric_limits<float>::quiet_NaN();  // a masked row may hold anything
  std::vector<std::int32_t> targets;
  for (std::size_t r = 0; r < rows; ++r)
    targets.push_back(static_cast<std::int32_t>(r * 31 % vocab));
  std::vector<float> logprobs(rows), losses(rows);
  cuda::HeadRowsArguments a;
  a.logits = work.data();
  a.targets = targets.data();
  a.columns.old_logprob = a.columns.rollout_logprob = old.data();
  a.columns.ref_logprob = ref.data();
  a.columns.advantage = advantages.data();
  a.weights = weights.data();
  a.logprobs = logprobs.data();
  a.losses = losses.data();
  a.shape = {.ld = static_cast<std::int64_t>(ld),
             .vocab = static_cast<std::int32_t>(vocab),
             .temperature = temperature,
             .softcap = softcap};
  launch(rows, 64, cuda::head_rows<F>, f, a);
  for (std::size_t r = 0; r < rows; ++r) {
    TokenInputs<double> in;
    in.old_logprob = in.rollout_logprob = static_cast<double>(old[r]);
    in.ref_logprob = static_cast<double>(ref[r]);
    in.advantage = static_cast<double>(advantages[r]);
    const std::vector<double> row(z.begin() + static_cast<std::ptrdiff_t>(r * ld),
                                  z.begin() + static_cast<std::ptrdiff_t>(r * ld + vocab));
    const auto target = static_cast<std::size_t>(targets[r]);
    const auto loss_of = [&](const std::vector<double>& x) {
      return row_loss(f, x, target, temperature, softcap, in, weights[r]);
    };
    if (weights[r] == 0.0f) {
      EXPECT_EQ(losses[r], 0.0f);
      for (std::size_t v = 0; v < vocab; ++v) EXPECT_EQ(work[r * ld + v], 0.0f);
      continue;
    }
    EXPECT_NEAR(losses[r], loss_of(row), 2e-5 * std::max(1.0, std::fabs(loss_of(row))));
    for (std::size_t v = 0; v < vocab; v += 1 + vocab / 40) {
      std::vector<double> up = row, down = row;
      up[v] += 1e-5;
      down[v] -= 1e-5;
      EXPECT_NEAR(work[r * ld + v], (loss_of(up) - loss_of(down)) / 2e-5, 2e-5)
          << "row " << r << ", logit " << v;
    }
  }
}

TEST(HeadRows, LossAndGradientEqualFiniteDifferencesInDouble) {
  check_head_rows(loss::Nll{}, 131, 1.0f, 0.0f);
  check_head_rows(PpoWithAll{}, 131, 0.7f, 0.0f);
  check_head_rows(PpoWithAll{}, 37, 1.3f, 3.0f);
}

TEST(HeadRows, TakeAUsersLossAndKlEstimator) {
  check_head_rows(UsersOwn{}, 131, 0.7f, 0.0f);
  check_head_rows(UsersOwn{}, 37, 1.3f, 3.0f);
}

template <class F>
void check_token_losses(const F& f) {
  constexpr std::size_t n = 300;
  const std::vector<float> logprob = noise(n, 1, 2.0f, -2.0f), old = noise(n, 2, 2.0f, -2.0f),
                           ref = noise(n, 3, 2.0f, -2.0f), advantage = noise(n, 4, 3.0f),
                           entropy = noise(n, 5, 1.0f, 2.0f);
  std::vector<float> weights = noise(n, 6, 0.01f, 0.01f);
  weights[17] = 0.0f;
  TokenInputs<loss::Column> columns;
  columns.logprob = logprob;
  columns.old_logprob = columns.rollout_logprob = old;
  columns.ref_logprob = ref;
  columns.advantage = advantage;
  columns.entropy = entropy;
  std::vector<float> d_logprob(n), d_entropy(n);
  TokenInputs<loss::Derivative> slopes;
  slopes.logprob = d_logprob;
  slopes.entropy = d_entropy;
  const double want = loss::evaluate(f, columns, weights, slopes).value();

  std::vector<float> got_logprob(n, 7.0f), got_entropy(n, 7.0f), partial(5);
  cuda::TokenLossArguments a;
  a.columns.each([](const float*& to, const loss::Column& from) { to = from.data(); }, a.columns,
                 columns);
  a.weights = weights.data();
  a.d_logprob = got_logprob.data();
  a.d_entropy = got_entropy.data();
  a.partial_sums = partial.data();
  a.n = static_cast<std::int64_t>(n);
  launch(5, 64, cuda::token_losses<F>, f, a);
  double sum = 0;
  for (float p : partial) sum += static_cast<double>(p);
  EXPECT_NEAR(sum, want, 1e-5 * std::fabs(want));
  for (std::size_t i = 0; i < n; ++i) {
    EXPECT_EQ(got_logprob[i], d_logprob[i]) << i;
    EXPECT_EQ(got_entropy[i], d_entropy[i]) << i;
  }
}

TEST(TokenLosses, EqualTheCpuBitForBit) {
  check_token_losses(PpoWithAll{});
  check_token_losses(UsersOwn{});
}

template <class Policy>
void check_scan(const Policy& policy) {
  const std::vector<std::int64_t> offsets{0, 7, 7, 30, 31, 90};
  const auto n = static_cast<std::size_t>(offsets.back());
  const std::vector<float> rewards = noise(n, 1, 1.0f), values = noise(n, 2, 1.0f),
                           bootstrap = noise(5, 3, 1.0f), greedy = noise(5, 4, 1.0f);
  std::vector<std::uint8_t> mask(n, 1), truncated{0, 1, 1, 0, 1};
  for (std::size_t t = 0; t < n; ++t) mask[t] = t % 5 != 2;
  std::vector<float> want(n), want_returns(n), got(n, 5.0f), got_returns(n, 5.0f);
  const std::vector<float> scores(5, 0.0f);
  advantage::estimate(policy,
                      {.offsets = offsets,
                       .token_rewards = rewards,
                       .values = values,
                       .mask = mask,
                       .truncated = truncated,
                       .bootstrap = bootstrap,
                       .scores = scores,
                       .greedy_scores = greedy},
                      {.advantages = want, .returns = want_returns});
  cuda::ScanArguments a;
  a.offsets = offsets.data();
  a.rewards = rewards.data();
  a.values = values.data();
  a.mask = mask.data();
  a.truncated = truncated.data();
  a.bootstrap = bootstrap.data();
  a.greedy_scores = greedy.data();
  a.advantages = got.data();
  a.returns = got_returns.data();
  a.sequences = 5;
  launch(1, 32, cuda::advantage_scan<Policy>, policy, a);
  for (std::size_t t = 0; t < n; ++t) {
    EXPECT_EQ(got[t], want[t]) << "token " << t;
    if (!mask[t]) continue;
    EXPECT_EQ(got_returns[t], want_returns[t]) << "token " << t;
  }
}

TEST(AdvantageScan, EqualsTheCpuBitForBitOverGapsAndTruncation) {
  check_scan(advantage::Gae{.gamma = 0.99f, .lambda = 0.9f});
  check_scan(advantage::DecoupledGae{.gamma = 0.99f, .lambda_policy = 0.9f, .lambda_critic = 0.8f});
  check_scan(advantage::VapoGae{.alpha = 0.08f, .gamma = 0.99f, .lambda_critic = 0.95f});
  check_scan(Halving{});
  check_scan(advantage::ReMax{});
}

TEST(Moments, OfGroupsAndWhitening) {
  const std::vector<float> x{1, 2, 3, 4, 5, 5, 5, 9, 100};
  const std::vector<std::uint8_t> mask{1, 1, 1, 1, 1, 1, 1, 1, 0};
  const std::vector<std::int64_t> offsets{0, 4, 4, 7, 9};
  std::vector<Moments> groups(4);
  launch(4, 64, cuda::group_moments<0>, x.data(), mask.data(), offsets.data(), groups.data());
  EXPECT_EQ(groups[0].mean, 2.5);
  EXPECT_EQ(groups[0].squares, 5.0);
  EXPECT_EQ(groups[1].count, 0);
  EXPECT_EQ(groups[1].mean, 0.0);
  EXPECT_EQ(groups[2].squares, 0.0);
  EXPECT_EQ(groups[3].mean, 9.0) << "the masked entry takes no part";
  EXPECT_EQ(groups[3].count, 1);

  const std::vector<std::int64_t> all{0, 9};
  Moments moments;
  launch(1, 32, cuda::group_moments<0>, x.data(), mask.data(), all.data(), &moments);
  std::vector<float> y(9);
  cuda::WhitenArguments a;
  a.x = x.data();
  a.mask = mask.data();
  a.moments = &moments;
  a.y = y.data();
  a.n = 9;
  launch(1, 32, cuda::whiten<0>, a);
  double sum = 0, squares = 0;
  for (int i = 0; i < 8; ++i) {
    sum += y[static_cast<std::size_t>(i)];
    squares += y[static_cast<std::size_t>(i)] * y[static_cast<std::size_t>(i)];
  }
  EXPECT_NEAR(sum, 0.0, 1e-5);
  EXPECT_NEAR(squares / 7, 1.0, 1e-5);
  EXPECT_EQ(y[8], 0.0f);
}

// One formula: what the wrapper of an estimator gives and what the kernel gives, every member on.
TEST(Whiten, EqualsTheCpuWrapper) {
  constexpr std::size_t n = 120;
  const std::vector<std::int64_t> offsets{0, 50, 50, 120};
  const std::vector<float> rewards = noise(n, 1, 3.0f, 0.5f), zeros(n, 0.0f), scores(3, 0.0f);
  std::vector<std::uint8_t> mask(n, 1);
  for (std::size_t t = 0; t < n; t += 7) mask[t] = 0;
  // gamma 0 and no values: the advantage is the token's reward.
  using Wrapped = advantage::Whitened<advantage::Gae>;
  const advantage::Gae inner{.gamma = 0.0f, .lambda = 0.0f};
  const Wrapped cases[] = {{.inner = inner},
                           {.inner = inner, .ddof = 0, .epsilon = 0.0f, .variance_floor = 5.0f},
                           {.inner = inner, .deviation_epsilon = 0.1f, .keep_mean = true},
                           {.inner = inner, .scale = false}};
  std::vector<std::vector<float>> outcomes;
  for (const Wrapped& w : cases) {
    std::vector<float> want(n), returns(n), got(n, 7.0f);
    advantage::estimate(w,
                        {.offsets = offsets,
                         .token_rewards = rewards,
                         .values = zeros,
                         .mask = mask,
                         .scores = scores},
                        {.advantages = want, .returns = returns});
    const std::vector<std::int64_t> all{0, n};
    Moments moments;
    launch(1, 32, cuda::group_moments<0>, rewards.data(), mask.data(), all.data(), &moments);
    cuda::WhitenArguments a;
    a.x = rewards.data();
    a.mask = mask.data();
    a.moments = &moments;
    a.y = got.data();
    a.n = static_cast<std::int64_t>(n);
    a.whitening = {.ddof = w.ddof,
                   .epsilon = w.epsilon,
                   .variance_floor = w.variance_floor,
                   .deviation_epsilon = w.deviation_epsilon,
                   .keep_mean = w.keep_mean,
                   .scale = w.scale};
    launch(4, 32, cuda::whiten<0>, a);
    for (std::size_t t = 0; t < n; ++t)
      EXPECT_NEAR(got[t], mask[t] ? want[t] : 0.0f, 1e-6) << "token " << t;
    outcomes.push_back(got);
  }
  for (std::size_t i = 1; i < outcomes.size(); ++i)
    EXPECT_GT(std::fabs(outcomes[i][1] - outcomes[0][1]), 1e-3)
        << "case " << i << " is like the first";
}

}  // namespace
