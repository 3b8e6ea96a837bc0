// Every metric that hone reports: one name, one definition. docs/metrics.md shows this table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "hone/core/config.hpp"

namespace hone {
inline namespace v0 {
namespace report {

// Which direction a reader hopes for.
enum class Better : std::uint8_t { neither, higher, lower };

struct Metric {
  std::string_view name;
  std::string_view label;  // on a progress bar and over a chart
  std::string_view unit;   // empty: a plain number
  Better better;
  std::string_view definition;  // one sentence
};

// Means over tokens run over the trained (sampled) tokens of the optimiser batch, means over
// answers over its answers. pi is the actor being trained, old the actor that sampled, ref the
// reference. A metric of several updates in one step is the mean of theirs; loss/ and policy/ count
// the minibatch that update/stopped_early has refused as well.
inline constexpr std::array metric_table = {
    Metric{"loss", "loss", "", Better::lower,
           "The offline objective: mean over trained tokens (SFT), over answers (sequence "
           "objectives) or over pairs (reward model, DPO and kin)."},
    Metric{"loss/policy", "policy loss", "", Better::neither,
           "The objective of the actor with its aggregation, KL term in the loss and entropy bonus "
           "included."},
    Metric{"loss/value", "value loss", "", Better::lower,
           "The objective of the critic, mean over tokens."},
    Metric{"loss/ptx", "PTX loss", "nats", Better::lower,
           "Next-token loss on the pretraining text that is mixed into the update, mean over its "
           "tokens, before its coefficient."},
    Metric{"loss/kto_baseline", "KTO baseline", "nats", Better::neither,
           "z_0: log pi - log ref of answers under prompts that they do not answer, mean over "
           "answers, at least 0."},
    Metric{"reward/score_mean", "score", "", Better::higher,
           "Score of an answer as the reward gave it, before any clip or KL penalty; mean over "
           "answers."},
    Metric{"reward/score_std", "score deviation", "", Better::neither,
           "Standard deviation of the scores over all answers (divided by n)."},
    Metric{"reward/kl", "KL to reference", "nats", Better::neither,
           "Sum over an answer's tokens of log old - log ref (k1), mean over answers: KL(old || "
           "ref) per answer, estimated from the samples."},
    Metric{"reward/kl_coef", "KL coefficient", "", Better::neither,
           "The weight of the KL penalty in this step."},
    Metric{"reward/judge_mean", "judge", "", Better::higher,
           "Mean over answers of an independent judge's score, which nothing is trained on."},
    Metric{"rewards/accuracy", "pair accuracy", "", Better::higher,
           "Share of pairs whose chosen answer gets the greater score (reward model) or implicit "
           "reward (DPO and kin)."},
    Metric{"rewards/margin", "pair margin", "", Better::higher,
           "Score or implicit reward of the chosen minus that of the rejected answer, mean over "
           "pairs."},
    Metric{"rewards/chosen", "chosen score", "", Better::neither,
           "Score or implicit reward of the chosen answer, mean over pairs."},
    Metric{"rewards/rejected", "rejected score", "", Better::neither,
           "Score or implicit reward of the rejected answer, mean over pairs."},
    Metric{"policy/approx_kl", "KL to old", "nats", Better::neither,
           "r - 1 - log r with r = pi / old (k3), mean over tokens: KL(old || pi) per token."},
    Metric{"policy/clip_fraction", "clip fraction", "", Better::neither,
           "Share of tokens with an advantage whose gradient the policy loss has cut to 0."},
    Metric{"policy/entropy", "entropy", "nats", Better::neither,
           "-sum_v pi(v) log pi(v) over the vocabulary, at the sampling temperature; mean over "
           "tokens."},
    Metric{"policy/ratio_mean", "ratio", "", Better::neither,
           "pi / old, mean over tokens. Exactly 1 on the first pass over fresh samples."},
    Metric{
        "policy/kl_after", "KL of the update", "nats", Better::neither,
        "KL(old || pi) per token (k3) once the update is done; what a steered policy loss answers "
        "to."},
    Metric{"policy/penalty_coef", "penalty coefficient", "", Better::neither,
           "The coefficient of the policy loss's own KL penalty in this step."},
    Metric{"value/explained_variance", "explained variance", "", Better::higher,
           "1 - Var(return - value) / Var(return) over tokens; values of the critic before the "
           "update. 0 when the returns do not vary."},
    Metric{
        "value/clip_fraction", "value clip fraction", "", Better::neither,
        "Share of tokens whose new value lies outside the value loss's clip range around the old "
        "one; a value loss without a range reports none."},
    Metric{"rollout/length_mean", "length", "tokens", Better::neither,
           "Sampled tokens of an answer, end token included; mean over answers."},
    Metric{"rollout/entropy", "sampled entropy", "nats", Better::neither,
           "-log old of the sampled tokens, mean over them: an unbiased estimate of the entropy."},
    Metric{"rollout/truncated_fraction", "truncated", "", Better::neither,
           "Share of answers that stopped at a length limit instead of an end."},
    Metric{"rollout/sampler_kl", "KL to sampler", "nats", Better::lower,
           "q - 1 - log q with q = old / sampler (k3), mean over an answer's tokens, then over "
           "answers: KL(sampler || old) per token, of answers that another sampler gave."},
    Metric{"rollout/tokens_per_second", "sampling speed", "tokens/s", Better::higher,
           "Sampled tokens of all answers, divided by the time of the rollout phase."},
    Metric{"update/grad_norm", "gradient norm", "", Better::neither,
           "Euclidean norm of the gradient of all trained parameters, before clipping."},
    Metric{"update/critic_grad_norm", "critic gradient norm", "", Better::neither,
           "The same for the critic."},
    Metric{"update/lr", "learning rate", "", Better::neither,
           "Learning rate of the step's last update."},
    Metric{"update/stopped_early", "stopped early", "", Better::neither,
           "1 if the KL limit ended the passes of this step before their number, else 0."},
    Metric{"pairs", "pairs", "", Better::neither, "Pairs in the batch."},
    Metric{"tokens", "tokens", "", Better::neither,
           "What the loss is a mean over: trained tokens, or answers for a sequence objective."},
    Metric{
        "data/tokens_per_second", "speed", "tokens/s", Better::higher,
        "Tokens of the batch, prompts included and a shared one once, divided by the time of the "
        "step."},
    Metric{"time/step", "step time", "s", Better::lower, "Seconds of the whole step."},
    Metric{"time/rollout", "rollout time", "s", Better::lower, "Seconds spent sampling."},
    Metric{"time/score", "scoring time", "s", Better::lower,
           "Seconds spent on rewards, reference, values and advantages."},
    Metric{"time/update", "update time", "s", Better::lower,
           "Seconds spent on gradients and optimiser steps."},
};

// Names with these beginnings belong to a family; what follows is free or another name.
//   eval/<name>                      a metric of the table, measured on held-out data
//   reward/<part>_mean, <part>_std   a part of a reward::Sum before its weight, over answers
//   user/<anything>                  one's own
inline constexpr std::string_view eval_prefix = "eval/";
inline constexpr std::string_view user_prefix = "user/";

// The metric of this name, or of the name after "eval/"; null if the table has none.
inline constexpr const Metric* find_metric(std::string_view name) {
  if (name.substr(0, eval_prefix.size()) == eval_prefix) name.remove_prefix(eval_prefix.size());
  for (const Metric& m : metric_table)
    if (m.name == name) return &m;
  return nullptr;
}

// What to call a metric where people look: its label, "held-out" before it for eval/, or its name.
inline std::string label_of(std::string_view name) {
  const Metric* metric = find_metric(name);
  const bool eval = name.starts_with(eval_prefix);
  if (!metric) return std::string(name);
  return (eval ? "held-out " : "") + std::string(metric->label);
}

}  // namespace report
}  // namespace v0
}  // namespace hone
