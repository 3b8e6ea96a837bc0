// Chat with a pretrained model, or let it complete a text.
//
//   01_generate MODEL --chat "What is the capital of France?"
//   01_generate MODEL --complete "Once upon a time" --temperature 0.8 --samples 3
//   01_generate MODEL                                  (a conversation, a line at a time)
//   01_generate MODEL --template plain                 (with a model that has no chat template)
//
// MODEL is a Hugging Face folder or a GGUF file. Text appears as it is sampled; speed is reported
// on the error stream.
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>

#include "hone/core/parallel.hpp"
#include "settings.hpp"

namespace {

using generate::Settings;

Settings parse(int argc, char** argv) {
  Settings s;
  CLI::App app{"Chat with a pretrained model, or let it complete a text."};
  app.add_option("model", s.model, "Hugging Face folder or .gguf file")->required();
  app.add_option("--chat", s.chat, "one question, answered");
  app.add_option("--complete", s.complete, "a text to continue");
  app.add_option("--system", s.system, "the system message of a conversation");
  app.add_option("--template", s.form,
                 "chatml, llama3 or plain: how to talk to a model that has no chat template")
      ->check(CLI::IsMember({"chatml", "llama3", "plain"}));
  app.add_option("--adapter", s.adapter, "PEFT folder of a LoRA adapter");
  app.add_option("--samples", s.samples, "answers to sample")->check(CLI::PositiveNumber);
  app.add_option("--max-new-tokens", s.options.max_new_tokens, "longest answer")
      ->capture_default_str();
  app.add_option("--temperature", s.options.sampling.temperature, "0: greedy")
      ->capture_default_str();
  app.add_option("--top-k", s.options.sampling.top_k, "0: all tokens")->capture_default_str();
  app.add_option("--top-p", s.options.sampling.top_p)->capture_default_str();
  app.add_option("--min-p", s.options.sampling.min_p)->capture_default_str();
  app.add_option("--stop", s.options.stop_strings, "strings that end an answer");
  app.add_option("--seed", s.options.seed)->capture_default_str();
  app.add_option("--threads", s.threads, "0: one for each core");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    std::exit(app.exit(e));
  }
  return s;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Settings settings = parse(argc, argv);
    if (settings.threads > 0) hone::set_threads(settings.threads);
    const hone::checkpoint::Pretrained source{settings.model};
    hone::model::visit_family(source.config().family, [&](auto family) {
      generate::run<decltype(family)>(source, settings);
    });
  } catch (const std::exception& e) {
    std::cerr << "error: " << e.what() << "\n";
    return 1;
  }
}
