// What a rollout phase hands on: prompts and their sampled answers as one packed forest.
//
// Each prompt is a root, each of its answers a child. `rows` lists the answers' tokens, answer by
// answer: they are the [R] axis of every later record (log-probabilities, rewards, advantages).
// A token of an answer that somebody else wrote (a tool, the environment) has mask 0: it is read,
// never trained.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hone/core/completion.hpp"
#include "hone/core/error.hpp"
#include "hone/core/forest.hpp"
#include "hone/rollout/request.hpp"

namespace hone {
inline namespace v0 {
namespace rollout {

// Answers of a forest as flat arrays over their tokens, [R], and over the answers, [S].
struct Rollouts {
  Forest forest;
  std::vector<std::int32_t> segments;  // [S] the answer's segment in the forest
  std::vector<std::int32_t> groups;    // [S] its tree: which prompt
  std::vector<std::int64_t> offsets;   // [S + 1] answer s has rows [offsets[s], offsets[s + 1])
  std::vector<std::uint8_t> mask;      // [R] 1: sampled by the model
  std::vector<float> logprobs;         // [R] as sampled, at the sampling temperature
  std::vector<FinishReason> finish;    // [S]

  std::int64_t answers() const { return static_cast<std::int64_t>(segments.size()); }
  std::int64_t rows() const { return offsets.empty() ? 0 : offsets.back(); }
  std::int64_t length(std::int64_t s) const {
    return offsets[static_cast<std::size_t>(s) + 1] - offsets[static_cast<std::size_t>(s)];
  }

  // Appends a prompt with its answers. `id` orders the trees canonically.
  void add(std::span<const Token> prompt, std::span<const Answer> answers_of_prompt,
           std::uint64_t id) {
    if (offsets.empty()) offsets.push_back(0);
    const std::int32_t root = forest.add_root(prompt, id);
    for (const Answer& a : answers_of_prompt) {
      require(a.logprobs.size() == a.tokens.size(), "Rollouts: an answer has ", a.tokens.size(),
              " tokens and ", a.logprobs.size(), " log-probabilities, expected as many");
      segments.push_back(forest.add_child(root, a.tokens));
      groups.push_back(static_cast<std::int32_t>(forest.trees()) - 1);
      offsets.push_back(offsets.back() + static_cast<std::int64_t>(a.tokens.size()));
      mask.insert(mask.end(), a.tokens.size(), 1);
      logprobs.insert(logprobs.end(), a.logprobs.begin(), a.logprobs.end());
      finish.push_back(a.finish);
    }
  }

  // The answers of the trees [first, last), as a batch of their own.
  Rollouts slice(std::int64_t first, std::int64_t last) const {
    std::vector<std::int64_t> trees;
    for (std::int64_t t = first; t < last; ++t) trees.push_back(t);
    return pick(trees);
  }

  // The named trees in the named order.
  Rollouts pick(std::span<const std::int64_t> trees) const {
    Rollouts out;
    out.offsets.push_back(0);
    for (const std::int64_t tree : trees) {
      const std::int32_t from = forest.roots()[static_cast<std::size_t>(tree)];
      const auto to = static_cast<std::int32_t>(out.forest.segments().size());
      out.forest.append_tree(forest, tree);
      for (std::int64_t s = first_answer(tree); s < first_answer(tree + 1); ++s) {
        const auto i = static_cast<std::size_t>(s);
        out.segments.push_back(segments[i] - from + to);
        out.groups.push_back(static_cast<std::int32_t>(out.forest.trees()) - 1);
        out.offsets.push_back(out.offsets.back() + length(s));
        out.finish.push_back(finish[i]);
        const auto begin = static_cast<std::ptrdiff_t>(offsets[i]);
        const auto end = static_cast<std::ptrdiff_t>(offsets[i + 1]);
        out.mask.insert(out.mask.end(), mask.begin() + begin, mask.begin() + end);
        out.logprobs.insert(out.logprobs.end(), logprobs.begin() + begin, logprobs.begin() + end);
      }
    }
    return out;
  }

  // The first answer of a tree; answers of a tree are neighbours.
  std::int64_t first_answer(std::int64_t tree) const {
    return std::lower_bound(groups.begin(), groups.end(), static_cast<std::int32_t>(tree)) -
           groups.begin();
  }

  // An [R] array of the picked trees.
  template <class T>
  std::vector<T> pick_rows(std::span<const std::int64_t> trees, std::span<const T> all) const {
    std::vector<T> out;
    for (const std::int64_t tree : trees) {
      const auto begin =
          static_cast<std::ptrdiff_t>(offsets[static_cast<std::size_t>(first_answer(tree))]);
      const auto end =
          static_cast<std::ptrdiff_t>(offsets[static_cast<std::size_t>(first_answer(tree + 1))]);
      out.insert(out.end(), all.begin() + begin, all.begin() + end);
    }
    return out;
  }

  // An [S] array of the picked trees.
  template <class T>
  std::vector<T> pick_answers(std::span<const std::int64_t> trees, std::span<const T> all) const {
    std::vector<T> out;
    for (const std::int64_t tree : trees)
      out.insert(out.end(), all.begin() + static_cast<std::ptrdiff_t>(first_answer(tree)),
                 all.begin() + static_cast<std::ptrdiff_t>(first_answer(tree + 1)));
    return out;
  }
};

// Requests and their answers, as Engine::generate returns them, in the canonical order of ids.
inline Rollouts collect(std::span<const Request> requests, std::span<const Answer> answers) {
  std::vector<std::pair<std::size_t, std::size_t>> begins;  // request, first answer
  std::size_t next = 0;
  for (std::size_t r = 0; r < requests.size(); ++r) {
    begins.emplace_back(r, next);
    next += static_cast<std::size_t>(requests[r].samples);
  }
  require(next == answers.size(), "collect: ", answers.size(), " answers, expected ", next);
  std::stable_sort(begins.begin(), begins.end(), [&](const auto& a, const auto& b) {
    return requests[a.first].id < requests[b.first].id;
  });
  Rollouts out;
  for (const auto& [r, first] : begins)
    out.add(requests[r].prompt,
            answers.subspan(first, static_cast<std::size_t>(requests[r].samples)), requests[r].id);
  return out;
}

}  // namespace rollout
}  // namespace v0
}  // namespace hone
