// One sampled answer as a reward sees it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hone/core/columns.hpp"
#include "hone/core/forest.hpp"
#include "hone/core/message.hpp"

namespace hone {
inline namespace v0 {

// Why an answer ended.
enum class FinishReason : std::uint8_t {
  end_token,    // the model said so: the last token is an end token
  stop_string,  // the text holds a stop string
  length,       // max_new_tokens, or the end of the model's context
  environment,  // the environment ended the episode
};

inline constexpr std::string_view name_of(FinishReason reason) {
  constexpr std::string_view names[] = {"end_token", "stop_string", "length", "environment"};
  return names[static_cast<std::size_t>(reason)];
}

// A truncated answer stopped where the model would have gone on.
inline constexpr bool truncated(FinishReason reason) { return reason == FinishReason::length; }

// What a reward is a function of. An answer may be empty; it still has one score.
struct Completion {
  std::string text = {};               // the answer in words, special tokens left out
  std::vector<Token> tokens = {};      // every sampled token, the end token included
  std::string prompt = {};             // the prompt in words, as the model read it
  std::vector<Message> messages = {};  // the conversation before the answer, where there is one
  Columns columns = {};                // the record's extra columns, "answer" and the like
  FinishReason finish = FinishReason::end_token;
  std::uint64_t id = 0;    // of the prompt; answers of one group share it
  std::int32_t index = 0;  // which answer of its group
};

}  // namespace v0
}  // namespace hone
