// Every number of every recipe and of every compat value, in one table: members that are off
// (false, the first of an enumeration, a limit of infinity) and parts that are None are not
// written. The numbers are those of the paper or system that the row names; docs/papers.md quotes
// them.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <type_traits>

#include "../support/source_folder.hpp"
#include "hone/core/members.hpp"
#include "hone/core/type_name.hpp"
#include "hone/recipes/compat/deepspeed_chat.hpp"
#include "hone/recipes/compat/openrlhf.hpp"
#include "hone/recipes/compat/options.hpp"
#include "hone/recipes/compat/trl.hpp"
#include "hone/recipes/compat/verl.hpp"
#include "hone/recipes/recipes.hpp"

namespace {

namespace advantage = hone::advantage;
namespace loss = hone::loss;
namespace recipes = hone::recipes;
using hone::for_each_member, hone::type_name;

std::string number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", x);
  return text;
}

// "PpoClip(clip_low=0.2 clip_high=0.28)"
template <class T>
std::string written(const T& value) {
  if constexpr (std::is_arithmetic_v<T>) {
    return number(static_cast<double>(value));
  } else {
    std::string members;
    const auto add = [&](std::string_view name, const std::string& text) {
      members += (members.empty() ? "" : " ") + std::string(name) + text;
    };
    for_each_member(value, [&]<class M>(std::string_view name, const M& m) {
      if constexpr (std::is_same_v<M, bool>) {
        if (m) add(name, "");
      } else if constexpr (std::is_enum_v<M>) {
        if (static_cast<int>(m) != 0) add(name, "=" + std::to_string(static_cast<int>(m)));
      } else if constexpr (std::is_arithmetic_v<M>) {
        if (std::isfinite(static_cast<double>(m))) add(name, "=" + number(static_cast<double>(m)));
      } else if constexpr (requires { m.has_value(); }) {
        if (m) add(name, "=" + written(*m));
      } else if constexpr (requires { m.empty(); }) {
        add(name, "=" + number(static_cast<double>(m.size())) + " entries");
      } else if constexpr (type_name<M> != "None") {
        add(name, "=" + written(m));
      }
    });
    const bool is_algorithm = type_name<T> == "Algorithm";
    if (is_algorithm) return members;
    return std::string(type_name<T>) + (members.empty() ? "" : "(" + members + ")");
  }
}

struct Row {
  std::string name, found, expected;
};

const std::string ppo_clip = "loss=PpoClip(clip_low=0.2 clip_high=0.2)";
const std::string group = "advantage=GroupRelative(scale_by_std ddof=1 epsilon=1e-06)";
const std::string group_mean = "advantage=GroupRelative(ddof=1 epsilon=1e-06)";
const std::string gae = "Gae(gamma=1 lambda=0.95)";
const std::string after_end = "ScoreAfterEnd(gamma=1 lambda=0.95)";

std::string whitened(const std::string& inner) {
  return "advantage=Whitened(inner=" + inner +
         " ddof=1 epsilon=1e-08 variance_floor=0 deviation_epsilon=0 scale)";
}
std::string k1_in_reward(const std::string& coef) {
  return " kl=InReward(estimator=K1 coef=" + coef + ") ";
}

#define HONE_ROW(value, expected) \
  { #value, written(value), expected }

std::vector<Row> papers() {
  using namespace recipes;
  const std::string value_clip =
      " value_loss=ValueClip(value_clip=0.2 coef=1) aggregation=TokenMean";
  const std::string mean = " aggregation=TokenMean", per_answer = " aggregation=SequenceMean";
  return {
      // Schulman et al. 2017: clip 0.2, lambda 0.95; gamma 1 as InstructGPT; the KL's 0.05 is TRL's
      HONE_ROW(ppo(), whitened(gae) + k1_in_reward("0.05") + ppo_clip + value_clip),
      // Ziegler et al. 2019: 6 nats, error clipped to 0.2, gain 0.1 (horizon 10000)
      HONE_ROW(ppo_adaptive(),
               whitened(gae) +
                   k1_in_reward("Adaptive(initial=0.05 target=6 horizon=10000 limit=0.2)") +
                   ppo_clip + value_clip),
      // Schulman et al. 2017, section 4: doubles and halves, a tolerance of 1.5
      HONE_ROW(ppo_penalty(), whitened(gae) + k1_in_reward("0.05") +
                                  "loss=PpoPenalty(coef=Doubling(initial=1 target=0.01 "
                                  "tolerance=1.5 per=1)) value_loss=ValueMse(coef=1)" +
                                  mean),
      // Yue et al. 2025: alpha 0.05, critic's lambda 1, clip 0.2 and 0.28
      HONE_ROW(vapo(),
               "advantage=VapoGae(alpha=0.05 gamma=1 lambda_critic=1 lambda_floor=0) "
               "loss=PpoClip(clip_low=0.2 clip_high=0.28) value_loss=ValueMse(coef=1)" +
                   mean),
      // Shao et al. 2024: KL 0.04
      HONE_ROW(grpo(),
               group + " kl=InLoss(estimator=K3 coef=0.04 unbiased) " + ppo_clip + per_answer),
      // Liu et al. 2025
      HONE_ROW(dr_grpo(512), group_mean + " " + ppo_clip +
                                 " aggregation=FixedLength(max_length=512 count_empty)"),
      // Yu et al. 2025: clip 0.2 and 0.28
      HONE_ROW(dapo(), group + " loss=PpoClip(clip_low=0.2 clip_high=0.28)" + mean),
      // Zheng et al. 2025: 3e-4 and 4e-4
      HONE_ROW(gspo(), group +
                           " loss=Gspo(clip=PpoClip(clip_low=0.0003 clip_high=0.0004) "
                           "length_normalised)" +
                           per_answer),
      // Zhao et al. 2025: log-ratios in +-0.4
      HONE_ROW(gmpo(), group + " loss=Gmpo(log_clip_low=0.4 log_clip_high=0.4)" + per_answer),
      // MiniMax-M1, 2025: no bound below
      HONE_ROW(cispo(), group + " loss=Cispo(ratio_low=0 ratio_high=5)" + mean),
      // Gao et al. 2025
      HONE_ROW(sapo(), group + " loss=Sapo(tau_positive=1 tau_negative=1.05)" + per_answer),
      // Qi et al. 2026, with prime-rl's 0.2
      HONE_ROW(dppo(), group_mean + " loss=Dppo(mask_low=0.2 mask_high=0.2 kl_coef=0)" + mean),
      // Ahmadian et al. 2024: KL 0.03
      HONE_ROW(rloo(), "advantage=LeaveOneOut" + k1_in_reward("0.03") +
                           "loss=Gspo(clip=PpoClip(clip_low=0.2 clip_high=0.2))" + per_answer),
      // Hu et al. 2025: KL 0.01
      HONE_ROW(reinforce_plus_plus(),
               whitened("MonteCarlo(gamma=1)") + k1_in_reward("0.01") + ppo_clip + mean),
      HONE_ROW(reinforce_plus_plus_baseline(), whitened("GroupRelative(ddof=1 epsilon=1e-06)") +
                                                   " kl=InLoss(estimator=K2 coef=0.001) " +
                                                   ppo_clip + mean),
      // Li et al. 2024
      HONE_ROW(remax(),
               "advantage=ReMax" + k1_in_reward("0.05") + "loss=PolicyGradient" + per_answer),
      // Hao et al. 2025
      HONE_ROW(opo(), "advantage=Opo loss=PolicyGradient" + mean),
      // Tajwar et al. 2026
      HONE_ROW(max_rl(), "advantage=MaxRl(epsilon=0) " + ppo_clip + mean),
      // Liu et al. 2026
      HONE_ROW(gdpo(),
               "advantage=Gdpo(weights=0 entries ddof=1 epsilon=1e-06 "
               "whitening_epsilon=1e-06) " +
                   ppo_clip + mean),
      // From given answers
      HONE_ROW(sft(), "Nll"),
      HONE_ROW(reward_model(), "BradleyTerry(centring=0.01)"),            // Eisenstein et al. 2023
      HONE_ROW(dpo(), "Dpo(beta=0.1 label_smoothing=0)"),                 // Rafailov et al. 2023
      HONE_ROW(cdpo(), "Dpo(beta=0.1 label_smoothing=0.1)"),              // Mitchell 2023
      HONE_ROW(robust_dpo(), "RobustDpo(beta=0.1 label_smoothing=0.1)"),  // Chowdhury et al. 2024
      HONE_ROW(ipo(), "Ipo(beta=0.1 token_mean)"),                        // Azar et al. 2023
      HONE_ROW(hinge_dpo(), "HingeDpo(beta=0.1)"),                        // Zhao et al. 2023
      HONE_ROW(simpo(), "SimPo(beta=2 gamma=1 label_smoothing=0)"),       // Meng et al. 2024
      HONE_ROW(kto(), "Kto(beta=0.1 desirable_weight=1 undesirable_weight=1)"),
      HONE_ROW(orpo(), "Orpo(lambda=0.1 highest_mean=-1e-06)"),  // Hong et al. 2024
  };
}

std::vector<Row> deepspeed_chat() {
  using namespace recipes::compat::deepspeed_chat;
  return {
      // lambda 0.95, gamma 1, no whitening, k1 of 0.1, clips of 0.2
      HONE_ROW(ppo(), "advantage=" + after_end + k1_in_reward("0.1") + ppo_clip +
                          " value_loss=ValueClip(value_clip=0.2 coef=1) aggregation=TokenMean"),
      HONE_ROW(ppo_pad_is_eos(),
               "advantage=UntrainedEnd(inner=" + gae + ")" + k1_in_reward("0.1") + ppo_clip +
                   " value_loss=ValueClip(value_clip=0.2 coef=1) aggregation=MeanWithoutEnds"),
      HONE_ROW(score_clip, "5"),
      HONE_ROW(actor_learning_rate, "9.65e-06"),
      HONE_ROW(critic_learning_rate, "5e-06"),
      HONE_ROW(lora_learning_rate, "0.0005"),
      HONE_ROW(ema_decay, "0.992"),
      HONE_ROW(ptx_coef, "27.8"),
      HONE_ROW(reward_model(),
               "ComparedAt(loss=BradleyTerry(centring=0) positions=FromDivergence)"),
  };
}

std::vector<Row> trl() {
  using namespace recipes::compat::trl;
  const std::string advantage = "advantage=GroupRelative(scale_by_std ddof=1 epsilon=0.0001)";
  const std::string mean = " aggregation=TokenMean";
  return {
      // k1 of 0.05, lambda 0.95, clips of 0.2, 1e-8 inside the root, vf_coef 0.1
      HONE_ROW(ppo(), whitened(after_end) + k1_in_reward("0.05") + ppo_clip +
                          " value_loss=ValueClip(value_clip=0.2 coef=0.1)" + mean),
      // 1e-4 twice
      HONE_ROW(normalised_parts(),
               "Gdpo(weights=0 entries ddof=1 epsilon=0.0001 whitening_epsilon=0.0001)"),
      // 1e-4 beside the deviation, beta 0, "dapo"
      HONE_ROW(group_advantage, "GroupRelative(scale_by_std ddof=1 epsilon=0.0001)"),
      HONE_ROW(grpo(), advantage + " " + ppo_clip + mean),
      HONE_ROW(grpo(0.04f),
               advantage + " kl=InLoss(estimator=K3 coef=0.04 unbiased) " + ppo_clip + mean),
      HONE_ROW(grpo_aggregation, "SequenceMean(count_empty)"),
      HONE_ROW(luspo_aggregation, "FixedLength(max_length=1 count_empty)"),
      HONE_ROW(cispo_loss, "Cispo(ratio_low=0 ratio_high=0.2)"),
      HONE_ROW(sapo_loss, "Sapo(tau_positive=1 tau_negative=1.05)"),
      HONE_ROW(gspo_loss, "Gspo(clip=PpoClip(clip_low=0.2 clip_high=0.2) length_normalised)"),
      // "sequence_mask", 3
      HONE_ROW(sampler_correction(gspo_loss),
               "IcePop(loss=Gspo(clip=PpoClip(clip_low=0.2 clip_high=0.2) length_normalised) "
               "low=0 high=3 scope=PerSequence)"),
      // beta 0.05
      HONE_ROW(rloo(),
               "advantage=LeaveOneOut" + k1_in_reward("0.05") +
                   "loss=Gspo(clip=PpoClip(clip_low=0.2 clip_high=0.2)) aggregation=SequenceMean"),
      HONE_ROW(normalised_rloo,
               "Whitened(inner=LeaveOneOut ddof=1 epsilon=0 variance_floor=0 "
               "deviation_epsilon=0.0001 scale unit=1)"),
      HONE_ROW(ipo(), "Ipo(beta=0.1 token_mean)"),
      HONE_ROW(simpo(), "SimPo(beta=0.1 gamma=0.5 label_smoothing=0)"),
  };
}

std::vector<Row> verl() {
  using namespace recipes::compat::verl;
  const std::string clip = "PpoClip(clip_low=0.2 clip_high=0.2 dual_clip=3 log_ratio_limit=20)";
  const std::string k3 = "K3(log_ratio_limit=20 limit=10)";
  const std::string advantage =
      "GroupRelative(scale_by_std ddof=1 epsilon=1e-06 singleton_keeps_reward)";
  const std::string in_loss = "InLoss(estimator=" + k3 + " coef=0.001)";
  return {
      HONE_ROW(policy_loss, clip),
      HONE_ROW(low_var_kl, k3),
      HONE_ROW(low_var_kl_plus, "StraightThrough(value=" + k3 + " gradient=K2)"),
      HONE_ROW(kl_loss, in_loss),
      // kl_ctrl: 0.001, target 0.1 per token, horizon 10000
      HONE_ROW(kl_in_reward, "InReward(estimator=K1 coef=0.001)"),
      HONE_ROW(adaptive_kl_in_reward,
               "InReward(estimator=K1 coef=Adaptive(initial=0.001 target=0.1 horizon=10000 "
               "limit=0.2 per=1))"),
      // lambda 1, value clip 0.5
      HONE_ROW(ppo(), whitened("Gae(gamma=1 lambda=1)") + " loss=" + clip +
                          " value_loss=ValueClip(value_clip=0.5 coef=1) aggregation=TokenMean"),
      HONE_ROW(group_advantage, advantage),
      HONE_ROW(grpo(), "advantage=" + advantage + " kl=" + in_loss + " loss=" + clip +
                           " aggregation=TokenMean"),
      HONE_ROW(rloo, "LeaveOneOut(singleton_keeps_reward)"),
      HONE_ROW(rloo_vectorized, "LeaveOneOut"),
      HONE_ROW(reinforce_plus_plus,
               "Whitened(inner=MonteCarlo(gamma=1) ddof=1 epsilon=1e-08 variance_floor=0 "
               "deviation_epsilon=0 scale)"),
      HONE_ROW(remax, "ReMax"),
      HONE_ROW(opo, "Opo(singleton_keeps_reward)"),
      // log s at most 10; its clip is the library's 0.2
      HONE_ROW(gspo_loss,
               "Gspo(clip=PpoClip(clip_low=0.2 clip_high=0.2) length_normalised "
               "log_ratio_max=10)"),
      HONE_ROW(gmpo_loss, "Gmpo(log_clip_low=0.4 log_clip_high=0.4)"),
      HONE_ROW(cispo_loss, "Cispo(ratio_low=0.8 ratio_high=1.2)"),
      HONE_ROW(dppo_loss, "DppoTv(mask_low=0.2 mask_high=0.2 ratio_max=20)"),
      HONE_ROW(sampler_correction(loss::Nll{}),
               "TruncatedImportanceSampling(loss=Nll low=0 high=2 scope=PerToken)"),
  };
}

std::vector<Row> openrlhf() {
  using namespace recipes::compat::openrlhf;
  const std::string kl = "InReward(estimator=K1(limit=10) coef=0.01)";
  const std::string rest = " kl=" + kl +
                           " loss=PpoClip(clip_low=0.2 clip_high=0.2 log_ratio_limit=20)",
                    mean = " aggregation=TokenMean",
                    in_loss =
                        " kl=InLoss(estimator=K3(limit=10) coef=0.01)"
                        " loss=PpoClip(clip_low=0.2 clip_high=0.2 log_ratio_limit=20)";
  const auto normal = [](const std::string& inner) {
    return "advantage=Whitened(inner=" + inner +
           " ddof=0 epsilon=0 variance_floor=1e-08 deviation_epsilon=0 scale)";
  };
  const auto scores = [](const std::string& inner) {
    return "BaselineBeforeKl(inner=" + inner + " score_limit=10)";
  };
  const std::string centred = scores("GroupRelative(ddof=1 epsilon=1e-06)");
  return {
      HONE_ROW(score_clip, "10"),
      HONE_ROW(ema_decay, "0.992"),
      HONE_ROW(policy_loss, "PpoClip(clip_low=0.2 clip_high=0.2 log_ratio_limit=20)"),
      HONE_ROW(kl_in_reward, kl),
      HONE_ROW(k3, "K3(limit=10)"),
      HONE_ROW(normalised(advantage::ReMax{}), normal("ReMax").substr(10)),
      HONE_ROW(scores_first(advantage::LeaveOneOut{}), scores("LeaveOneOut")),
      HONE_ROW(ppo(), normal("GaeThroughGaps(gamma=1 lambda=1)") + rest +
                          " value_loss=ValueClip(value_clip=0.5 coef=1)" + mean),
      HONE_ROW(reinforce_plus_plus(), normal("MonteCarlo(gamma=1)") + rest + mean),
      HONE_ROW(reinforce_baseline(), normal(centred) + rest + mean),
      HONE_ROW(rloo(), "advantage=" + scores("LeaveOneOut") + rest + mean),
      // 1e-9 beside the deviation
      HONE_ROW(group_norm(),
               "advantage=" + scores("GroupRelative(scale_by_std ddof=1 epsilon=1e-09)") + in_loss +
                   mean),
      HONE_ROW(dr_grpo(), "advantage=" + centred + in_loss + mean),
      HONE_ROW(sampler_correction(loss::Nll{}),
               "TruncatedImportanceSampling(loss=Nll low=0.5 high=5 scope=PerToken)"),
      HONE_ROW(masked_sampler_correction(loss::Nll{}),
               "MaskedImportanceSampling(loss=Nll low=0.5 high=5 mask=SequenceMeanRatio "
               "scope=PerToken)"),
      HONE_ROW(ipo(), "Ipo(beta=0.1)"),
  };
}

// Everything of OnlineOptions: what is asked of the sampler, how often is learnt from it, and by
// which steps.
struct Numbers {
  std::string group = "1", temperature = "1", tokens, epochs = "1", minibatches = "1";
  std::string adam, schedule, critic_adam = adam, critic_schedule, score_clip = {};

  std::string text() const {
    return "OnlineOptions(group_size=" + group +
           " generation=GenerateOptions(sampling=Sampling(temperature=" + temperature +
           " top_k=0 top_p=1 min_p=0) max_new_tokens=" + tokens +
           " stop_tokens=0 entries stop_strings=0 entries seed=0 step=0 max_batch=64 "
           "prefill_tokens=1024 adapters cache) ppo_epochs=" +
           epochs + " minibatches=" + minibatches + " microbatch_tokens=8192 optimizer=" + adam +
           " schedule=" + schedule + " critic_optimizer=" + critic_adam +
           " critic_schedule=" + critic_schedule + score_clip +
           " truncation_is_end stop_kl=0 share_trunk seed=0)";
  }
};

std::string adam(const std::string& beta2, const std::string& decay = "0") {
  return "AdamW(beta1=0.9 beta2=" + beta2 + " epsilon=1e-08 decay=" + decay + " max_norm=1)";
}
// 0, 1 and 2 of Decay are constant, linear and cosine; the first is not written.
std::string schedule(const std::string& peak, const std::string& decay, const std::string& rest) {
  return "Schedule(peak=" + peak + (decay.empty() ? "" : " decay=" + decay) + " " + rest + ")";
}

std::vector<Row> trainer_options() {
  using namespace recipes::compat;
  const std::string constant = "warmup=0 total=0 final_ratio=0",
                    over = "warmup=0 total=1000 final_ratio=0",
                    warm = "warmup=100 total=1000 final_ratio=0",
                    to_a_tenth = "warmup=30 total=1000 final_ratio=0.1";
  const Numbers grpo{.group = "8",
                     .tokens = "512",
                     .adam = adam("0.999"),
                     .schedule = schedule("1e-06", "1", over),
                     .critic_schedule = schedule("5e-06", "", constant)};
  Numbers pairs = grpo;
  pairs.group = "2";
  const Numbers lhf{.tokens = "1024",
                    .minibatches = "8",
                    .adam = adam("0.95"),
                    .schedule = schedule("1e-06", "2", to_a_tenth),
                    .critic_schedule = schedule("9e-06", "2", to_a_tenth),
                    .score_clip = " score_clip=10"};
  Numbers compared = lhf;
  compared.group = "4";
  compared.score_clip = "";
  return {
      HONE_ROW(deepspeed_chat::online_options(1000),
               (Numbers{.tokens = "256",
                        .adam = adam("0.95"),
                        .schedule = schedule("9.65e-06", "2", warm),
                        .critic_schedule = schedule("5e-06", "2", warm),
                        .score_clip = " score_clip=5"}
                    .text())),
      HONE_ROW(trl::ppo_options(1000), (Numbers{.temperature = "0.7",
                                                .tokens = "53",
                                                .epochs = "4",
                                                .adam = adam("0.999"),
                                                .schedule = schedule("3e-06", "1", over),
                                                .critic_schedule = schedule("3e-06", "1", over)}
                                            .text())),
      HONE_ROW(trl::grpo_options(1000), grpo.text()),
      HONE_ROW(trl::rloo_options(1000), pairs.text()),
      HONE_ROW(verl::online_options(), (Numbers{.tokens = "512",
                                                .minibatches = "4",
                                                .adam = adam("0.999", "0.01"),
                                                .schedule = schedule("1e-06", "", constant),
                                                .critic_schedule = schedule("1e-05", "", constant)}
                                            .text())),
      HONE_ROW(openrlhf::online_options(1000), lhf.text()),
      HONE_ROW(openrlhf::group_options(1000, 4), compared.text()),
  };
}

void check(const std::vector<Row>& rows, const std::vector<std::string>& headers, int least = 8) {
  std::set<std::string> named;
  for (const Row& row : rows) {
    EXPECT_EQ(row.found, row.expected) << row.name;
    const std::string name = row.name.substr(0, row.name.find('('));
    const auto room = name.rfind("::");
    named.insert(room == std::string::npos ? name : name.substr(room + 2));
  }
  // Whatever a header defines has a row.
  const std::regex definition(R"(^(?:inline )?(?:constexpr|auto) [^=({]*?(\w+)(?:\(|\{| =))");
  int defined = 0;
  for (const std::string& header : headers) {
    std::ifstream in(hone_test::tests_folder() / "../include/hone/recipes" / header);
    ASSERT_TRUE(in) << header;
    std::smatch match;
    for (std::string line; std::getline(in, line);)
      if (std::regex_search(line, match, definition)) {
        ++defined;
        EXPECT_TRUE(named.contains(match[1])) << header << " defines " << match[1];
      }
  }
  EXPECT_GE(defined, least);
}

TEST(RecipeNumbers, AreThoseOfThePapers) {
  check(papers(), {"ppo.hpp", "critic_free.hpp", "offline.hpp"});
}
TEST(RecipeNumbers, OfDeepSpeedChat) { check(deepspeed_chat(), {"compat/deepspeed_chat.hpp"}); }
TEST(RecipeNumbers, OfTrl) { check(trl(), {"compat/trl.hpp"}); }
TEST(RecipeNumbers, OfVerl) { check(verl(), {"compat/verl.hpp"}); }
TEST(RecipeNumbers, OfOpenRlhf) { check(openrlhf(), {"compat/openrlhf.hpp"}); }
TEST(RecipeNumbers, OfTheTrainers) { check(trainer_options(), {"compat/options.hpp"}, 7); }

}  // namespace
