// What became of the records of a data set on their way to tokens. Nothing is lost in silence.
#pragma once

#include <array>
#include <cstdint>
#include <ostream>
#include <string_view>

#include "hone/core/config.hpp"

namespace hone {
inline namespace v0 {
namespace data {

struct Tally {
  std::uint64_t read = 0;             // records that came in
  std::uint64_t kept = 0;             // trees that went out (blocks, for plain text)
  std::uint64_t tokens = 0;           // in all trees
  std::uint64_t prompts_cut = 0;      // kept, but the head of the prompt was cut off
  std::uint64_t answers_cut = 0;      // answers whose tail was cut off, end token included
  std::uint64_t identical = 0;        // kept, but all answers are equal once cut
  std::uint64_t without_prompt = 0;   // unusable: the stage needs a prompt
  std::uint64_t without_answer = 0;   // unusable: the stage needs an answer
  std::uint64_t without_pair = 0;     // unusable: no two answers differ enough in score
  std::uint64_t prompt_too_long = 0;  // unusable: the prompt leaves no room for an answer

  std::uint64_t unusable() const {
    return without_prompt + without_answer + without_pair + prompt_too_long;
  }
  bool operator==(const Tally&) const = default;
};

// "9871 of 10605 records kept, 183402 tokens; unusable: 12 without an answer; cut: 3 answers"
inline std::ostream& operator<<(std::ostream& out, const Tally& t) {
  struct Count {
    std::uint64_t number;
    std::string_view words;
  };
  out << t.read << " records read, " << t.kept << " kept, " << t.tokens << " tokens";
  const auto list = [&](std::string_view head, auto counts) {
    for (const Count& c : counts)
      if (c.number > 0) {
        out << head << c.number << c.words;
        head = ", ";
      }
  };
  list("; unusable: ", std::array<Count, 4>{{{t.without_prompt, " without a prompt"},
                                             {t.without_answer, " without an answer"},
                                             {t.without_pair, " without a pair"},
                                             {t.prompt_too_long, " with too long a prompt"}}});
  list("; ", std::array<Count, 3>{{{t.prompts_cut, " prompts cut"},
                                   {t.answers_cut, " answers cut"},
                                   {t.identical, " with identical answers"}}});
  return out;
}

}  // namespace data
}  // namespace v0
}  // namespace hone
