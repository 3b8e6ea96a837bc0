// L = sum over the positions of a pair of share * loss(s_c, s_r)
//
// An objective of scores with the positions that it compares (loss/positions.hpp): one value to
// give to a trainer.
//
//   OfflineTrainer trainer{judge, loss::ComparedAt{loss::BradleyTerry{}, loss::FromDivergence{}}};
#pragma once

#include <type_traits>
#include <vector>

#include "hone/core/inputs.hpp"
#include "hone/core/reads.hpp"
#include "hone/loss/positions.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

namespace detail {

template <class P>
constexpr bool is_positions =
    std::is_invocable_v<const P&, const ScoredSequence&, const ScoredSequence&, float, float,
                        std::vector<ScorePair>&>;

template <class Loss>
constexpr bool is_loss_of_scores() {
  if constexpr (level_of<Loss> == Level::score)
    return objective<Loss>;
  else
    return false;
}

}  // namespace detail

template <class Loss, class Positions>
struct ComparedAt {
  static constexpr Level level = Level::score;
  static_assert(
      detail::is_loss_of_scores<Loss>(),
      "hone: ComparedAt's .loss is no loss of scores: write .loss = loss::BradleyTerry{}, "
      "or a struct with `static constexpr auto level = Level::score;` that is called "
      "with a ScoreInputs<T>");
  static_assert(detail::is_positions<Positions>,
                "hone: ComparedAt's .positions cannot be called as positions: write .positions = "
                "loss::FromDivergence{} or loss::EndScores{}, or `void operator()(const "
                "loss::ScoredSequence& chosen, const loss::ScoredSequence& rejected, float margin, "
                "float weight, std::vector<loss::ScorePair>& out) const`");

  Loss loss{};
  Positions positions{};

  template <class T>
  HONE_HD constexpr T operator()(const ScoreInputs<T>& s) const {
    return loss(s);
  }
  bool operator==(const ComparedAt&) const = default;
};

// The positions that an objective of scores compares: its own, else the ends of the answers.
template <class Objective>
constexpr auto positions_of(const Objective& objective) {
  if constexpr (requires { objective.positions; })
    return objective.positions;
  else
    return EndScores{};
}

}  // namespace loss
}  // namespace v0
}  // namespace hone
