// Records as their files spell them, brought into the one form: a prompt that both answers repeat
// is taken out of them, text and conversation are not mixed.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <utility>
#include <vector>

#include "hone/data/record.hpp"

namespace hone {
inline namespace v0 {
namespace data {

// Moves the part that all answers begin with to the end of the prompt. Text is cut where a word
// ends; of a conversation each answer keeps at least its last turn.
inline void extract_prompt(Record& record) {
  std::vector<Answer>& answers = record.answers;
  const Content& first = answers.front().content;
  if (first.conversation()) {
    std::size_t shared = first.messages.size() - 1;
    for (const Answer& a : answers) {
      const auto& turns = a.content.messages;
      std::size_t n = 0;
      while (n < std::min(shared, turns.size() - 1) && turns[n] == first.messages[n]) ++n;
      shared = n;
    }
    const auto cut = static_cast<std::ptrdiff_t>(shared);
    auto& prompt = record.prompt.messages;
    prompt.insert(prompt.end(), first.messages.begin(), first.messages.begin() + cut);
    for (Answer& a : answers) {
      auto& turns = a.content.messages;
      turns.erase(turns.begin(), turns.begin() + cut);
    }
    return;
  }
  std::size_t shared = first.text.size();
  for (const Answer& a : answers) {
    std::size_t n = 0;
    while (n < std::min(shared, a.content.text.size()) && a.content.text[n] == first.text[n]) ++n;
    shared = n;
  }
  const auto space = [&](std::size_t i) {
    return std::isspace(static_cast<unsigned char>(first.text[i])) != 0;
  };
  const auto at_word = [&](const Answer& a) {
    return shared == a.content.text.size() ||
           std::isspace(static_cast<unsigned char>(a.content.text[shared]));
  };
  bool whole = true;
  for (const Answer& a : answers) whole = whole && at_word(a) && shared < a.content.text.size();
  if (!whole)
    while (shared > 0 && !space(shared - 1)) --shared;
  while (shared > 0 && space(shared - 1)) --shared;
  record.prompt.text += first.text.substr(0, shared);
  for (Answer& a : answers) a.content.text.erase(0, shared);
}

// Text beside messages becomes a message: a record is all text or all conversation.
inline void make_uniform(Record& record) {
  bool any = record.prompt.conversation();
  for (const Answer& a : record.answers) any = any || a.content.conversation();
  if (!any) return;
  for (Answer& a : record.answers)
    if (!a.content.conversation())
      a.content = {.messages = {{.role = "assistant", .content = std::move(a.content.text)}}};
  Content& prompt = record.prompt;
  if (prompt.conversation() || prompt.text.empty()) return;
  bool repeated = !record.answers.empty();  // the whole conversation under "chosen"
  for (const Answer& a : record.answers)
    repeated = repeated && a.content.messages.front() == Message{"user", prompt.text};
  Message asked{.role = "user", .content = std::move(prompt.text)};
  prompt = {};
  if (!repeated) prompt.messages.push_back(std::move(asked));
}

}  // namespace data
}  // namespace v0
}  // namespace hone
