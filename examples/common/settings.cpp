#include "settings.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "hone/core/error.hpp"
#include "hone/core/parallel.hpp"
#include "hone/report/text.hpp"

namespace examples {

namespace {

// The first key of a file of settings that no option has.
std::optional<std::string> unknown_key(const CLI::App& app, const std::string& file) {
  for (const CLI::ConfigItem& item : app.get_config_formatter()->from_file(file)) {
    if (item.name == "++" || item.name == "--") continue;  // a section begins or ends
    const bool known = item.parents.empty() && (app.get_option_no_throw("--" + item.name) ||
                                                app.get_option_no_throw(item.name));
    if (!known) return item.fullname();
  }
  return std::nullopt;
}

// ":12", or nothing if no line of the file begins with the key.
std::string line_of(const std::string& file, std::string_view key) {
  key = key.substr(key.rfind('.') + 1);
  std::ifstream in(file);
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const std::size_t begin = std::min(line.find_first_not_of(" \t\"'"), line.size());
    const std::string_view rest = std::string_view(line).substr(begin);
    const std::size_t after = rest.find_first_not_of(" \t\"'", key.size());
    if (rest.starts_with(key) && after != std::string_view::npos && rest[after] == '=')
      return ":" + std::to_string(number);
  }
  return {};
}

}  // namespace

DataFile data_file(const std::string& given) {
  const std::size_t colon = given.rfind(':');
  if (colon == std::string::npos || std::filesystem::exists(given)) return {given};
  const std::string_view weight = std::string_view(given).substr(colon + 1);
  DataFile out{given.substr(0, colon)};
  const auto read = std::from_chars(weight.data(), weight.data() + weight.size(), out.weight);
  const bool number = read.ec == std::errc() && read.ptr == weight.data() + weight.size();
  hone::require(number && out.weight > 0 && out.weight < 1e9, given, ": does not exist, and \"",
                weight, "\" is no weight, expected FILE or FILE:WEIGHT with a weight above 0");
  return out;
}

std::string spelling(const std::vector<DataFile>& files) {
  std::string out;
  for (const DataFile& f : files) {
    out += (out.empty() ? "" : " ") + f.path;
    if (f.weight != 1.0) out += ":" + hone::report::exact(f.weight);
  }
  return out;
}

void add_options(CLI::App& app, Settings& s) {
  using hone::train::Decay;
  app.set_config("--config", "", "TOML file with any of these options")->check(CLI::ExistingFile);
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.add_option("model", s.model, "Hugging Face folder or .gguf file")->required();
  app.add_option_function<std::vector<std::string>>(
         "data",
         [&s](const std::vector<std::string>& files) {
           for (const std::string& file : files) s.data.push_back(data_file(file));
         },
         "JSON lines, one record a line; of several files, FILE or FILE:WEIGHT, each gives its "
         "weight's share")
      ->required();
  app.add_option("--template", s.text.form,
                 "human-assistant: around plain prompts and answers; chatml, llama3, plain: of "
                 "conversations with a model that has no chat template")
      ->check(CLI::IsMember(std::set<std::string>{"human-assistant", "chatml", "llama3", "plain"}));
  app.add_option("--cache", s.text.cache, "folder that keeps prepared data for the next run");
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

int refuse(const CLI::App& app, const CLI::ParseError& e) {
  const CLI::Option* config = app.get_config_ptr();
  if (!dynamic_cast<const CLI::ConfigError*>(&e) || !config || config->count() == 0)
    return app.exit(e);
  const auto file = config->as<std::string>();
  if (const auto key = unknown_key(app, file))
    std::cerr << "error: " << file << line_of(file, *key) << ": unknown key \"" << *key
              << "\", expected one of the options that --help lists\n";
  else
    std::cerr << "error: " << file << ": " << e.what() << "\n";
  return 1;
}

int program(CLI::App& app, int argc, char** argv, Settings& s, const std::function<void()>& body) {
  try {
    app.parse(argc, argv);
    if (s.threads > 0) hone::set_threads(s.threads);
    body();
    return 0;
  } catch (const CLI::ParseError& e) {
    return refuse(app, e);
  } catch (const std::exception& e) {
    std::cerr << "error: " << e.what() << "\n";
    return 1;
  }
}

}  // namespace examples
