// GRPO: a policy learns from its own answers, of which a verifier says right or wrong.
//
//   grpo MODEL PROMPTS.jsonl [--answer answer] [--exact] [--group 8] [--out runs/grpo]
//
// Records are {"prompt", "answer"}; --answer names another column. An answer is right if its last
// number (boxed, after #### or plain) is the column's, or with --exact if its text is.
#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/models.hpp"
#include "common/online.hpp"
#include "common/texts.hpp"
#include "hone/data/loader.hpp"
#include "hone/recipes/critic_free.hpp"
#include "hone/reward/answer.hpp"
#include "hone/train/online_trainer.hpp"

namespace {

using namespace hone;
using namespace examples;

struct Options : OnlineSettings {
  std::string answer = "answer";
  bool exact = false;
};

using Verifier = std::function<float(const Completion&)>;

Verifier verifier(const Options& s) {
  if (s.exact) return reward::ExactAnswer{.column = s.answer};
  return reward::NumberAnswer{.column = s.answer};
}

void reinforce(const Options& s) {
  RunPlan plan = online_plan(s, "grpo");
  plan.about["verifier"] = (s.exact ? "text of " : "number of ") + s.answer;
  const checkpoint::Pretrained source{s.model};
  const Texts texts{source.tokenizer(), s.text};
  data::Loader loader{texts.read(s.data, data::Prompts{.max_tokens = s.max_tokens}),
                      {.size = {.trees = s.batch}, .seed = s.seed}};
  auto algorithm = recipes::grpo();
  algorithm.kl.coef = s.kl_coef;
  algorithm.loss.clip_low = s.clip_low;
  algorithm.loss.clip_high = s.clip_high;
  reward::OnText judge{verifier(s), [&](std::span<const Token> t) { return texts.decode(t); }};
  with_model(source, s.model, [&](auto& actor) {
    choose_trained(actor, s);
    const auto reward = [&judge](const rollout::Rollouts& r) { return judge(r); };
    OnlineTrainer trainer{actor, reward, with_text(algorithm, s, texts),
                          online_options(s, texts.end())};
    Log log{log_options(s, plan.name)};
    learn(
        s, plan, trainer, loader, held_out_prompts(s, texts), log,
        [&](const data::Loader& from, const data::Batch& b) {
          judge.prompts = reward::prompts_of(from, b);
        },
        [&] { return rows(judge.last(), judge.scores()); });
    write_report(s, "GRPO", log, save_policies(s, trainer, source, texts));
  });
}

}  // namespace

int main(int argc, char** argv) {
  Options s;
  s.out = "runs/grpo";
  s.rate = 1e-6f;
  s.group = 8;
  s.kl_coef = 0.04f;
  CLI::App app{"GRPO: a policy learns from its own answers to tasks that can be verified."};
  add_options(app, s);
  app.add_option("--answer", s.answer, "column with the right answer")->capture_default_str();
  app.add_flag("--exact", s.exact, "compare texts, not numbers");
  return program(app, argc, argv, s, [&] { reinforce(s); });
}
