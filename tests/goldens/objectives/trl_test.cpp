// Every objective that TRL has, on the same numbers: loss and gradient by every log-probability.
#include <gtest/gtest.h>

#include "golden.hpp"
#include "hone/advantage/estimate.hpp"
#include "hone/advantage/gdpo.hpp"
#include "hone/advantage/group_relative.hpp"
#include "hone/advantage/leave_one_out.hpp"
#include "hone/advantage/whitened.hpp"
#include "hone/kl/in_loss.hpp"
#include "hone/loss/bradley_terry.hpp"
#include "hone/loss/cispo.hpp"
#include "hone/loss/dpo.hpp"
#include "hone/loss/entropy_bonus.hpp"
#include "hone/loss/gmpo.hpp"
#include "hone/loss/gspo.hpp"
#include "hone/loss/hinge_dpo.hpp"
#include "hone/loss/importance_sampling.hpp"
#include "hone/loss/ipo.hpp"
#include "hone/loss/kto.hpp"
#include "hone/loss/orpo.hpp"
#include "hone/loss/positions.hpp"
#include "hone/loss/ppo_clip.hpp"
#include "hone/loss/robust_dpo.hpp"
#include "hone/loss/sapo.hpp"
#include "hone/loss/simpo.hpp"
#include "hone/loss/sum.hpp"

namespace {

using namespace hone_test;
namespace loss = hone::loss;
namespace kl = hone::kl;
namespace advantage = hone::advantage;

TEST(Trl, Dpo) {
  const json& part = golden("trl")["dpo"];
  const Answers answers(part);
  for_each_case(part, [&](const json& c) {
    const std::string type = c["loss_type"];
    const float beta = c["beta"], smoothing = c["label_smoothing"];
    if (type == "sigmoid")
      expect_case(answers.run_pairs(loss::Dpo{.beta = beta}), c);
    else if (type == "hinge")
      expect_case(answers.run_pairs(loss::HingeDpo{.beta = beta}), c);
    else if (type == "ipo")
      expect_case(answers.run_pairs(loss::Ipo{.beta = beta, .token_mean = true}), c);
    else if (type == "robust")
      expect_case(answers.run_pairs(loss::RobustDpo{.beta = beta, .label_smoothing = smoothing}),
                  c);
    else
      ADD_FAILURE() << type;
  });
}

TEST(Trl, SimPo) {
  const json& part = golden("trl")["cpo"];
  const Answers answers(part);
  for_each_case(part, [&](const json& c) {
    expect_case(
        answers.run_pairs(loss::SimPo{
            .beta = c["beta"], .gamma = c["gamma"], .label_smoothing = c["label_smoothing"]}),
        c);
  });
}

TEST(Trl, Orpo) {
  const json& part = golden("trl")["orpo"];
  const Answers answers(part);
  for_each_case(part, [&](const json& c) {
    expect_case(answers.run_pairs(loss::Orpo{.lambda = c["lambda"]}), c);
  });
}

TEST(Trl, Kto) {
  const json& part = golden("trl")["kto"];
  const Answers answers(part);
  for_each_case(part, [&](const json& c) {
    const std::vector<double> mismatched = c["mismatched_log_ratios"];
    double sum = 0;
    for (const double x : mismatched) sum += x;
    const double baseline = loss::kto_baseline(sum, static_cast<double>(mismatched.size()));
    EXPECT_NEAR(baseline, c["baseline"].get<double>(), 1e-6);
    loss::SequenceBatch batch = answers.batch();
    batch.baseline = baseline;
    std::vector<float> weights(answers.advantage.size());
    loss::sequence_weights(loss::SequenceMean{}, answers.counts(), answers.offsets, answers.mask,
                           weights);
    Found found{.gradient = std::vector<float>(answers.logprob.size())};
    hone::TokenInputs<loss::Derivative> slopes;
    slopes.logprob = found.gradient;
    found.loss = loss::evaluate_sequences(loss::Kto{.beta = c["beta"],
                                                    .desirable_weight = c["desirable_weight"],
                                                    .undesirable_weight = c["undesirable_weight"]},
                                          batch, weights, slopes)
                     .value();
    expect_case(found, c);
  });
}

TEST(Trl, RewardModel) {
  const json& part = golden("trl")["reward"];
  const std::vector<float> scores = part["scores"];
  const int n = part["pairs"];
  for_each_case(part, [&](const json& c) {
    std::vector<loss::ScorePair> pairs;
    for (int p = 0; p < n; ++p)
      pairs.push_back(
          {p, p + n, c["margin"][static_cast<std::size_t>(p)], 1.0f / static_cast<float>(n)});
    Found found{.gradient = std::vector<float>(scores.size())};
    found.loss = loss::evaluate_scores(loss::BradleyTerry{.centring = c["centring"]}, scores, pairs,
                                       found.gradient)
                     .value();
    expect_case(found, c);
  });
}

// f with what a case of GRPO adds to it.
template <class F, class Check>
void with_terms(const F& f, const json& c, const Check& check) {
  const float beta = c.value("beta", 0.0f), entropy = c.value("entropy_coef", 0.0f);
  if (beta != 0)
    check(loss::Sum<F, kl::InLoss<>>{
        f, {.coef = beta, .unbiased = c.value("use_bias_correction_kl", true)}});
  else if (entropy != 0)
    check(loss::Sum<F, loss::EntropyBonus>{f, {.coef = entropy}});
  else
    check(f);
}

void check_grpo(const json& part) {
  const Answers answers(part);
  for_each_case(part, [&](const json& c) {
    const std::string type = c["loss_type"];
    const loss::PpoClip clip{.clip_low = c.value("epsilon_low", 0.2f),
                             .clip_high = c.value("epsilon_high", 0.2f),
                             .ratio_cap = c.value("delta", hone::unlimited)};
    const auto check = [&](const auto& f) {
      if (type == "grpo" || type == "sapo")
        expect_case(answers.run(f, loss::SequenceMean{}), c);
      else if (type == "dr_grpo")
        expect_case(answers.run(f, loss::FixedLength{.max_length = part["max_completion_length"]}),
                    c);
      else if (type == "luspo")
        expect_case(answers.run(f, loss::FixedLength{.max_length = 1}), c);
      else
        expect_case(answers.run(f, loss::TokenMean{}), c);
    };
    if (c.contains("mode")) {
      const std::string mode = c["mode"];
      const float low = c["low"], high = c["high"];
      const bool whole = c.value("importance_sampling_level", "token") == std::string("sequence");
      using loss::IcePop, loss::TruncatedImportanceSampling;
      using loss::PerSequence, loss::PpoClip, loss::Gspo;
      if (whole && mode == "sequence_truncate")
        check(TruncatedImportanceSampling<Gspo, PerSequence>{{.clip = clip}, low, high});
      else if (whole && mode == "sequence_mask")
        check(IcePop<Gspo, PerSequence>{{.clip = clip}, low, high});
      else if (mode == "token_truncate")
        check(TruncatedImportanceSampling<PpoClip>{clip, low, high});
      else if (mode == "token_mask")
        check(IcePop<PpoClip>{clip, low, high});
      else if (mode == "sequence_truncate")
        check(TruncatedImportanceSampling<PpoClip, PerSequence>{clip, low, high});
      else if (mode == "sequence_mask")
        check(IcePop<PpoClip, PerSequence>{clip, low, high});
      else
        ADD_FAILURE() << mode;
    } else if (c.value("importance_sampling_level", "token") == std::string("sequence")) {
      expect_case(answers.run(loss::Gspo{.clip = clip}), c);
    } else if (type == "cispo") {
      with_terms(loss::Cispo{.ratio_high = c["epsilon_high"]}, c, check);
    } else if (type == "sapo") {
      with_terms(loss::Sapo{.tau_positive = c.value("sapo_temperature_pos", 1.0f),
                            .tau_negative = c.value("sapo_temperature_neg", 1.05f)},
                 c, check);
    } else {
      with_terms(clip, c, check);
    }
  });
}

TEST(Trl, Grpo) { check_grpo(golden("trl")["grpo"]); }
TEST(Trl, GrpoWithADistantSampler) { check_grpo(golden("trl")["grpo_drifted"]); }

TEST(Trl, Gmpo) {
  const json& part = golden("trl")["gmpo"];
  const Answers answers(part);
  for_each_case(part, [&](const json& c) {
    expect_case(answers.run(loss::Gmpo{.log_clip_low = c["epsilon_low"],
                                       .log_clip_high = c["epsilon_high"]}),
                c);
  });
}

TEST(Trl, RlooLoss) {
  const json& part = golden("trl")["rloo"];
  const Answers answers(part);
  for_each_case(part, [&](const json& c) {
    expect_case(answers.run(loss::Gspo{
                    .clip = {.clip_low = c["epsilon_low"], .clip_high = c["epsilon_high"]},
                    .length_normalised = false}),
                c);
  });
}

TEST(Trl, Advantages) {
  const json& part = golden("trl")["advantages"];
  const std::vector<float> scores = part["scores"];
  std::vector<float> components;
  for (const json& row : part["components"])
    for (const json& x : row) components.push_back(x);
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> groups;
  for (std::size_t s = 0; s < scores.size(); ++s) {
    offsets.push_back(offsets.back() + 1);
    groups.push_back(static_cast<std::int32_t>(s / part["group_size"].get<std::size_t>()));
  }
  const auto run = [&](const auto& policy) {
    std::vector<float> out(scores.size());
    advantage::estimate(
        policy,
        {.offsets = offsets, .groups = groups, .scores = scores, .score_components = components},
        {.advantages = out});
    return out;
  };
  using advantage::GroupRelative, advantage::LeaveOneOut, advantage::Scale, advantage::Unit;
  for_each_case(part, [&](const json& c) {
    const std::vector<double> expected = c["advantages"];
    const std::string of = c["of"];
    if (of == "grpo") {
      const std::string scale = c["scale"];
      expect_close(run(GroupRelative{.scale_by_std = scale != "none",
                                     .epsilon = 1e-4f,
                                     .scale = scale == "batch" ? Scale::batch : Scale::group}),
                   expected, "grpo " + scale);
    } else if (of == "rloo") {
      if (c["normalise"].get<bool>())
        expect_close(run(advantage::Whitened<LeaveOneOut>{
                         .epsilon = 0, .deviation_epsilon = 1e-4f, .unit = Unit::answer}),
                     expected, "rloo, normalised");
      else
        expect_close(run(LeaveOneOut{}), expected, "rloo");
    } else if (of == "gdpo") {
      expect_close(run(advantage::Gdpo{
                       .weights = part["weights"], .epsilon = 1e-4f, .whitening_epsilon = 1e-4f}),
                   expected, "gdpo");
    } else {
      ADD_FAILURE() << of;
    }
  });
}

}  // namespace
