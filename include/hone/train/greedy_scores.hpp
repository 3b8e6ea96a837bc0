// The baseline of ReMax (Li et al., 2024, arXiv:2310.10505): what the reward says of the
// greedy answer.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/forest.hpp"
#include "hone/rollout/request.hpp"
#include "hone/rollout/rollouts.hpp"
#include "hone/train/make_experience.hpp"

namespace hone {
inline namespace v0 {
namespace train {

// The score of the greedy answer to its prompt, for each answer of `rollouts`, limited to +-clip.
// `generate(requests, options)` answers at temperature 0; the other options are those given.
template <class Reward, class Generate>
std::vector<float> greedy_scores(const rollout::Rollouts& rollouts, Reward& reward,
                                 rollout::GenerateOptions options, float clip,
                                 const Generate& generate) {
  const Forest& forest = rollouts.forest;
  std::vector<rollout::Request> requests;
  for (const std::int32_t root : forest.roots()) {
    const auto prompt = forest.tokens(root);
    requests.push_back({.prompt = {prompt.begin(), prompt.end()},
                        .id = forest.segments()[static_cast<std::size_t>(root)].id});
  }
  options.sampling = {.temperature = 0.0f};
  rollout::Rollouts greedy;
  const auto answers = generate(requests, options);
  for (std::size_t r = 0; r < requests.size(); ++r)
    greedy.add(requests[r].prompt, std::span(answers).subspan(r, 1), requests[r].id);
  std::vector<float> scores = scores_of(reward(greedy));
  require(scores.size() == requests.size(), "OnlineTrainer: the reward returned ", scores.size(),
          " scores of greedy answers, expected ", requests.size());
  limit(scores, clip);
  std::vector<float> out;
  for (const std::int32_t group : rollouts.groups)
    out.push_back(scores[static_cast<std::size_t>(group)]);
  return out;
}

}  // namespace train
}  // namespace v0
}  // namespace hone
