// Text augmentation: more training text out of little, by small seeded changes to its words
// (EDA: Wei and Zou, "Easy data augmentation techniques", EMNLP 2019).
//
// A policy maps a list of words to another one with the random numbers it is given. At least one
// word always remains of a text that had one.
#pragma once

#include <cstdint>
#include <range/v3/view/transform.hpp>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "hone/core/random.hpp"
#include "hone/data/record.hpp"
#include "hone/data/shuffle.hpp"

namespace hone {
inline namespace v0 {
namespace data {

using Words = std::vector<std::string>;

// Leaves each word out with a probability.
struct DeleteWords {
  double probability = 0.1;
  Words operator()(const Words& words, RandomStream& random) const {
    Words out;
    for (const std::string& w : words)
      if (random.uniform() >= probability) out.push_back(w);
    if (out.empty() && !words.empty()) out.push_back(words[random.below(words.size())]);
    return out;
  }
};

// Puts another word in the place of each with a probability. `other(word, random)` gives the new
// one: a synonym, or any word of a list (see AnyOf).
template <class Other>
struct ReplaceWords {
  Other other = {};
  double probability = 0.1;
  Words operator()(Words words, RandomStream& random) const {
    for (std::string& w : words)
      if (random.uniform() < probability) w = other(w, random);
    return words;
  }
};

// After each word, with a probability, one more.
template <class Other>
struct InsertWords {
  Other other = {};
  double probability = 0.1;
  Words operator()(const Words& words, RandomStream& random) const {
    Words out;
    for (const std::string& w : words) {
      out.push_back(w);
      if (random.uniform() < probability) out.push_back(other(w, random));
    }
    return out;
  }
};

// Swaps a share of the words with their right-hand neighbours; 1 with `everywhere` set shuffles
// all.
struct ShuffleWords {
  double probability = 0.1;
  bool everywhere = false;
  Words operator()(Words words, RandomStream& random) const {
    for (std::size_t i = 0; i + 1 < words.size(); ++i)
      if (random.uniform() < probability) {
        const std::size_t reach = everywhere ? words.size() - i - 1 : 1;
        std::swap(words[i], words[i + 1 + random.below(reach)]);
      }
    return words;
  }
};

// Any word of a list, whatever it is to replace.
struct AnyOf {
  Words words = {};
  std::string operator()(const std::string& word, RandomStream& random) const {
    return words.empty() ? word : words[random.below(words.size())];
  }
};

// Several policies, one after the other.
template <class... Policies>
struct Augmentations {
  std::tuple<Policies...> policies;
  explicit Augmentations(Policies... p) : policies(std::move(p)...) {}
  Words operator()(Words words, RandomStream& random) const {
    std::apply([&](const auto&... p) { ((words = p(words, random)), ...); }, policies);
    return words;
  }
};

// Applies a policy to a text. Words are what ASCII white space separates; one space joins them.
template <class Policy>
std::string augmented_text(std::string_view text, const Policy& policy, RandomStream& random) {
  Words words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" \t\r\n", at), text.size());
    if (end > at) words.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  std::string out;
  for (const std::string& w : policy(words, random)) out += (out.empty() ? "" : " ") + w;
  return out;
}

// A view of records whose prompts (plain text, and the user's turns of a conversation) are changed;
// answers stay, but plain text without a prompt is changed itself. The change is a function of
// seed, epoch and the record's id.
//
//     records | augmented(DeleteWords{.probability = 0.1}, seed, epoch)
template <class Policy>
auto augmented(Policy policy, std::uint64_t seed, std::uint64_t epoch = 0) {
  return ranges::views::transform([=](const Record& record) {
    Record out = record;
    RandomStream random = random_stream(Stream::augment, seed, epoch, record.id);
    if (!out.prompt.text.empty()) out.prompt.text = augmented_text(out.prompt.text, policy, random);
    for (Message& m : out.prompt.messages)
      if (m.role == "user") m.content = augmented_text(m.content, policy, random);
    if (out.shape == Shape::text)
      for (Answer& a : out.answers) a.content.text = augmented_text(a.content.text, policy, random);
    return out;
  });
}

}  // namespace data
}  // namespace v0
}  // namespace hone
