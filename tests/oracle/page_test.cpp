// The tables of docs/oracle.md, every number computed anew by enumeration.
//
//   HONE_RENEW_DOCS=1 oracle_test --gtest_filter='OraclePage.*'      writes them into the page
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "../support/goldens.hpp"
#include "hone/advantage/gdpo.hpp"
#include "hone/advantage/max_rl.hpp"
#include "hone/advantage/opo.hpp"
#include "hone/advantage/remax.hpp"
#include "hone/advantage/vapo_gae.hpp"
#include "hone/kl/absolute.hpp"
#include "hone/kl/full_vocabulary.hpp"
#include "hone/loss/dppo.hpp"
#include "hone/loss/entropy_bonus.hpp"
#include "hone/loss/gmpo.hpp"
#include "hone/loss/ppo_penalty.hpp"
#include "hone/loss/sapo.hpp"
#include "hone/loss/value_mse.hpp"
#include "hone/recipes/compat/deepspeed_chat.hpp"
#include "hone/recipes/compat/openrlhf.hpp"
#include "hone/recipes/compat/trl.hpp"
#include "hone/recipes/compat/verl.hpp"
#include "world.hpp"

namespace {

using namespace hone_test;
using namespace hone::advantage;
using hone::oracle::AnswerSum;
using hone::oracle::Composition;
using hone::oracle::Gradient;
using hone::oracle::moments;
using hone::oracle::Moments;
using hone::oracle::Setting;
namespace compat = hone::recipes::compat;
namespace kl = hone::kl;
namespace loss = hone::loss;
namespace small_world = hone::oracle::small_world;

using Cells = std::vector<std::string>;
struct Table {
  Cells head;
  std::vector<Cells> rows;
};

// Three digits; what rounding of advantages to single precision leaves of a zero is 0.
std::string number(double x) {
  if (std::abs(x) < 1e-6) return "0";
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", x);
  return text;
}

Cells operator+(Cells a, const Cells& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// How far the mean lies from the target, and the variance, in units of the target.
Cells bias_and_variance(const Moments& m, const Gradient& target) {
  const double unit = target.norm();
  return {number((m.mean - target).norm() / unit), number(m.variance / (unit * unit))};
}

// What multiple of the target the mean is, and how much of it is elsewhere.
Cells direction(const Moments& m, const Gradient& target) {
  if (m.mean.norm() < 1e-6 * target.norm()) return {"0", ""};
  const auto found = along(m.mean, target);
  return {number(found.factor), number(found.rest)};
}

template <class Advantage, class Loss = loss::PolicyGradient, class Aggregation = AnswerSum>
Moments judge(const Setting& s, Advantage advantage, Loss f = {}, Aggregation aggregation = {}) {
  return moments(Composition<Advantage, kl::None, Loss, Aggregation>{advantage, {}, f, aggregation},
                 s);
}

// So far has a policy moved that the usual limits bind.
constexpr double far = 1.2;

const Cells measures{"x grad J", "elsewhere", "bias", "variance"};

// ------------------------------------------------------------------------------------------------

Table advantages() {
  Setting s = setting(3);
  s.parts = {verdict, [](std::span<const hone::Token> a) { return graded(a) - verdict(a); }};
  Table t{Cells{"estimator", "A", "used by", "its mean gradient"} + measures, {}};
  const auto row = [&](Cells words, auto advantage) {
    const Moments m = judge(s, advantage);
    const Cells numbers = bias_and_variance(m, descent(s));
    EXPECT_EQ(numbers[0] == "0", words[3] == "grad J") << words[0];
    t.rows.push_back(std::move(words) + direction(m, descent(s)) + numbers);
  };
  const std::string yes = "grad J", deviation = "not grad J: the deviation holds the answer",
                    batch = "not grad J: the batch's moments hold the answer";
  row({"`MonteCarlo{}`", "G_t, the return", "REINFORCE", yes}, MonteCarlo{});
  row({"`LeaveOneOut{}`", "r - mean of the others",
       "RLOO; TRL, verl `rloo` and `rloo_vectorized`, OpenRLHF, AReaL `mean_leave1out`", yes},
      LeaveOneOut{});
  row({"`ReMax{}`", "r - r of the greedy answer", "verl", yes}, ReMax{});
  row({"`GroupRelative{.scale_by_std = false}`", "r - mean",
       "Dr. GRPO; prime-rl, OpenRLHF `dr_grpo`, TRL `scale_rewards` none",
       "(G-1)/G grad J: the answer is in its own mean"},
      GroupRelative{.scale_by_std = false});
  row({"`GroupRelative{.scale_by_std = false, .leave_one_out = true}`", "r - mean of the others",
       "NeMo RL without normalisation", yes},
      GroupRelative{.scale_by_std = false, .leave_one_out = true});
  row({"`GroupRelative{}`", "(r - mean) / (std + 1e-6)", "GRPO; verl, slime", deviation},
      GroupRelative{});
  row({"`GroupRelative{.epsilon = 1e-4f}`", "", "TRL `scale_rewards` group", deviation},
      compat::trl::group_advantage);
  row({"`GroupRelative{.epsilon = 1e-5f}`", "", "AReaL, by group", deviation},
      GroupRelative{.epsilon = 1e-5f});
  row({"`GroupRelative{.epsilon = 1e-9f}`", "", "OpenRLHF `group_norm`", deviation},
      GroupRelative{.epsilon = 1e-9f});
  row({"`GroupRelative{.epsilon = 0}`", "(r - mean) / max(std, 1e-6)", "torchrl `MCAdvantage`",
       deviation},
      GroupRelative{.epsilon = 0});
  row({"`GroupRelative{.scale = Scale::batch}`", "(r - mean) / (std of the batch + 1e-6)",
       "TRL `scale_rewards` batch", "with one prompt, as above"},
      GroupRelative{.scale = Scale::batch});
  row({"`GroupRelative{.leave_one_out = true}`", "(r - mean) / (std + 1e-6), both of the others",
       "NeMo RL",
       "grad J times the mean of 1 / std, 1 where that is 0: the others do not hold the answer"},
      GroupRelative{.leave_one_out = true});
  row({"`Gdpo{}`", "standard score of the sum of standard scores of each part of r",
       "verl, NeMo RL, TRL `normalize_then_sum`", deviation},
      Gdpo{});
  row({"`Opo{}`", "r - sum l r / sum l", "verl", "not grad J: the answer is in its own baseline"},
      Opo{});
  row({"`Opo{.leave_one_out = true}`", "the same over the others", "", yes},
      Opo{.leave_one_out = true});
  row({"`ReinforcePlusPlus{}`", "(G_t - mean) / sqrt(var + 1e-8), ddof 1",
       "verl, slime, AReaL by batch", batch},
      compat::verl::reinforce_plus_plus);
  row({"`openrlhf::normalised(MonteCarlo{})`", "the same, ddof 0, var at least 1e-8",
       "OpenRLHF, NeMo RL", batch},
      compat::openrlhf::normalised(MonteCarlo{}));
  row({"`reinforce_plus_plus_baseline`", "r - mean of the group, whitened, ddof 1",
       "REINFORCE++ with baseline", batch},
      reinforce_plus_plus_baseline);
  row({"`openrlhf::normalised(GroupRelative{.scale_by_std = false})`", "the same, ddof 0",
       "OpenRLHF `reinforce_baseline`", batch},
      compat::openrlhf::normalised(GroupRelative{.scale_by_std = false}));
  row({"`trl::normalised_rloo`", "leave-one-out, (A - mean) / (std + 1e-4) over answers",
       "TRL RLOO `normalize_advantages`", batch},
      compat::trl::normalised_rloo);
  return t;
}

// Verdicts: a prompt that is solved with probability p, twelve answers to it.
Table verdicts() {
  Table t{{"estimator", "p = 0.02", "p = 0.5", "p = 0.98"}, {}};
  const auto row = [&](const std::string& name, auto advantage) {
    Cells cells{name};
    for (const double p : {0.02, 0.5, 0.98}) {
      const oracle::Space coin(2, 1);
      const oracle::Policy pi(coin, {0, std::log(p / (1 - p))});
      const Setting prompt = Setting::on_policy(coin, pi, pi, verdict, 12);
      const auto found = along(judge(prompt, advantage).mean, descent(prompt));
      EXPECT_LT(found.rest, 1e-5) << name;
      cells.push_back(number(found.factor));
    }
    t.rows.push_back(cells);
  };
  row("`LeaveOneOut{}`", LeaveOneOut{});
  row("`GroupRelative{.scale_by_std = false}`", GroupRelative{.scale_by_std = false});
  row("`GroupRelative{}`", GroupRelative{});
  row("`GroupRelative{.leave_one_out = true}`", GroupRelative{.leave_one_out = true});
  row("`MaxRl{}`", MaxRl{});
  t.rows.push_back({"1 / p", number(1 / 0.02), number(1 / 0.5), number(1 / 0.98)});
  return t;
}

// The share of the mean gradient that points elsewhere, by the answers of a step.
Table more_answers() {
  Table t{{"estimator", "2 answers", "3 answers", "4 answers"}, {}};
  const auto row = [&](const std::string& name, auto advantage, auto aggregation) {
    Cells cells{name};
    for (const int g : {2, 3, 4}) {
      const Setting s = setting(g);
      const Moments m = judge(s, advantage, loss::PolicyGradient{}, aggregation);
      cells.push_back(direction(m, descent(s))[1]);
    }
    t.rows.push_back(cells);
  };
  row("`GroupRelative{}`", GroupRelative{}, AnswerSum{});
  row("`Opo{}`", Opo{}, AnswerSum{});
  row("`ReinforcePlusPlus{}`", ReinforcePlusPlus{}, AnswerSum{});
  row("`MonteCarlo{}` with `TokenMean`", MonteCarlo{}, loss::TokenMean{});
  row("`LeaveOneOut{}` with `SequenceMean`", LeaveOneOut{}, loss::SequenceMean{});
  return t;
}

Table critics() {
  Setting wrong = setting(3), exact = wrong;
  hone::RandomStream random({.seed = 5});
  const auto number_at_random = [&] { return static_cast<float>(4 * random.uniform() - 2); };
  for (int r = 0; r < wrong.space.rows(); ++r) wrong.values.push_back(number_at_random());
  std::map<std::vector<hone::Token>, float> after;
  for (const oracle::Answer& a : wrong.space.answers()) after[a.tokens] = number_at_random();
  wrong.value_after = [&](std::span<const hone::Token> a) {
    return after.at({a.begin(), a.end()});
  };
  for (const double v : oracle::values(exact.space, exact.actor, graded))
    exact.values.push_back(static_cast<float>(v));
  exact.value_after = graded;
  Table t{{"estimator", "used by", "its mean gradient", "bias, wrong critic", "variance",
           "bias, exact critic", "variance"},
          {}};
  const auto row = [&](Cells words, auto advantage) {
    const Cells wrongly = bias_and_variance(judge(wrong, advantage), descent(wrong)),
                exactly = bias_and_variance(judge(exact, advantage), descent(exact));
    EXPECT_EQ(wrongly[0] == "0", words[2].starts_with("grad J,")) << words[0];
    EXPECT_EQ(exactly[0] == "0", words[2].starts_with("grad J")) << words[0];
    t.rows.push_back(std::move(words) + wrongly + exactly);
  };
  const std::string right = "grad J only if the critic is exact",
                    white = "not grad J: the batch's moments hold the answer";
  row({"`Gae{.lambda = 1}`", "AReaL; slime, which knows no gaps", "grad J, any critic"},
      Gae{.lambda = 1});
  row({"`Gae{.lambda = 0.95f}`", "PPO", right}, Gae{.lambda = 0.95f});
  row({"`Gae{.lambda = 0.5f}`", "", right}, Gae{.lambda = 0.5f});
  row({"`Gae{.lambda = 0}`", "", right}, Gae{.lambda = 0});
  row({"`ScoreAfterEnd{}`, lambda 0.95", "DeepSpeed-Chat where pad is not the end token",
       right + ", after the end too"},
      compat::deepspeed_chat::ppo().advantage);
  row({"`Whitened<Gae>`, lambda 0.95, ddof 1", "hone's PPO", white},
      Whitened<Gae>{.inner = {.lambda = 0.95f}});
  row({"the same, ddof 0", "", white}, Whitened<Gae>{.inner = {.lambda = 0.95f}, .ddof = 0});
  row({"`Whitened<ScoreAfterEnd>`, lambda 0.95, ddof 1", "TRL PPO", white},
      compat::trl::ppo().advantage);
  row({"`Whitened<Gae>`, lambda 1, ddof 1", "verl", white}, compat::verl::ppo().advantage);
  row({"`openrlhf::normalised(GaeThroughGaps{})`", "OpenRLHF, here without gaps", white},
      compat::openrlhf::ppo().advantage);
  row({"`DecoupledGae{}`, policy's lambda 0.95", "VC-PPO; NeMo RL", right}, DecoupledGae{});
  row({"`DecoupledGae{.lambda_policy = 1, .lambda_critic = 0}`", "",
       "grad J, any critic: its lambda is not the policy's"},
      DecoupledGae{.lambda_policy = 1, .lambda_critic = 0});
  row({"`VapoGae{.alpha = 1}`", "VAPO; NeMo RL",
       "not grad J, any critic: lambda knows how long the answer will be"},
      VapoGae{.alpha = 1});
  row({"`UntrainedEnd<Gae>`, lambda 0.95", "DeepSpeed-Chat where pad is the end token",
       "not grad J: ending is never learnt"},
      compat::deepspeed_chat::ppo_pad_is_eos().advantage);
  return t;
}

Table aggregations() {
  const Setting s = setting(3);
  Table t{Cells{"aggregation", "weight of a token", "used by", "the mean gradient"} + measures, {}};
  const auto row = [&](Cells words, auto aggregation) {
    const Moments m = judge(s, LeaveOneOut{}, loss::PolicyGradient{}, aggregation);
    t.rows.push_back(std::move(words) + direction(m, descent(s)) +
                     bias_and_variance(m, descent(s)));
  };
  row({"`AnswerSum{}`", "1 / answers", "verl `seq-mean-token-sum`, TRL `luspo`", "grad J"},
      AnswerSum{});
  row({"`FixedLength{3}`", "1 / (answers L)",
       "Dr. GRPO; TRL `dr_grpo`, verl `seq-mean-token-sum-norm`", "grad J / L"},
      loss::FixedLength{.max_length = 3});
  row({"`SequenceMean{}`", "1 / (answers length)",
       "GRPO; TRL `grpo`, verl `seq-mean-token-mean`; TRL `bnpo` and DeepSpeed-Chat where a "
       "micro-batch is one answer",
       "not grad J: short good and long bad answers are favoured"},
      loss::SequenceMean{});
  row({"`TokenMean{}`", "1 / tokens",
       "DAPO; TRL `dapo`, verl, OpenRLHF, NeMo RL, prime-rl; TRL `bnpo` and DeepSpeed-Chat "
       "where a micro-batch is the batch",
       "not grad J: the divisor depends on the sample"},
      loss::TokenMean{});
  return t;
}

Table losses() {
  const Setting fresh = setting(3), older = small_world::older(3, space, far);
  Table t{Cells{"loss", "used by", "bias, fresh samples"} + measures, {}};
  const auto row = [&](Cells words, auto f) {
    const Moments m = judge(older, LeaveOneOut{}, f);
    t.rows.push_back(std::move(words) +
                     Cells{bias_and_variance(judge(fresh, LeaveOneOut{}, f), descent(fresh))[0]} +
                     direction(m, descent(older)) + bias_and_variance(m, descent(older)));
  };
  const loss::PpoClip unclipped{.clip_low = 1, .clip_high = 1e9f};
  row({"`PolicyGradient{}`", "no ratio"}, loss::PolicyGradient{});
  row({"`PpoClip`, range open", "ratios of tokens"}, unclipped);
  row({"`PpoClip{}`",
       "PPO; DeepSpeed-Chat, TRL, NeMo RL, slime, AReaL, prime-rl; OpenRLHF, which limits "
       "the log-ratio to +-20"},
      compat::openrlhf::policy_loss);
  row({"`PpoClip{.dual_clip = 3, .log_ratio_limit = 20}`",
       "verl; as an option OpenRLHF, NeMo RL, slime, AReaL"},
      compat::verl::policy_loss);
  row({"`PpoClip{.clip_high = 0.28f}`", "DAPO"}, loss::PpoClip{.clip_high = 0.28f});
  row({"`PpoClip{.ratio_cap = 2}`", "INTELLECT-2; TRL `delta`, Liger"},
      loss::PpoClip{.ratio_cap = 2});
  row({"`PpoPenalty<>{}`", "PPO's other form; its second term is KL(old, pi)"},
      loss::PpoPenalty<>{});
  row({"`Cispo{}`, weight at most 5", "CISPO; what TRL and Liger mean"}, loss::Cispo{});
  row({"`Cispo{.ratio_high = 0.2f}`", "TRL and Liger by default"}, compat::trl::cispo_loss);
  row({"`Cispo{.ratio_low = 0.8f, .ratio_high = 1.2f}`", "verl, slime, NeMo RL"},
      compat::verl::cispo_loss);
  row({"`Sapo{}`", "SAPO; verl, TRL, AReaL, Liger"}, loss::Sapo{});
  row({"`Dppo{}`", "DPPO"}, loss::Dppo{});
  row({"`DppoTv{}`, weight at most 20", "verl `dppo_tv`"}, compat::verl::dppo_loss);
  row({"`Dppo{.kl_coef = 0.1f}`", "prime-rl, with (log r)^2"}, loss::Dppo{.kl_coef = 0.1f});
  row({"`Gspo`, range open, not normalised", "the ratio of the answer"},
      loss::Gspo{.clip = unclipped, .length_normalised = false});
  row({"`Gspo{.length_normalised = false}`", "TRL RLOO"}, loss::Gspo{.length_normalised = false});
  row({"`Gspo{}`, clip 0.2",
       "OpenRLHF, NeMo RL, AReaL, TRL `sequence`; verl, which limits log s to 10"},
      compat::verl::gspo_loss);
  row({"`Gspo{}`, clip 3e-4 and 4e-4", "GSPO's paper"},
      loss::Gspo{.clip = {.clip_low = 3e-4f, .clip_high = 4e-4f}});
  row({"`Gmpo{}`", "GMPO; verl"}, compat::verl::gmpo_loss);
  return t;
}

Table samplers() {
  const Setting s = small_world::other_sampler(3, space, far);
  Table t{Cells{"correction", "used by"} + measures, {}};
  const auto row = [&](Cells words, auto f) {
    const Moments m = judge(s, LeaveOneOut{}, f);
    t.rows.push_back(std::move(words) + direction(m, descent(s)) +
                     bias_and_variance(m, descent(s)));
  };
  using Loss = loss::PolicyGradient;
  using Tokens = loss::TruncatedImportanceSampling<Loss>;
  using Answers = loss::TruncatedImportanceSampling<Loss, loss::PerSequence>;
  row({"none", ""}, Loss{});
  row({"`TruncatedImportanceSampling`, per token, no cap", ""}, Tokens{.high = 1e9f});
  row({"the same, at most 2", "verl, slime"}, compat::verl::sampler_correction(Loss{}));
  row({"the same, in [0.5, 5]", "OpenRLHF"}, compat::openrlhf::sampler_correction(Loss{}));
  row({"`IcePop`, per token, [0.5, 5]", "IcePop; NeMo RL"}, loss::IcePop<Loss>{});
  row({"`MaskedImportanceSampling`, weights of tokens in answers with a mean in [0.5, 5]",
       "OpenRLHF `seq-mask-tis`"},
      compat::openrlhf::masked_sampler_correction(Loss{}));
  row({"`TruncatedImportanceSampling`, `PerSequence`, no cap", ""}, Answers{.high = 1e9f});
  for (const float cap : {3.0f, 1.4f, 0.8f})
    row({"the same, at most " + number(static_cast<double>(cap)),
         cap == 3 ? "TRL `sequence_truncate`" : ""},
        Answers{.high = cap});
  row({"`IcePop`, `PerSequence`, at most 3", "TRL `sequence_mask`"},
      compat::trl::sampler_correction(Loss{}));
  row({"`IcePop`, `PerSequence`, [0.8, 1.2]", ""},
      loss::IcePop<Loss, loss::PerSequence>{.low = 0.8f, .high = 1.2f});
  return t;
}

float nothing(std::span<const hone::Token>) { return 0; }

Table kl_in_loss() {
  Setting fresh = setting(), older = off_policy();
  fresh.reward = older.reward = nothing;
  Table t{{"estimator in the loss", "used by", "its mean gradient", "bias, fresh samples",
           "variance", "bias, older samples", "variance"},
          {}};
  const auto row = [&](Cells words, auto estimator, bool ratio) {
    for (const Setting* s : {&fresh, &older}) {
      const Gradient target =
          oracle::tokenwise_kl_gradient(s->space, s->actor, s->reference, s->rollout);
      const kl::InLoss<decltype(estimator)> in_loss{estimator, 1.0f, ratio};
      const Composition<MonteCarlo, kl::InLoss<decltype(estimator)>> c{{}, in_loss, {}, {}};
      words = std::move(words) + bias_and_variance(moments(c, *s), target);
    }
    EXPECT_EQ(words[3] == "0", words[2].starts_with("token-wise grad KL(pi, ref)")) << words[0];
    EXPECT_EQ(words[5] == "0", words[2].ends_with("any samples")) << words[0];
    t.rows.push_back(words);
  };
  const std::string right = "token-wise grad KL(pi, ref)", other = "token-wise grad KL(ref, pi)",
                    with_ratio = right + ", any samples",
                    fresh_only = right + ", fresh samples alone";
  row({"`K1`, no ratio", "", "0: nothing but noise"}, kl::K1{}, false);
  row({"`K2`, no ratio", "REINFORCE++ with baseline; verl `mse`", fresh_only}, kl::K2{}, false);
  row({"`K3`, no ratio", "GRPO's paper", other}, kl::K3{}, false);
  row({"`K3{.log_ratio_limit = 20, .limit = 10}`, no ratio", "verl and slime `low_var_kl`", other},
      compat::verl::low_var_kl, false);
  row({"`K3{.limit = 10}`, no ratio", "OpenRLHF, AReaL", other}, compat::openrlhf::k3, false);
  row({"`K3{.limit = 0.1f}`, no ratio", "a limit that binds",
       "none: where it binds nothing pulls back"},
      kl::K3{.limit = 0.1f}, false);
  row({"`StraightThrough<K3, K2>`, no ratio", "verl `low_var_kl+`", fresh_only},
      compat::verl::low_var_kl_plus, false);
  row({"`ScoreFunction<K3>`, no ratio", "NeMo RL", fresh_only},
      kl::ScoreFunction<kl::K3>{{.log_ratio_limit = 20, .limit = 10}}, false);
  row({"`Absolute`, no ratio", "verl `abs`", "no divergence's"}, kl::Absolute{}, false);
  row({"`K1` with the ratio", "", with_ratio}, kl::K1{}, true);
  row({"`K2` with the ratio", "", "no divergence's"}, kl::K2{}, true);
  row({"`K3` with the ratio, hone's default", "TRL, Liger", with_ratio}, kl::K3{}, true);
  row({"`FullVocabulary`", "", with_ratio}, kl::FullVocabulary{}, true);
  return t;
}

Table kl_in_reward() {
  Setting several = setting(), one = setting(1, one_step);
  several.reward = one.reward = nothing;
  Table t{{"estimator in the reward", "used by", "its mean gradient", "bias, three steps",
           "variance", "bias, one step", "variance"},
          {}};
  const auto row = [&](Cells words, auto estimator) {
    for (const Setting* s : {&several, &one}) {
      const Composition<MonteCarlo, kl::InReward<decltype(estimator)>> c{
          {}, {estimator, 1.0f}, {}, {}};
      words =
          std::move(words) +
          bias_and_variance(moments(c, *s), oracle::kl_gradient(s->space, s->actor, s->reference));
    }
    t.rows.push_back(words);
  };
  row({"`K1`", "DeepSpeed-Chat, TRL PPO and RLOO, AReaL, trlx, verl",
       "grad KL(pi, ref) of whole answers"},
      kl::K1{});
  row({"`K1{.limit = 10}`", "OpenRLHF", "the same while the limit does not bind"},
      compat::openrlhf::kl_in_reward.estimator);
  row({"`K2`", "verl `mse`", "no divergence's"}, kl::K2{});
  row({"`K3`", "TRL PPO and verl, as an option", "one step: grad KL(pi, ref) - grad KL(ref, pi)"},
      kl::K3{});
  row({"`Absolute`", "verl `abs`", "no divergence's"}, kl::Absolute{});
  return t;
}

// The penalty and the bonus that do not know that a token leads to other contexts.
Table contexts() {
  Table t{
      {"what the loss sees, against that of whole answers", "bias, one step", "bias, three steps"},
      {}};
  const Setting one = setting(1, one_step), several = setting();
  Cells divergence{"token-wise grad KL(pi, ref)"}, entropy{
                                                       "`EntropyBonus`: verl, OpenRLHF, "
                                                       "prime-rl, TRL"};
  for (const Setting* s : {&one, &several}) {
    const Gradient whole = oracle::kl_gradient(s->space, s->actor, s->reference);
    divergence.push_back(number(
        (oracle::tokenwise_kl_gradient(s->space, s->actor, s->reference, s->actor) - whole).norm() /
        whole.norm()));
    const Gradient of_answers =
        oracle::expectation_gradient(s->space, s->actor, [&](const oracle::Answer& a) {
          return s->actor.logprob(a);  // - H = E log pi
        });
    Setting free = *s;
    free.reward = nothing;
    const Moments bonus = judge(free, MonteCarlo{}, loss::EntropyBonus{.coef = 1});
    entropy.push_back(bias_and_variance(bonus, of_answers)[0]);
  }
  t.rows = {divergence, entropy};
  return t;
}

// The critic's own gradient: of 1/2 sum_contexts visits (V - V_pi)^2 by V.
template <class F>
Moments value_moments(const F& f, const Setting& s, const std::vector<float>& old) {
  Moments m{.mean = Gradient::Zero(s.space.rows(), 1)};
  for (const oracle::Answer& a : s.space.answers()) {
    Gradient g = Gradient::Zero(s.space.rows(), 1);
    for (const int row : a.rows) {
      const auto r = static_cast<std::size_t>(row);
      hone::ValueInputs<double> in;
      in.value = s.values[r];
      in.old_value = old[r];
      in.ret = s.reward(a.tokens);
      g(row, 0) += hone::differentiate(f, in).slope.value;
    }
    const double p = s.actor.prob(a);
    m.mean += p * g;
    m.variance += p * g.squaredNorm();
  }
  m.variance -= m.mean.squaredNorm();
  return m;
}

Table value_losses() {
  Setting s = setting();
  hone::RandomStream random({.seed = 5});
  std::vector<float> old;
  Gradient target(s.space.rows(), 1);
  const auto worth = oracle::values(s.space, s.actor, graded);
  const auto reach = oracle::visits(s.space, s.actor);
  for (int row = 0; row < s.space.rows(); ++row) {
    const auto r = static_cast<std::size_t>(row);
    s.values.push_back(static_cast<float>(4 * random.uniform() - 2));
    old.push_back(s.values[r] + static_cast<float>(2 * random.uniform() - 1));
    target(row, 0) = reach[r] * (s.values[r] - worth[r]);
  }
  Table t{{"loss of the critic", "used by", "bias, first pass", "variance",
           "bias, values that have moved", "variance"},
          {}};
  const auto row = [&](Cells words, auto f) {
    t.rows.push_back(std::move(words) + bias_and_variance(value_moments(f, s, s.values), target) +
                     bias_and_variance(value_moments(f, s, old), target));
  };
  row({"`ValueMse{}`", "NeMo RL, OpenRLHF with `None`"}, loss::ValueMse{});
  row({"`ValueClip{.value_clip = 0.2f}`", "DeepSpeed-Chat, TRL, trlx, slime"}, loss::ValueClip{});
  row({"`ValueClip{.value_clip = 0.5f}`", "verl, OpenRLHF, AReaL"},
      loss::ValueClip{.value_clip = 0.5f});
  return t;
}

// ------------------------------------------------------------------------------------------------

std::string markdown(const Table& t) {
  std::string out = "\n";
  const auto line = [&](const Cells& cells) {
    EXPECT_EQ(cells.size(), t.head.size()) << cells[0];
    for (const std::string& c : cells) out += (c.empty() ? "| " : "| " + c + " ");
    out += "|\n";
  };
  line(t.head);
  line(Cells(t.head.size(), "---"));
  for (const Cells& row : t.rows) line(row);
  return out + "\n";
}

TEST(OraclePage, ItsTablesAreWhatEnumerationFinds) {
  const std::filesystem::path path = hone_test::tests_folder().parent_path() / "docs/oracle.md";
  const std::map<std::string, Table (*)()> tables{
      {"advantages", advantages},     {"verdicts", verdicts},
      {"more answers", more_answers}, {"critics", critics},
      {"aggregations", aggregations}, {"losses", losses},
      {"samplers", samplers},         {"kl in the loss", kl_in_loss},
      {"contexts", contexts},         {"kl in the reward", kl_in_reward},
      {"value losses", value_losses}};
  const std::string end = "<!-- end -->", page = hone_test::read_text(path);
  std::string renewed = page;
  for (const auto& [name, table] : tables) {
    const std::string begin = "<!-- table: " + name + " -->\n";
    const auto from = renewed.find(begin);
    ASSERT_NE(from, std::string::npos) << path << " lacks the line " << begin;
    const auto first = from + begin.size(), last = renewed.find(end, first);
    ASSERT_NE(last, std::string::npos) << path << ": " << begin << " has no " << end;
    const std::string found = markdown(table());
    EXPECT_TRUE(std::getenv("HONE_RENEW_DOCS") || renewed.substr(first, last - first) == found)
        << path << ", table \"" << name << "\" is\n"
        << renewed.substr(first, last - first) << "expected\n"
        << found << "HONE_RENEW_DOCS=1 writes it";
    renewed.replace(first, last - first, found);
  }
  if (std::getenv("HONE_RENEW_DOCS")) std::ofstream(path) << renewed;
}

}  // namespace
