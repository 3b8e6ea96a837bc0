#include "settings.hpp"

#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <map>

#include "hone/core/parallel.hpp"

namespace examples {

void add_options(CLI::App& app, Settings& s) {
  using hone::train::Decay;
  app.set_config("--config", "", "TOML file with any of these options")->check(CLI::ExistingFile);
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.add_option("model", s.model, "Hugging Face folder or .gguf file")->required();
  app.add_option("data", s.data, "JSON lines, one record a line")->required();
  app.add_option("--held-out", s.held_out, "JSON lines that are evaluated, not learnt");
  app.add_option("--out", s.out, "folder for the model, its metrics and report.html")
      ->capture_default_str();
  app.add_option("--seed", s.seed)->capture_default_str();
  app.add_option("--threads", s.threads, "0: one for each core")->capture_default_str();
  app.add_option("--steps", s.steps)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--batch", s.batch, "records of a step")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--max-tokens", s.max_tokens, "longest text; longer ones are cut")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--evaluate-every", s.evaluate_every, "steps; 0: at the end alone")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--rate", s.rate, "peak learning rate")->capture_default_str();
  app.add_option("--warmup", s.warmup, "steps")->capture_default_str();
  app.add_option("--decay", s.decay, "constant, linear or cosine")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Decay>{
          {"constant", Decay::constant}, {"linear", Decay::linear}, {"cosine", Decay::cosine}}));
  app.add_option("--weight-decay", s.optimizer.decay)->capture_default_str();
  app.add_option("--max-norm", s.optimizer.max_norm, "gradients are scaled down to it; 0: never")
      ->capture_default_str();
  app.add_option("--lora,--lora-rank", s.lora_rank, "0: full training")->capture_default_str();
  app.add_option("--lora-alpha", s.lora_alpha)->capture_default_str();
  app.add_option("--train-from", s.train_from, "first layer that is trained, without LoRA")
      ->capture_default_str();
  app.add_flag("--recompute", s.recompute, "keep no activations: less memory, same bits");
  add_options(app, s.saving);
}

void add_options(CLI::App& app, OnlineSettings& s) {
  add_options(app, static_cast<Settings&>(s));
  app.add_option("--group", s.group, "answers to each prompt")->capture_default_str();
  app.add_option("--new-tokens", s.new_tokens, "longest answer")->capture_default_str();
  app.add_option("--temperature", s.temperature)->capture_default_str();
  app.add_option("--epochs", s.epochs, "passes over the answers of a step")->capture_default_str();
  app.add_option("--minibatches", s.minibatches, "updates of a pass")->capture_default_str();
  app.add_option("--kl-coef", s.kl_coef, "weight of the distance to the reference")
      ->capture_default_str();
  app.add_option("--clip-low", s.clip_low)->capture_default_str();
  app.add_option("--clip-high", s.clip_high)->capture_default_str();
  app.add_option("--stop-kl", s.stop_kl, "ends a step's updates beyond it; 0: never")
      ->capture_default_str();
  app.add_option("--ema", s.ema, "decay of averaged weights, saved beside the others; 0: none")
      ->check(CLI::Range(0.0f, 1.0f))
      ->capture_default_str();
  app.add_option("--ptx", s.ptx, "JSON lines of text whose next-token loss joins each update");
  app.add_option("--ptx-coef", s.ptx_coef, "its weight")->capture_default_str();
  app.add_option("--ptx-batch", s.ptx_batch, "its blocks in an update, of --max-tokens")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--samples-every", s.samples_every, "steps between tables of samples; 0: none")
      ->capture_default_str();
}

int program(CLI::App& app, int argc, char** argv, Settings& s, const std::function<void()>& body) {
  try {
    app.parse(argc, argv);
    if (s.threads > 0) hone::set_threads(s.threads);
    body();
    return 0;
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  } catch (const std::exception& e) {
    std::cerr << "error: " << e.what() << "\n";
    return 1;
  }
}

}  // namespace examples
