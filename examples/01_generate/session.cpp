#include "session.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <iostream>
#include <utility>

#include "../common/chat.hpp"
#include "hone/text/chat_template.hpp"
#include "hone/text/stream_decoder.hpp"

namespace generate {

namespace {

class Session {
 public:
  Session(Generate generate, const checkpoint::Pretrained& source, Settings settings)
      : generate_(std::move(generate)),
        tokenizer_(source.tokenizer()),
        settings_(std::move(settings)),
        positions_(source.config().max_positions) {
    settings_.options.stop_tokens = source.stop_tokens();
    if (const auto eos = tokenizer_.eos()) settings_.options.stop_tokens.push_back(*eos);
  }

  // Samples answers to a prompt and prints them as they come; returns the last one.
  std::string answer(const std::string& prompt, bool add_special) {
    const std::vector<rollout::Request> requests{
        {.prompt = tokenizer_.encode(prompt, {.add_special = add_special}),
         .samples = settings_.samples}};
    text::StreamDecoder stream(tokenizer_, {.skip_special = true});
    const bool streams = settings_.samples == 1;
    const auto start = std::chrono::steady_clock::now();
    const auto answers = generate_(
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
    const auto chat = examples::chat_template(settings_.form, tokenizer_);
    if (plain()) settings_.options.stop_strings.push_back(next_turn);
    std::vector<Message> messages;
    if (!settings_.system.empty()) messages.push_back({"system", settings_.system});
    std::string line = settings_.chat;
    const bool one_question = !line.empty();
    while (one_question || (std::cout << "> " << std::flush, std::getline(std::cin, line))) {
      messages.push_back({"user", line});
      if (!one_question && !fit(messages, chat)) continue;
      std::string said = answer(chat.render(messages, true), plain());
      messages.push_back({"assistant", said.substr(0, plain() ? said.find(next_turn) : said.npos)});
      if (one_question) return;
    }
  }

 private:
  // What a model that is talked to in plain text writes when it goes on with its partner's words.
  static constexpr const char* next_turn = "\n\nHuman:";
  bool plain() const { return settings_.form == "plain"; }

  // Drops the oldest turns until the conversation leaves room for an answer. False, and the last
  // message is gone, if that alone is longer than what the model can read.
  bool fit(std::vector<Message>& messages, const text::ChatTemplate& chat) const {
    const auto length = [&] {
      const std::string prompt = chat.render(messages, true);
      return static_cast<std::int64_t>(tokenizer_.encode(prompt, {.add_special = plain()}).size());
    };
    const std::int64_t room = std::clamp<std::int64_t>(settings_.options.max_new_tokens, 1,
                                                       std::max<std::int64_t>(1, positions_ / 4));
    const std::size_t first = messages.front().role == "system" ? 1 : 0;
    std::size_t dropped = 0;
    for (; length() + room > positions_ && messages.size() > first + 2; dropped += 2) {
      const auto oldest = messages.begin() + static_cast<std::ptrdiff_t>(first);
      messages.erase(oldest, oldest + 2);
    }
    if (dropped > 0)
      std::cerr << "the conversation is longer than the model's " << positions_
                << " positions: its oldest " << dropped << " turns are forgotten\n";
    if (length() < positions_) return true;
    std::cerr << "this message has " << length()
              << " tokens with what stands around it, expected fewer "
              << "than the model's " << positions_ << " positions\n";
    messages.pop_back();
    return false;
  }

  Generate generate_;
  text::Tokenizer tokenizer_;
  Settings settings_;
  std::int64_t positions_;
};

}  // namespace

void converse(Generate generate, const checkpoint::Pretrained& source, const Settings& settings) {
  Session(std::move(generate), source, settings).run();
}

}  // namespace generate
