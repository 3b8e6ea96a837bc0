// The one form of all data sets: a prompt and the answers that are known for it.
//
// Plain text is an answer to nothing; a conversation is a prompt and its last turn; a preference is
// a prompt with two answers; people's ranking of K answers is a prompt with K. A reader for a data
// set of one's own is a function that returns Record.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/core/columns.hpp"
#include "hone/core/message.hpp"

namespace hone {
inline namespace v0 {
namespace data {

// Plain text, or the turns of a conversation that a chat template turns into text.
struct Content {
  std::string text = {};
  std::vector<Message> messages = {};
  bool conversation() const { return !messages.empty(); }
  bool empty() const { return text.empty() && messages.empty(); }
  bool operator==(const Content&) const = default;
};

// A known answer. Of two answers the one with the greater score is the better one; only the order
// of scores and their differences carry meaning. A labelled answer has score 1 (good) or 0 (bad).
struct Answer {
  Content content = {};
  float score = 0.0f;
  bool operator==(const Answer&) const = default;
};

// Which fields a record had in its file.
enum class Shape : std::uint8_t {
  text,        // {"text"}
  messages,    // {"messages": [{"role", "content"}, ...]}
  prompt,      // {"prompt"}
  completion,  // {"prompt", "completion"}
  labelled,    // {"prompt", "completion", "label": true or false}
  preference,  // {"prompt", "chosen", "rejected"}; the prompt may be left implicit
  ranked       // {"prompt", "answers": [...], "ranks": [...] or "scores": [...]}
};

inline constexpr std::string_view name_of(Shape shape) {
  constexpr std::array<std::string_view, 7> names = {
      "text", "messages", "prompt", "completion", "labelled", "preference", "ranked"};
  return names[static_cast<std::size_t>(shape)];
}

struct Record {
  std::uint64_t id = 0;  // names the record for splits and random numbers; unique in its data set
  Shape shape = Shape::text;
  Content prompt = {};
  std::vector<Answer> answers = {};
  Columns columns = {};  // every other field of the record, for rewards
  bool operator==(const Record&) const = default;
};

inline Record demonstration(std::uint64_t id, std::string prompt, std::string answer) {
  return {.id = id,
          .shape = Shape::completion,
          .prompt = {.text = std::move(prompt)},
          .answers = {{.content = {.text = std::move(answer)}}}};
}

inline Record preference(std::uint64_t id, std::string prompt, std::string chosen,
                         std::string rejected) {
  return {.id = id,
          .shape = Shape::preference,
          .prompt = {.text = std::move(prompt)},
          .answers = {{.content = {.text = std::move(chosen)}, .score = 1.0f},
                      {.content = {.text = std::move(rejected)}, .score = 0.0f}}};
}

// Index of the answer with the greatest score, the first of equals; -1 without answers.
template <class Scores>
int best(const Scores& scores) {
  int at = -1;
  for (int i = 0; i < static_cast<int>(scores.size()); ++i)
    if (at < 0 || scores[static_cast<std::size_t>(i)] > scores[static_cast<std::size_t>(at)])
      at = i;
  return at;
}

// All (better, worse) with score[better] - score[worse] > min_difference, in order of indices.
// K distinct scores give K(K-1)/2 pairs (InstructGPT, Ouyang et al. 2022, section 3.5).
template <class Scores>
std::vector<std::array<int, 2>> pairs(const Scores& scores, float min_difference = 0.0f) {
  std::vector<std::array<int, 2>> out;
  const int count = static_cast<int>(scores.size());
  for (int i = 0; i < count; ++i)
    for (int j = i + 1; j < count; ++j) {
      const float difference =
          scores[static_cast<std::size_t>(i)] - scores[static_cast<std::size_t>(j)];
      if (difference > min_difference) out.push_back({i, j});
      if (-difference > min_difference) out.push_back({j, i});
    }
  return out;
}

inline std::vector<float> scores(const Record& record) {
  std::vector<float> out;
  for (const Answer& a : record.answers) out.push_back(a.score);
  return out;
}

}  // namespace data
}  // namespace v0
}  // namespace hone
