// A tokenizer and a chat template small enough to read the results by eye.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hone/core/forest.hpp"
#include "hone/core/message.hpp"

namespace data_test {

inline constexpr auto bytes = [](std::string_view text) {
  std::vector<hone::Token> out;
  for (const char c : text) out.push_back(static_cast<unsigned char>(c));
  return out;
};

inline std::string text_of(std::span<const hone::Token> tokens) {
  std::string out;
  for (const hone::Token t : tokens)
    out += t < 256 ? std::string(1, static_cast<char>(t)) : "<" + std::to_string(t) + ">";
  return out;
}

inline constexpr auto chatml = [](std::span<const hone::Message> turns, bool open_answer) {
  std::string out;
  for (const hone::Message& m : turns)
    out += "<|im_start|>" + m.role + "\n" + m.content + "<|im_end|>\n";
  return open_answer ? out + "<|im_start|>assistant\n" : out;
};

}  // namespace data_test
