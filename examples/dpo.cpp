// Direct preference optimisation: a policy learns from pairs, without a reward model.
//
//   dpo MODEL PAIRS.jsonl [--held-out MORE.jsonl] [--out runs/dpo] [--beta 0.1] [--config X.toml]
//
// Records are {"prompt", "chosen", "rejected"} or {"prompt", "answers", "ranks"}. The reference is
// MODEL itself: a copy, or with --lora-rank the same weights without their adapters.
#include <CLI/CLI.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/models.hpp"
#include "common/offline.hpp"
#include "common/texts.hpp"
#include "hone/data/loader.hpp"
#include "hone/loss/dpo.hpp"
#include "hone/report/text.hpp"
#include "hone/train/offline_trainer.hpp"

namespace {

using namespace hone;
using namespace examples;

struct Options : Settings {
  loss::Dpo objective{.beta = 0.1f};
  float min_difference = 0.0f;
};

void prefer(const Options& s) {
  RunPlan plan = run_plan(s, "dpo");
  plan.about["min_difference"] = report::exact(static_cast<double>(s.min_difference));
  const checkpoint::Pretrained source{s.model};
  const Texts texts{source.tokenizer(), s.text};
  const data::Rankings stage{.max_tokens = s.max_tokens, .min_difference = s.min_difference};
  data::Loader loader{texts.read(s.data, stage), {.size = {.trees = s.batch}, .seed = s.seed}};
  std::optional<data::Store> held_out;
  if (!s.held_out.empty()) held_out = texts.read(s.held_out, stage);
  with_model(source, s.model, [&](auto& decoder) {
    choose_trained(decoder, s);
    OfflineTrainer trainer{decoder, s.objective, offline_options(s)};
    Log log{log_options(s, plan.name)};
    learn(s, plan, trainer, loader, held_out, log);
    write_report(s, "Direct preference optimisation", log,
                 save_policy(s, decoder, source, texts.tokenizer()));
  });
}

}  // namespace

int main(int argc, char** argv) {
  Options s;
  s.out = "runs/dpo";
  s.rate = 1e-6f;
  CLI::App app{"Direct preference optimisation: a policy learns from pairs."};
  add_options(app, s);
  app.add_option("--beta", s.objective.beta)->capture_default_str();
  app.add_option("--label-smoothing", s.objective.label_smoothing)->capture_default_str();
  app.add_option("--min-difference", s.min_difference, "scores that differ by no more are no pair")
      ->capture_default_str();
  return program(app, argc, argv, s, [&] { prefer(s); });
}
