// Chat with a pretrained model, or let it complete a text.
//
//   01_generate MODEL --chat "What is the capital of France?"
//   01_generate MODEL --complete "Once upon a time" --temperature 0.8 --samples 3
//   01_generate MODEL                                  (a conversation, a line at a time)
//
// MODEL is a Hugging Face folder or a GGUF file. Text appears as it is sampled; speed is reported
// on the error stream.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "hone/checkpoint/adapter.hpp"
#include "hone/checkpoint/pretrained.hpp"
#include "hone/core/parallel.hpp"
#include "hone/model/decoder.hpp"
#include "hone/rollout/engine.hpp"
#include "hone/text/chat_template.hpp"
#include "hone/text/stream_decoder.hpp"

namespace {

using namespace hone;

struct Settings {
  std::string model, adapter, chat, complete, system;
  int samples = 1, threads = 0;
  rollout::GenerateOptions options{.max_new_tokens = 256};
};

Settings parse(int argc, char** argv) {
  Settings s;
  CLI::App app{"Chat with a pretrained model, or let it complete a text."};
  app.add_option("model", s.model, "Hugging Face folder or .gguf file")->required();
  app.add_option("--chat", s.chat, "one question, answered");
  app.add_option("--complete", s.complete, "a text to continue");
  app.add_option("--system", s.system, "the system message of a conversation");
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

template <class Decoder>
class Session {
 public:
  Session(Decoder& decoder, text::Tokenizer tokenizer, Settings settings)
      : engine_(decoder), tokenizer_(std::move(tokenizer)), settings_(std::move(settings)) {
    engine_.keep_contexts(1);
    if (const auto eos = tokenizer_.eos()) settings_.options.stop_tokens.push_back(*eos);
    if (const std::int64_t eos = decoder.config().eos; eos >= 0)
      settings_.options.stop_tokens.push_back(static_cast<Token>(eos));
  }

  // Samples answers to a prompt and prints them as they come; returns the last one.
  std::string answer(const std::string& prompt, bool add_special) {
    const std::vector<rollout::Request> requests{
        {.prompt = tokenizer_.encode(prompt, {.add_special = add_special}),
         .samples = settings_.samples}};
    text::StreamDecoder stream(tokenizer_, {.skip_special = true});
    const bool streams = settings_.samples == 1;
    const auto start = std::chrono::steady_clock::now();
    const auto answers = engine_.generate(
        requests, settings_.options,
        [&](std::span<const Token> tokens) { return tokenizer_.decode(tokens); },
        [&](const rollout::Answer& so_far) {
          if (streams) std::cout << stream.push(so_far.tokens.back()) << std::flush;
        });
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::size_t tokens = 0;
    std::string last;
    for (const auto& a : answers) {
      tokens += a.tokens.size();
      last = tokenizer_.decode(a.tokens, {.skip_special = true});
      if (!streams) std::cout << "[" << a.sample + 1 << "] " << last << "\n";
    }
    if (streams) std::cout << stream.finish() << "\n";
    std::fprintf(stderr, "%zu tokens in %.2f s, %.1f tokens/s\n", tokens, seconds,
                 static_cast<double>(tokens) / seconds);
    ++settings_.options.step;
    return last;
  }

  void run() {
    if (!settings_.complete.empty()) {
      std::cout << settings_.complete;
      answer(settings_.complete, true);
      return;
    }
    const auto chat = text::ChatTemplate::of(tokenizer_);
    std::vector<Message> messages;
    if (!settings_.system.empty()) messages.push_back({"system", settings_.system});
    std::string line = settings_.chat;
    const bool one_question = !line.empty();
    while (one_question || (std::cout << "> " << std::flush, std::getline(std::cin, line))) {
      messages.push_back({"user", line});
      messages.push_back({"assistant", answer(chat.render(messages, true), false)});
      if (one_question) return;
    }
  }

 private:
  rollout::Engine<Decoder> engine_;
  text::Tokenizer tokenizer_;
  Settings settings_;
};

void run(const Settings& settings) {
  if (settings.threads > 0) set_threads(settings.threads);
  const checkpoint::Pretrained source{settings.model};
  model::visit_family(source.config().family, [&](auto family) {
    model::Decoder<decltype(family)> decoder{source.config()};
    source.load(decoder);
    if (!settings.adapter.empty())
      checkpoint::load_adapter(decoder, checkpoint::PeftFolder{settings.adapter});
    Session session{decoder, source.tokenizer(), settings};
    session.run();
  });
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(parse(argc, argv));
  } catch (const std::exception& e) {
    std::cerr << "error: " << e.what() << "\n";
    return 1;
  }
}
