// A reward model whose answers are shown.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "hone/core/completion.hpp"
#include "hone/report/record.hpp"
#include "hone/reward/completions.hpp"
#include "hone/rollout/rollouts.hpp"
#include "hone/train/reward_model.hpp"
#include "hone/train/trunk.hpp"

namespace examples {

// Rows of a table of samples: a few answers, to as many prompts as there are. Of a conversation the
// last turn is shown, not the template around it.
inline std::vector<hone::report::Sample> rows(std::span<const hone::Completion> completions,
                                              std::span<const float> scores) {
  std::vector<std::size_t> order(completions.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return completions[a].index < completions[b].index;
  });
  order.resize(std::min<std::size_t>(8, order.size()));
  std::vector<hone::report::Sample> out;
  for (const std::size_t i : order) {
    const hone::Completion& c = completions[i];
    out.push_back(hone::report::sample_of(c, static_cast<double>(scores[i])));
    if (!c.messages.empty()) out.back().prompt = c.messages.back().content + "\n";
  }
  return out;
}

// What is shown of the answers that were scored last.
struct Shown {
  std::function<std::string(std::span<const hone::Token>)> decode;
  hone::reward::Prompts prompts = {};  // that are answered next
  std::vector<hone::Completion> completions = {};
  std::vector<hone::report::Sample> rows = {};
};

// The reward of a trainer. The reward model's adapters take no part in it: they belong to a critic
// that shares its weights.
template <class DecoderType>
struct ShownRewardModel {
  hone::train::ScalarModel<DecoderType> model;
  Shown* shown = nullptr;
  float missing_end_penalty = 0.0f;

  std::vector<float> operator()(const hone::rollout::Rollouts& rollouts,
                                const hone::train::Trunk& trunk = {}) const {
    const hone::train::RewardModel<DecoderType> judge{
        .model = model, .missing_end_penalty = missing_end_penalty, .adapters = false};
    std::vector<float> scores = judge(rollouts, trunk);
    shown->completions = hone::reward::completions(rollouts, shown->decode, shown->prompts);
    shown->rows = rows(shown->completions, scores);
    return scores;
  }
};

}  // namespace examples
