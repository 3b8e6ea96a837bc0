// PPO: a policy learns from its own answers, which a reward model scores.
//
//   ppo MODEL PROMPTS.jsonl --reward-model FOLDER [--out runs/ppo] [--lora-rank 16]
//
// FOLDER is what reward_model writes, of MODEL's family and vocabulary. The critic starts from it.
// With --lora-rank four networks live in two: the reference is the actor, and the reward model the
// critic, without their adapters.
#include <CLI/CLI.hpp>
#include <span>
#include <string>
#include <vector>

#include "common/models.hpp"
#include "common/online.hpp"
#include "common/texts.hpp"
#include "hone/checkpoint/scorer.hpp"
#include "hone/data/loader.hpp"
#include "hone/model/scalar_head.hpp"
#include "hone/recipes/ppo.hpp"
#include "hone/report/text.hpp"
#include "hone/train/four_networks.hpp"
#include "hone/train/online_trainer.hpp"

namespace {

using namespace hone;
using namespace examples;

struct Options : OnlineSettings {
  std::string reward_model;
  float critic_rate = 5e-6f;
  float gamma = 1.0f, lambda = 0.95f;
  float score_clip = 5.0f, missing_end_penalty = 0.0f;
};

auto algorithm(const Options& s) {
  auto out = recipes::ppo();
  out.kl.coef = s.kl_coef;
  out.loss.clip_low = s.clip_low;
  out.loss.clip_high = s.clip_high;
  out.advantage.inner.gamma = s.gamma;
  out.advantage.inner.lambda = s.lambda;
  return out;
}

train::Trained trained(const Options& s) {
  train::Trained out{.from_layer = s.train_from};
  if (s.lora_rank > 0) out.lora = lora_of(s);
  return out;
}

void reinforce(const Options& s) {
  RunPlan plan = online_plan(s, "ppo");
  plan.about["missing_end_penalty"] = report::exact(static_cast<double>(s.missing_end_penalty));
  const checkpoint::Pretrained source{s.model};
  const checkpoint::HfFolder judge_folder{s.reward_model};
  const model::Config judge_config = checkpoint::scorer_config(judge_folder);
  require(
      judge_config.family == source.config().family && judge_config.vocab == source.config().vocab,
      s.reward_model, ": is a ", name_of(judge_config.family), " with ", judge_config.vocab,
      " tokens, expected ", s.model, "'s ", name_of(source.config().family), " with ",
      source.config().vocab);
  const Texts texts{source.tokenizer(), s.text};
  data::Loader loader{texts.read(s.data, data::Prompts{.max_tokens = s.max_tokens}),
                      {.size = {.trees = s.batch}, .seed = s.seed}};
  with_model(source, s.model, [&]<class Decoder>(Decoder& actor) {
    Decoder judge{judge_config};
    model::ScalarHead<model::Parameter> head{judge.width()};
    checkpoint::load_scorer(judge_folder, judge, head);
    train::FourNetworks networks{actor, {&judge, &head}, trained(s)};
    Shown shown{.decode = [&](std::span<const Token> t) { return texts.decode(t); }};
    train::OnlineOptions options = online_options(s, texts.end());
    options.critic_optimizer = s.optimizer;
    options.critic_schedule = s.schedule();
    options.critic_schedule.peak = s.critic_rate;
    options.score_clip = s.score_clip;
    const ShownRewardModel<Decoder> reward{.model = networks.reward().model,
                                           .shown = &shown,
                                           .missing_end_penalty = s.missing_end_penalty};
    OnlineTrainer trainer{networks.actor(), networks.critic(), reward,
                          with_text(algorithm(s), s, texts), options};
    Log log{log_options(s, plan.name)};
    learn(
        s, plan, trainer, loader, held_out_prompts(s, texts), log,
        [&](const data::Loader& from, const data::Batch& b) {
          shown.prompts = reward::prompts_of(from, b);
        },
        [&] { return shown.rows; });
    write_report(s, "PPO", log, save_policies(s, trainer, source, texts));
  });
}

}  // namespace

int main(int argc, char** argv) {
  Options s;
  s.out = "runs/ppo";
  s.rate = 1e-6f;
  CLI::App app{"PPO: a policy learns from its own answers, which a reward model scores."};
  add_options(app, s);
  app.add_option("--reward-model", s.reward_model, "folder that reward_model wrote")->required();
  app.add_option("--critic-rate", s.critic_rate)->capture_default_str();
  app.add_option("--gamma", s.gamma)->capture_default_str();
  app.add_option("--lambda", s.lambda)->capture_default_str();
  app.add_option("--score-clip", s.score_clip, "scores are limited to +- this")
      ->capture_default_str();
  app.add_option("--missing-end-penalty", s.missing_end_penalty,
                 "off the score of a cut-off answer")
      ->capture_default_str();
  return program(app, argc, argv, s, [&] { reinforce(s); });
}
