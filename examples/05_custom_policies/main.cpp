// One's own loss, KL estimator, advantage estimator and reward, in a program of one's own: this
// folder is a project that finds hone as an installed package.
//
// A small model with random weights writes letters; it learns to write vowels.
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hone/core/completion.hpp"
#include "hone/kl/in_loss.hpp"
#include "hone/model/decoder.hpp"
#include "hone/reward/completions.hpp"
#include "hone/train/algorithm.hpp"
#include "hone/train/online_trainer.hpp"
#include "policies.hpp"

// A reward. Its sign says whether a letter more or less than a quarter of vowels was written.
constexpr auto vowels = [](const hone::Completion& c) {
  float count = 0;
  for (const char letter : c.text) count += std::string_view("aeiou").find(letter) < 5;
  return count / static_cast<float>(c.text.size()) - 0.25f;
};

int main() {
  using Decoder = hone::model::Decoder<hone::model::Llama>;
  Decoder actor{{.vocab = 26,
                 .hidden = 32,
                 .layers = 2,
                 .heads = 4,
                 .kv_heads = 2,
                 .head_dim = 8,
                 .mlp = 64,
                 .max_positions = 32,
                 .embed_dim = 32}};
  actor.randomise(1, 0.05f);
  actor.train_from_layer(0);

  const hone::Algorithm algorithm{.advantage = RecentCredit{},
                                  .kl = hone::kl::InLoss{.estimator = ChiSquared{}, .coef = 0.01f},
                                  .loss = CappedReinforce{}};
  hone::reward::OnText reward{vowels, [](std::span<const hone::Token> tokens) {
                                std::string text;
                                for (const hone::Token t : tokens)
                                  text += static_cast<char>('a' + t);
                                return text;
                              }};
  hone::train::OnlineOptions options{.group_size = 8};
  options.generation.max_new_tokens = 12;
  options.minibatches = 2;
  options.schedule = {.peak = 5e-3f, .decay = hone::train::Decay::constant};
  hone::OnlineTrainer trainer{actor, reward, algorithm, options};

  std::vector<hone::rollout::Request> prompts;
  for (hone::Token t = 0; t < 8; ++t)
    prompts.push_back({.prompt = {t}, .id = static_cast<std::uint64_t>(t)});
  double first = 0, last = 0;
  for (int step = 0; step < 10; ++step) {
    const hone::train::Report report = trainer.step(prompts);
    std::cout << report;
    last = report.at("reward/score_mean");
    if (step == 0) first = last;
  }
  std::cout << "share of vowels above a quarter: " << first << " -> " << last << "\n";
  return last > first + 0.1 ? 0 : 1;
}
