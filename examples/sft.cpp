// Supervised fine-tuning: a model learns given answers.
//
//   sft MODEL DATA.jsonl [--held-out MORE.jsonl] [--out runs/sft] [--lora-rank 16] [--config
//   X.toml]
//
// MODEL is a Hugging Face folder or a GGUF file. Records are {"text"}, {"prompt", "completion"} or
// {"messages"}; of a conversation the assistant's turns are learnt.
#include <CLI/CLI.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/models.hpp"
#include "common/offline.hpp"
#include "common/texts.hpp"
#include "hone/data/loader.hpp"
#include "hone/loss/nll.hpp"
#include "hone/train/offline_trainer.hpp"

namespace {

using namespace hone;
using namespace examples;

void fine_tune(const Settings& s) {
  const RunPlan plan = run_plan(s, "sft");
  const checkpoint::Pretrained source{s.model};
  const Texts texts{source.tokenizer(), s.text};
  const data::Demonstrations stage{.max_tokens = s.max_tokens};
  data::Loader loader{texts.read(s.data, stage), {.size = {.trees = s.batch}, .seed = s.seed}};
  std::optional<data::Store> held_out;
  if (!s.held_out.empty()) held_out = texts.read(s.held_out, stage);
  with_model(source, s.model, [&](auto& decoder) {
    choose_trained(decoder, s);
    OfflineTrainer trainer{decoder, loss::Nll{}, offline_options(s)};
    Log log{log_options(s, plan.name)};
    learn(s, plan, trainer, loader, held_out, log);
    write_report(s, "Supervised fine-tuning", log,
                 save_policy(s, decoder, source, texts.tokenizer()));
  });
}

}  // namespace

int main(int argc, char** argv) {
  Settings s{.out = "runs/sft", .rate = 2e-5f};
  CLI::App app{"Supervised fine-tuning: a model learns given answers."};
  add_options(app, s);
  return program(app, argc, argv, s, [&] { fine_tune(s); });
}
