// What the trainers' tests share: a small Llama, prompts, a reward that any policy can learn to
// raise, text.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "hone/data/batch.hpp"
#include "hone/model/decoder.hpp"
#include "hone/model/lora.hpp"
#include "hone/rollout/rollouts.hpp"
#include "hone/train/online_options.hpp"

namespace hone::test {

using Llama = model::Decoder<model::Llama>;

inline model::Config small() {
  return {.vocab = 61,
          .hidden = 32,
          .layers = 2,
          .heads = 4,
          .kv_heads = 2,
          .head_dim = 8,
          .mlp = 48,
          .max_positions = 128,
          .embed_dim = 32};
}

inline Llama trained_in_full(std::uint64_t seed) {
  Llama out{small()};
  out.randomise(seed, 0.2f);
  out.train_from_layer(0);
  return out;
}

// The share of an answer's tokens below 20.
inline std::vector<float> small_tokens(const rollout::Rollouts& r) {
  std::vector<float> out;
  for (std::int64_t s = 0; s < r.answers(); ++s) {
    float hits = 0;
    for (Token t : r.forest.tokens(r.segments[static_cast<std::size_t>(s)])) hits += t < 20;
    out.push_back(hits / static_cast<float>(std::max<std::int64_t>(1, r.length(s))));
  }
  return out;
}

inline std::vector<rollout::Request> prompts(int n, int first = 0) {
  std::vector<rollout::Request> out;
  for (int i = first; i < first + n; ++i) {
    std::vector<Token> tokens;
    for (int t = 0; t <= i % 7; ++t) tokens.push_back((i * 11 + t * 5) % 61);
    out.push_back({.prompt = tokens, .id = 100 + static_cast<std::uint64_t>(i)});
  }
  return out;
}

inline train::OnlineOptions options() {
  train::OnlineOptions o;
  o.group_size = 4;
  o.generation.max_new_tokens = 12;
  o.generation.stop_tokens = {3, 7};
  o.generation.sampling.temperature = 0.8f;
  o.schedule = {.peak = 1e-2f, .decay = train::Decay::constant};
  o.critic_schedule = o.schedule;
  o.seed = 5;
  return o;
}

// Batch `step` of trees whose tokens, lengths and scores are functions of step and tree: a prompt
// with `answers` answers, each of which carries loss; 0: a block of text that carries loss itself.
inline data::Batch batch(std::int64_t step, int trees, int answers) {
  data::Batch out;
  const auto tokens = [](std::int64_t seed, std::int64_t length) {
    std::vector<Token> t;
    for (std::int64_t i = 0; i < length; ++i)
      t.push_back(static_cast<Token>((seed * 17 + i * (5 + seed % 3)) % 61));
    return t;
  };
  for (int tree = 0; tree < trees; ++tree) {
    const std::int64_t seed = step * trees + tree;
    const std::int32_t root =
        out.forest.add_root(tokens(seed, 3 + seed % 4), static_cast<std::uint64_t>(1000 + seed));
    out.trained.resize(static_cast<std::size_t>(out.forest.size()), answers == 0);
    if (answers == 0) out.trained[static_cast<std::size_t>(out.forest.tree_begin(tree))] = 0;
    out.scores.push_back(0.0f);
    for (int a = 0; a < answers; ++a) {
      out.forest.add_child(root, tokens(seed * 7 + a, 2 + (seed + a) % 5));
      out.trained.resize(static_cast<std::size_t>(out.forest.size()), 1);
      out.scores.push_back((seed + a) % 2 ? 1.0f : -1.0f);
      if (a > 0) out.pairs.push_back({root + a, root + a + 1});
    }
  }
  return out;
}

inline std::vector<float> weights_of(Llama& d) {
  std::vector<float> out;
  auto take = [&out](model::Parameter& p) {
    out.insert(out.end(), p.value().begin(), p.value().end());
  };
  d.for_each_parameter(take);
  model::for_each_adapter_parameter(d, take);
  return out;
}

}  // namespace hone::test
