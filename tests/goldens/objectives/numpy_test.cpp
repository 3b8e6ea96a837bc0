// The formulas of systems and papers that numpy.json states, each convention as a member.
#include <gtest/gtest.h>

#include "golden.hpp"
#include "hone/advantage/estimate.hpp"
#include "hone/advantage/gae.hpp"
#include "hone/advantage/group_relative.hpp"
#include "hone/advantage/leave_one_out.hpp"
#include "hone/advantage/opo.hpp"
#include "hone/advantage/reinforce_plus_plus.hpp"
#include "hone/advantage/remax.hpp"
#include "hone/advantage/vapo_gae.hpp"
#include "hone/core/differentiate.hpp"
#include "hone/kl/absolute.hpp"
#include "hone/kl/coefficient.hpp"
#include "hone/kl/in_loss.hpp"
#include "hone/kl/k1.hpp"
#include "hone/kl/k2.hpp"
#include "hone/kl/k3.hpp"
#include "hone/kl/straight_through.hpp"
#include "hone/loss/bradley_terry.hpp"
#include "hone/loss/cispo.hpp"
#include "hone/loss/dpo.hpp"
#include "hone/loss/dppo.hpp"
#include "hone/loss/gmpo.hpp"
#include "hone/loss/gspo.hpp"
#include "hone/loss/importance_sampling.hpp"
#include "hone/loss/ipo.hpp"
#include "hone/loss/nll.hpp"
#include "hone/loss/policy_gradient.hpp"
#include "hone/loss/positions.hpp"
#include "hone/loss/ppo_clip.hpp"
#include "hone/loss/ppo_penalty.hpp"
#include "hone/loss/sapo.hpp"
#include "hone/loss/value_clip.hpp"
#include "hone/loss/value_mse.hpp"
#include "hone/recipes/compat/dppo_tv.hpp"
#include "hone/recipes/compat/gae_through_gaps.hpp"

namespace {

using namespace hone_test;
namespace loss = hone::loss;
namespace kl = hone::kl;
namespace advantage = hone::advantage;

void check_policy_losses(const json& part) {
  const Answers answers(part);
  using loss::IcePop, loss::TruncatedImportanceSampling, loss::PpoClip;
  using loss::PerSequence, loss::SequenceMeanRatio;
  const PpoClip clip;
  for_each_case(part, [&](const json& c) {
    const std::string of = c["of"];
    const auto check = [&](const auto& f, const auto& aggregation) {
      expect_case(answers.run(f, aggregation), c);
    };
    const loss::TokenMean mean;
    if (of == "deepspeed_chat")
      check(clip, mean);
    else if (of == "verl")
      check(PpoClip{.dual_clip = 3, .log_ratio_limit = 20}, mean);
    else if (of == "openrlhf")
      check(PpoClip{.log_ratio_limit = 20}, mean);
    else if (of == "limited")
      check(PpoClip{.log_ratio_limit = 1}, mean);
    else if (of == "dapo")
      check(PpoClip{.clip_high = 0.28f}, mean);
    else if (of == "grpo")
      check(clip, loss::SequenceMean{});
    else if (of == "dr_grpo")
      check(clip, loss::FixedLength{.max_length = part["max_length"]});
    else if (of == "gspo")
      check(loss::Gspo{.clip = {.clip_low = 3e-4f, .clip_high = 4e-4f}, .log_ratio_max = 10}, mean);
    else if (of == "gspo_verl")
      check(loss::Gspo{.log_ratio_max = 10}, mean);
    else if (of == "gmpo")
      check(loss::Gmpo{}, mean);
    else if (of == "cispo")
      check(loss::Cispo{.ratio_low = 0.8f, .ratio_high = 1.2f}, mean);
    else if (of == "sapo")
      check(loss::Sapo{}, mean);
    else if (of == "dppo")
      check(loss::Dppo{.kl_coef = 1e-3f}, mean);
    else if (of == "dppo_tv")
      check(hone::recipes::compat::DppoTv{}, mean);
    else if (of == "penalty")
      check(loss::PpoPenalty<>{.coef = 0.7f}, mean);
    else if (of == "nll")
      check(loss::Nll{}, mean);
    else if (of == "reinforce")
      check(loss::PolicyGradient{}, mean);
    else if (of == "tis_verl")
      check(TruncatedImportanceSampling<PpoClip>{clip, 0, 2}, mean);
    else if (of == "tis_openrlhf")
      check(TruncatedImportanceSampling<PpoClip>{clip, 0.5f, 5}, mean);
    else if (of == "icepop")
      check(IcePop<PpoClip>{clip, 0.8f, 1.3f}, mean);
    else if (of == "icepop_wide")
      check(IcePop<PpoClip>{clip, 0.5f, 5}, mean);
    else if (of == "tis_sequence")
      check(TruncatedImportanceSampling<PpoClip, PerSequence>{clip, 0, 2}, mean);
    else if (of == "tis_geometric")
      check(TruncatedImportanceSampling<PpoClip, SequenceMeanRatio>{clip, 0, 1.1f}, mean);
    else if (of == "gmpo_tis")
      check(TruncatedImportanceSampling<loss::Gmpo, PerSequence>{{}, 0, 2}, mean);
    else if (of == "gmpo_geometric")
      check(TruncatedImportanceSampling<loss::Gmpo, SequenceMeanRatio>{{}, 0.8f, 1.1f}, mean);
    else if (of == "gspo_mask")
      check(IcePop<loss::Gspo, PerSequence>{{}, 0, 3}, mean);
    else if (of == "seq_mask_tis")
      check(loss::MaskedImportanceSampling<PpoClip>{clip, 0.5f, 5}, mean);
    else if (of == "seq_mask_tis_narrow")
      check(loss::MaskedImportanceSampling<PpoClip>{clip, 0.8f, 1.25f}, mean);
    else
      ADD_FAILURE() << of;
  });
}

TEST(Numpy, PolicyLosses) { check_policy_losses(golden("numpy")["policy"]); }
TEST(Numpy, PolicyLossesOfStepsPastEveryLimit) {
  check_policy_losses(golden("numpy")["policy_far"]);
}
TEST(Numpy, PolicyLossesOfADistantSampler) {
  check_policy_losses(golden("numpy")["policy_drifted"]);
}

TEST(Numpy, KlEstimators) {
  const json& part = golden("numpy")["kl"];
  const Answers answers(part);
  for_each_case(part, [&](const json& c) {
    const std::string of = c["of"];
    const auto check = [&](const auto& k) { expect_case(answers.run(k), c); };
    if (of == "k1")
      check(kl::K1{});
    else if (of == "k1_limited")
      check(kl::K1{.limit = 0.3f});
    else if (of == "k2")
      check(kl::K2{});
    else if (of == "k3")
      check(kl::K3{});
    else if (of == "k3_limited")
      check(kl::K3{.log_ratio_limit = 0.5f, .limit = 0.1f});
    else if (of == "absolute")
      check(kl::Absolute{});
    else if (of == "k1_ratio")
      check(kl::InLoss<kl::K1>{.coef = 1});
    else if (of == "k3_ratio")
      check(kl::InLoss<kl::K3>{.coef = 1});
    else if (of == "k3_score_function")
      check(kl::ScoreFunction<kl::K3>{{.log_ratio_limit = 20, .limit = 10}});
    else if (of == "k3_plus")
      check(kl::StraightThrough<kl::K3, kl::K2>{{.log_ratio_limit = 20, .limit = 10}, {}});
    else
      ADD_FAILURE() << of;
  });
}

TEST(Numpy, KlClampsFarFromTheReference) {
  for (const json& row : golden("numpy")["kl"]["far"]) {
    hone::TokenInputs<float> t;
    t.logprob = -70;
    t.ref_logprob = -70 + row["x"].get<float>();
    const auto check = [&](const auto& k, const char* value, const char* slope) {
      const auto found = hone::differentiate(k, t);
      const double expected = row[value];
      EXPECT_NEAR(found.value, expected, 1e-5 * std::max(1.0, std::abs(expected)))
          << value << " at " << row["x"];
      if (slope) {
        const double by = row[slope];
        EXPECT_NEAR(found.slope.logprob, by, 1e-5 * std::max(1.0, std::abs(by)))
            << slope << " at " << row["x"];
      }
    };
    check(kl::K3{.limit = 10}, "k3_openrlhf", "k3_openrlhf_slope");
    check(kl::K3{.log_ratio_limit = 20, .limit = 10}, "k3_verl", "k3_verl_slope");
    check(kl::K1{.limit = 10}, "k1_openrlhf", nullptr);
  }
}

TEST(Numpy, AdaptiveCoefficient) {
  const kl::Adaptive controller{.initial = 0.2, .target = 6, .horizon = 10000};
  auto state = controller.start();
  for (const json& step : golden("numpy")["kl"]["adaptive"]) {
    state = controller.next(state,
                            {.per_sequence = step["per_sequence"], .sequences = step["sequences"]});
    EXPECT_NEAR(state.coef, step["coef"].get<double>(), 1e-8);
  }
}

TEST(Numpy, ValueLosses) {
  const json& part = golden("numpy")["value"];
  const std::vector<float> value = part["value"], old_value = part["old_value"], ret = part["ret"];
  const std::vector<std::uint8_t> mask = part["mask"];
  const std::vector<std::int64_t> offsets{0, static_cast<std::int64_t>(value.size())};
  loss::Counts counts;
  counts.add(offsets, mask);
  std::vector<float> weights(value.size());
  loss::token_weights(loss::TokenMean{}, counts, offsets, mask, weights);
  for_each_case(part, [&](const json& c) {
    Found found{.gradient = std::vector<float>(value.size())};
    const auto run = [&](const auto& f) {
      found.loss = loss::evaluate(f, {.value = value, .old_value = old_value, .ret = ret}, weights,
                                  {.value = found.gradient})
                       .value();
    };
    if (c.contains("value_clip"))
      run(loss::ValueClip{.value_clip = c["value_clip"], .coef = c.value("coef", 1.0f)});
    else
      run(loss::ValueMse{});
    expect_case(found, c);
  });
}

TEST(Numpy, PairLosses) {
  const json& part = golden("numpy")["pairs"];
  json as_answers = part;  // every answer one token: its log-probability is the answer's
  const std::vector<float> x = part["logprob"];
  std::vector<int> offsets(x.size() + 1);
  for (std::size_t i = 0; i < offsets.size(); ++i) offsets[i] = static_cast<int>(i);
  as_answers["offsets"] = offsets;
  as_answers["mask"] = std::vector<int>(x.size(), 1);
  as_answers["old_logprob"] = as_answers["rollout_logprob"] = x;
  as_answers["advantage"] = std::vector<float>(x.size());
  const Answers answers(as_answers);
  for_each_case(part, [&](const json& c) {
    if (c["of"] == "cdpo")
      expect_case(
          answers.run_pairs(loss::Dpo{.beta = c["beta"], .label_smoothing = c["label_smoothing"]}),
          c);
    else
      expect_case(answers.run_pairs(loss::Ipo{.beta = c["beta"], .token_mean = false}), c);
  });
}

TEST(Numpy, RewardModelFromDivergence) {
  const json& part = golden("numpy")["reward_from_divergence"];
  const std::vector<float> scores = part["scores"];
  std::vector<std::vector<hone::Token>> chosen = part["chosen"], rejected = part["rejected"];
  std::vector<std::int64_t> rows(scores.size());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::int64_t>(i);
  std::vector<loss::ScorePair> pairs;
  std::size_t next = 0;
  for (std::size_t p = 0; p < chosen.size(); ++p) {
    const auto take = [&](const std::vector<hone::Token>& tokens) {
      const auto r = std::span<const std::int64_t>(rows).subspan(next, tokens.size());
      next += tokens.size();
      return loss::ScoredSequence{tokens, r};
    };
    const auto c = take(chosen[p]), r = take(rejected[p]);
    loss::FromDivergence{}(c, r, 0.0f, 1.0f / static_cast<float>(chosen.size()), pairs);
  }
  for_each_case(part, [&](const json& c) {
    Found found{.gradient = std::vector<float>(scores.size())};
    found.loss = loss::evaluate_scores(loss::BradleyTerry{}, scores, pairs, found.gradient).value();
    expect_case(found, c);
  });
}

TEST(Numpy, TrajectoryAdvantages) {
  const json& part = golden("numpy")["trajectories"];
  const std::vector<std::int64_t> offsets = part["offsets"];
  const std::vector<std::uint8_t> mask = part["mask"];
  const std::vector<float> rewards = part["rewards"], values = part["values"],
                           greedy = part["greedy"];
  std::vector<float> returns(rewards.size());
  const auto run = [&](const auto& policy) {
    std::vector<float> out(rewards.size());
    advantage::estimate(policy,
                        {.offsets = offsets,
                         .token_rewards = rewards,
                         .values = values,
                         .mask = mask,
                         .greedy_scores = greedy},
                        {.advantages = out, .returns = returns});
    return out;
  };
  const auto check = [&](const std::vector<float>& found, const char* name) {
    expect_close(found, part[name].get<std::vector<double>>(), name);
  };
  using namespace advantage;
  const Gae gae{.gamma = 0.99f, .lambda = 0.9f};
  check(run(gae), "gae_skip");
  check(run(Gae{}), "gae_whole");
  check(run(hone::recipes::compat::GaeThroughGaps{.gamma = 0.99f, .lambda = 0.9f}), "gae_through");
  check(run(Whitened<Gae>{.inner = gae}), "whiten_verl");
  check(run(Whitened<Gae>{.inner = gae, .ddof = 0, .epsilon = 0, .variance_floor = 1e-8f}),
        "whiten_openrlhf");
  check(run(Whitened<Gae>{.inner = gae, .keep_mean = true}), "whiten_keep_mean");
  check(run(ReinforcePlusPlus{.inner = {.gamma = 0.97f}}), "reinforce_plus_plus");
  check(run(ReinforcePlusPlus{
            .inner = {.gamma = 0.97f}, .ddof = 0, .epsilon = 0, .variance_floor = 1e-8f}),
        "reinforce_plus_plus_openrlhf");
  check(run(ReMax{}), "remax");
  check(run(VapoGae{.alpha = 2, .lambda_floor = -100}), "vapo");
  check(returns, "vapo_returns");
}

TEST(Numpy, GroupAdvantages) {
  const json& part = golden("numpy")["groups"];
  const std::vector<float> scores = part["scores"];
  const std::vector<std::int32_t> groups = part["groups"];
  const std::vector<std::int64_t> lengths = part["lengths"];
  std::vector<std::int64_t> offsets{0};
  for (const auto l : lengths) offsets.push_back(offsets.back() + l);
  const auto check = [&](const auto& policy, const char* name) {
    std::vector<float> out(static_cast<std::size_t>(offsets.back())), first;
    advantage::estimate(policy, {.offsets = offsets, .groups = groups, .scores = scores},
                        {.advantages = out});
    for (std::size_t s = 0; s < scores.size(); ++s)
      first.push_back(out[static_cast<std::size_t>(offsets[s])]);
    expect_close(first, part[name].get<std::vector<double>>(), name);
  };
  using namespace advantage;
  check(GroupRelative{.singleton_keeps_reward = true}, "grpo_verl");
  check(LeaveOneOut{.singleton_keeps_reward = true}, "rloo_verl");
  check(Opo{}, "opo");
  check(Opo{.singleton_keeps_reward = true}, "opo_verl");
  check(GroupRelative{.epsilon = 1e-9f}, "group_norm_openrlhf");
  check(GroupRelative{.scale_by_std = false}, "dr_grpo");
  check(GroupRelative{.leave_one_out = true}, "nemo");
}

}  // namespace
