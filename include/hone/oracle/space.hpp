// All answers over a small vocabulary, and the places where a token is chosen.
//
// An answer ends with the end token, or after `horizon` tokens. A row is a prefix after which a
// token is chosen; a tabular policy has one row of logits for each.
#pragma once

#include <cstdint>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/forest.hpp"

namespace hone {
inline namespace v0 {
namespace oracle {

struct Answer {
  std::vector<Token> tokens;
  std::vector<int> rows;  // rows[i]: where tokens[i] was chosen
  bool ended = false;     // by the end token; else cut off at the horizon
  int length() const { return static_cast<int>(tokens.size()); }
};

class Space {
 public:
  // end_token -1: no answer ends before the horizon.
  explicit Space(int vocabulary, int horizon, Token end_token = -1)
      : vocabulary_(vocabulary), horizon_(horizon), end_token_(end_token) {
    require(vocabulary >= 1 && horizon >= 1, "oracle: a space of ", vocabulary, " tokens and ",
            horizon, " steps, expected at least 1 of each");
    grow({});
  }

  int vocabulary() const { return vocabulary_; }                   // V
  int horizon() const { return horizon_; }                         // tokens at most
  int rows() const { return rows_; }                               // R
  const std::vector<Answer>& answers() const { return answers_; }  // depth first

 private:
  void grow(const Answer& prefix) {
    const int row = rows_++;
    require(rows_ <= 1 << 20, "oracle: more than ", 1 << 20,
            " prefixes, expected a space that can "
            "be enumerated");
    for (Token v = 0; v < vocabulary_; ++v) {
      Answer next = prefix;
      next.tokens.push_back(v);
      next.rows.push_back(row);
      next.ended = v == end_token_;
      if (next.ended || next.length() == horizon_)
        answers_.push_back(next);
      else
        grow(next);
    }
  }

  int vocabulary_, horizon_;
  Token end_token_;
  int rows_ = 0;
  std::vector<Answer> answers_;
};

}  // namespace oracle
}  // namespace v0
}  // namespace hone
