// A reward model: learns which of two answers people prefer.
//
//   reward_model MODEL PAIRS.jsonl [--held-out MORE.jsonl] [--out runs/reward] [--config X.toml]
//
// Records are {"prompt", "chosen", "rejected"} or {"prompt", "answers", "ranks"}. OUT/model is a
// sequence classifier with one label, as transformers has it; adapters are merged into it.
#include <CLI/CLI.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/models.hpp"
#include "common/offline.hpp"
#include "common/texts.hpp"
#include "hone/checkpoint/scorer.hpp"
#include "hone/data/loader.hpp"
#include "hone/loss/bradley_terry.hpp"
#include "hone/model/scalar_head.hpp"
#include "hone/report/text.hpp"
#include "hone/train/offline_trainer.hpp"

namespace {

using namespace hone;
using namespace examples;

struct Options : Settings {
  float centring = 0.01f;
  float min_difference = 0.0f;
};

void learn_preferences(const Options& s) {
  RunPlan plan = run_plan(s, "reward");
  plan.about["min_difference"] = report::exact(static_cast<double>(s.min_difference));
  const checkpoint::Pretrained source{s.model};
  const Texts texts{source.tokenizer(), s.text};
  const data::Rankings stage{.max_tokens = s.max_tokens, .min_difference = s.min_difference};
  data::Loader loader{texts.read(s.data, stage), {.size = {.trees = s.batch}, .seed = s.seed}};
  std::optional<data::Store> held_out;
  if (!s.held_out.empty()) held_out = texts.read(s.held_out, stage);
  with_model(source, s.model, [&]<class Decoder>(Decoder& decoder) {
    choose_trained(decoder, s);
    model::ScalarHead<model::Parameter> head{decoder.width()};
    head.randomise(s.seed);
    head.set_trainable(true);
    train::ScalarModel<Decoder> scorer{&decoder, &head};
    OfflineTrainer trainer{scorer, loss::BradleyTerry{.centring = s.centring}, offline_options(s)};
    Log log{log_options(s, plan.name)};
    learn(s, plan, trainer, loader, held_out, log);
    if (s.lora_rank > 0) model::Merged<Decoder>{decoder}.keep();
    checkpoint::save_scorer(s.out + "/model", decoder, head,
                            folder_options(s.model, source, texts.tokenizer()));
    write_report(s, "Reward model", log, s.out + "/model");
  });
}

}  // namespace

int main(int argc, char** argv) {
  Options s;
  s.out = "runs/reward";
  CLI::App app{"A reward model: learns which of two answers people prefer."};
  add_options(app, s);
  app.add_option("--centring", s.centring, "weight of (sum of both scores)^2")
      ->capture_default_str();
  app.add_option("--min-difference", s.min_difference, "scores that differ by no more are no pair")
      ->capture_default_str();
  return program(app, argc, argv, s, [&] { learn_preferences(s); });
}
