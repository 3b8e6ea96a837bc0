// The presets reproduce what the systems compute, on the goldens that state it.
#include <gtest/gtest.h>

#include "../../advantage/run.hpp"
#include "../../goldens/objectives/golden.hpp"
#include "hone/recipes/compat/deepspeed_chat.hpp"
#include "hone/recipes/compat/openrlhf.hpp"
#include "hone/recipes/compat/trl.hpp"
#include "hone/recipes/compat/verl.hpp"

namespace {

using namespace hone_test;
namespace compat = hone::recipes::compat;
namespace loss = hone::loss;

const json& numpy_case(const char* part, const std::string& of) {
  for (const json& c : golden("numpy")[part]["cases"])
    if (c["of"] == of) return c;
  ADD_FAILURE() << "no case " << of;
  return golden("numpy")[part]["cases"][0];
}

// On steps within every limit, and on steps past them.
void check_policy_losses(const char* part) {
  const Answers answers(golden("numpy")[part]);
  const auto check = [&](const char* of, const auto& f, const auto& aggregation) {
    expect_case(answers.run(f, aggregation), numpy_case(part, of));
  };
  const auto preset = [&](const char* of, const auto& a) { check(of, a.loss, a.aggregation); };
  preset("deepspeed_chat", compat::deepspeed_chat::ppo());
  preset("verl", compat::verl::ppo());
  preset("verl", compat::verl::grpo());
  preset("openrlhf", compat::openrlhf::ppo());
  preset("openrlhf", compat::openrlhf::rloo());
  check("gspo_verl", compat::verl::gspo_loss, loss::TokenMean{});
  check("gmpo", compat::verl::gmpo_loss, loss::TokenMean{});
  check("cispo", compat::verl::cispo_loss, loss::TokenMean{});
  check("dppo_tv", compat::verl::dppo_loss, loss::TokenMean{});
}

// With a sampler near the policy, and with one for which the limits of the weights bind.
void check_sampler_corrections(const char* part) {
  const Answers answers(golden("numpy")[part]);
  const auto check = [&](const char* of, const auto& f) {
    expect_case(answers.run(f), numpy_case(part, of));
  };
  check("tis_verl", compat::verl::sampler_correction(loss::PpoClip{}));
  check("tis_openrlhf", compat::openrlhf::sampler_correction(loss::PpoClip{}));
  check("seq_mask_tis", compat::openrlhf::masked_sampler_correction(loss::PpoClip{}));
  check("gmpo_tis", compat::verl::sampler_correction(compat::verl::gmpo_loss));
  check("gspo_mask", compat::trl::sampler_correction(compat::trl::gspo_loss));
}

TEST(Compat, PolicyLosses) {
  check_policy_losses("policy");
  check_policy_losses("policy_far");
}

TEST(Compat, SamplerCorrections) {
  check_sampler_corrections("policy");
  check_sampler_corrections("policy_drifted");
}

int check_trl(const char* name) {
  const json& part = golden("trl")[name];
  const Answers answers(part);
  int seen = 0;
  for (const json& c : part["cases"]) {
    const bool plain = !c.contains("beta") && !c.contains("delta") && !c.contains("mode") &&
                       !c.contains("entropy_coef") && !c.contains("epsilon_high") &&
                       !c.contains("sapo_temperature_pos");
    if (!plain && !(c.contains("mode") && c["mode"] == "sequence_mask")) continue;
    ++seen;
    const std::string type = c["loss_type"];
    const auto grpo = compat::trl::grpo();
    if (c.value("importance_sampling_level", "token") == std::string("sequence")) {
      const auto& gspo = compat::trl::gspo_loss;
      if (c.contains("mode"))
        expect_case(answers.run(compat::trl::sampler_correction(gspo)), c);
      else
        --seen;  // with clips of its own
    } else if (c.contains("mode"))
      expect_case(answers.run(compat::trl::sampler_correction(grpo.loss), grpo.aggregation), c);
    else if (type == "dapo" || type == "bnpo")
      expect_case(answers.run(grpo.loss, grpo.aggregation), c);
    else if (type == "grpo")
      expect_case(answers.run(grpo.loss, compat::trl::grpo_aggregation), c);
    else if (type == "luspo")
      expect_case(answers.run(grpo.loss, compat::trl::luspo_aggregation), c);
    else if (type == "sapo")
      expect_case(answers.run(compat::trl::sapo_loss, compat::trl::grpo_aggregation), c);
    else
      --seen;
  }
  return seen;
}

TEST(Compat, TrlPolicyLosses) {
  EXPECT_EQ(check_trl("grpo"), 6);
  EXPECT_EQ(check_trl("grpo_drifted"), 2);
}

TEST(Compat, KlClamps) {
  for (const json& row : golden("numpy")["kl"]["far"]) {
    hone::TokenInputs<float> t;
    t.logprob = -70;
    t.ref_logprob = -70 + row["x"].get<float>();
    const double k3 = row["k3_verl"], k1 = row["k1_openrlhf"];
    EXPECT_NEAR(hone::value_at(compat::verl::low_var_kl, t), k3, 1e-5 * std::max(1.0, k3));
    EXPECT_NEAR(hone::value_at(compat::openrlhf::kl_in_reward.estimator, t), k1, 1e-4);
  }
}

TEST(Compat, Advantages) {
  const json& part = golden("numpy")["groups"];
  const std::vector<float> scores = part["scores"];
  const std::vector<std::int64_t> lengths = part["lengths"];
  Batch b;
  for (std::size_t s = 0; s < scores.size(); ++s) {
    std::vector<Batch::Token> tokens(static_cast<std::size_t>(lengths[s]), {0, 0});
    tokens.back().reward = scores[s];
    b.add(tokens, part["groups"][s], scores[s]);
  }
  const auto check = [&](const auto& policy, const char* name) {
    const Result r = run(policy, b);
    std::vector<float> first;
    for (std::size_t s = 0; s < scores.size(); ++s)
      first.push_back(r.advantages[static_cast<std::size_t>(b.offsets[s])]);
    expect_close(first, part[name].get<std::vector<double>>(), name);
  };
  check(compat::verl::grpo().advantage, "grpo_verl");
  check(compat::verl::rloo, "rloo_verl");
  check(compat::verl::opo, "opo_verl");
  check(compat::openrlhf::group_norm().advantage, "group_norm_openrlhf");
  check(compat::openrlhf::dr_grpo().advantage, "dr_grpo");
}

// The token rewards of the preset's own penalty, the score on the last sampled token.
TEST(Compat, OpenRlhfTakesTheBaselineBeforeTheKl) {
  const json& part = golden("numpy")["openrlhf"];
  const Answers answers(part);
  const std::vector<float> scores = part["scores"];
  const std::vector<std::int32_t> groups = part["groups"];
  std::vector<float> rewards(answers.logprob.size());
  for (std::size_t s = 0; s < scores.size(); ++s) {
    std::size_t last = 0;
    for (auto t = static_cast<std::size_t>(answers.offsets[s]);
         t < static_cast<std::size_t>(answers.offsets[s + 1]); ++t) {
      if (!answers.mask[t]) continue;
      hone::TokenInputs<float> in;
      in.logprob = in.old_logprob = answers.old_logprob[t];
      in.ref_logprob = answers.ref_logprob[t];
      rewards[t] = hone::value_at(compat::openrlhf::kl_in_reward, in);
      last = t;
    }
    rewards[last] += scores[s];
  }
  const hone::advantage::Trajectories in{.offsets = answers.offsets,
                                         .token_rewards = rewards,
                                         .mask = answers.mask,
                                         .groups = groups,
                                         .scores = scores};
  const auto check = [&](const auto& policy, const char* name) {
    expect_close(run(policy, in).advantages, part[name].get<std::vector<double>>(), name);
  };
  check(compat::openrlhf::rloo().advantage, "rloo");
  check(compat::openrlhf::reinforce_baseline().advantage, "reinforce_baseline");
  // Their KL is in the loss, so the rewards are the scores alone.
  rewards.assign(rewards.size(), 0.0f);
  for (std::size_t s = 0; s < scores.size(); ++s) {
    auto last = static_cast<std::size_t>(answers.offsets[s + 1]);
    while (!answers.mask[--last]) {
    }
    rewards[last] = scores[s];
  }
  check(compat::openrlhf::group_norm().advantage, "group_norm");
  check(compat::openrlhf::dr_grpo().advantage, "dr_grpo");
  static_assert(hone::needs_groups<decltype(compat::openrlhf::rloo())>);

  const auto first = compat::openrlhf::scores_first(hone::advantage::LeaveOneOut{});
  hone::advantage::Trajectories without = in;
  without.scores = {};
  EXPECT_THROW(run(first, without), hone::Error);
  const Result r = run(first, in);
  EXPECT_EQ(r.returns, r.advantages);
}

// One answer right among so many that its standard score is above the limit.
TEST(Compat, OpenRlhfLimitsStandardScores) {
  std::vector<float> scores(128, 0.0f);
  scores[7] = 1.0f;
  const Result r = run(compat::openrlhf::group_norm().advantage, one_group(scores));
  EXPECT_GT(run(hone::advantage::GroupRelative{}, one_group(scores)).advantages[7], 11);
  EXPECT_EQ(r.advantages[7], compat::openrlhf::score_clip);
}

TEST(Compat, TrlNormalisesThePartsOfARewardBeforeItAddsThem) {
  const json& part = golden("trl")["advantages"];
  std::vector<float> parts;
  for (const json& row : part["components"])
    for (const json& x : row) parts.push_back(x);
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> groups;
  const std::vector<float> scores = part["scores"];
  for (std::size_t s = 0; s < scores.size(); ++s) {
    offsets.push_back(offsets.back() + 1);
    groups.push_back(static_cast<std::int32_t>(s / part["group_size"].get<std::size_t>()));
  }
  int seen = 0;
  for (const json& c : part["cases"]) {
    if (c["of"] != "gdpo") continue;
    ++seen;
    const Result r =
        run(compat::trl::normalised_parts(part["weights"]),
            {.offsets = offsets, .groups = groups, .scores = scores, .score_components = parts});
    expect_close(r.advantages, c["advantages"].get<std::vector<double>>(), "normalize_then_sum");
  }
  EXPECT_EQ(seen, 1);
}

// The value after the end is the bootstrap value, and a cut has none.
TEST(Compat, TheScoreStandsAfterTheEnd) {
  const json& part = golden("numpy")["trajectories"];
  const std::vector<std::int64_t> offsets = part["offsets"];
  const std::vector<std::uint8_t> mask = part["mask"], cut_off = part["cut_off"];
  const std::vector<float> rewards = part["rewards"], values = part["values"],
                           scores = part["scores"];
  std::vector<float> after = part["value_after"];
  for (std::size_t s = 0; s < after.size(); ++s)
    if (cut_off[s]) after[s] = 0.0f;
  hone::advantage::Trajectories in{.offsets = offsets,
                                   .token_rewards = rewards,
                                   .values = values,
                                   .mask = mask,
                                   .truncated = cut_off,
                                   .bootstrap = after,
                                   .scores = scores};
  const auto check = [&](const auto& policy, const char* name) {
    expect_close(run(policy, in).advantages, part[name].get<std::vector<double>>(), name);
  };
  check(compat::ScoreAfterEnd{.gamma = 0.99f, .lambda = 0.9f}, "gae_after_end");
  check(compat::deepspeed_chat::ppo().advantage, "gae_after_end_deepspeed_chat");
  check(compat::trl::ppo().advantage, "gae_after_end_trl");

  const Result r = run(compat::ScoreAfterEnd{}, in);
  for (std::size_t t = 0; t < r.returns.size(); ++t) {
    if (!mask[t]) continue;
    EXPECT_NEAR(r.returns[t], r.advantages[t] + values[t], 1e-6) << t;
  }
  in.scores = {};
  EXPECT_THROW(run(compat::ScoreAfterEnd{}, in), hone::Error);
  in.scores = scores;
  in.truncated = {};
  in.bootstrap = {};
  EXPECT_THROW(run(compat::ScoreAfterEnd{}, in), hone::Error);
}

TEST(Compat, TheEndOfAnAnswerIsNotTrainedIfPadIsEos) {
  Batch b;
  b.add({{0, 0.5f}, {0, 0.25f}, {1, 0.75f}}, 0, 1);
  b.add({{0, 0.5f}, {1, 0.25f}}, 0, 1, true, 0.5f);
  const Result with = run(hone::advantage::Gae{.lambda = 0.95f}, b);
  const Result without = run(compat::deepspeed_chat::ppo_pad_is_eos().advantage, b);
  for (const std::size_t t : {0u, 1u, 3u, 4u}) EXPECT_EQ(without.advantages[t], with.advantages[t]);
  EXPECT_NE(with.advantages[2], 0);
  EXPECT_EQ(without.advantages[2], 0);
  EXPECT_EQ(without.returns, with.returns);
  loss::Counts counts{.tokens = 5, .sequences = 2, .cut_off = 1};
  EXPECT_EQ(compat::MeanWithoutEnds{}(counts, 3), 0.25f);
}

TEST(Compat, GaeThroughGapsDecays) {
  Batch b;
  b.add({{0, 0.5f}, {0, 0, false}, {0, 0, false}, {1, 0.75f}}, 0, 1);
  // delta = 1 - 0.75; two masked tokens: 0.9^2 (0.75 + 0.9 * 0.25) with gamma 1
  const Result r = run(compat::GaeThroughGaps{.gamma = 1, .lambda = 0.9f}, b);
  EXPECT_FLOAT_EQ(r.advantages[3], 0.25f);
  EXPECT_FLOAT_EQ(r.advantages[0], 0.9f * 0.9f * (0.75f + 0.9f * 0.25f) - 0.5f);
}

}  // namespace
