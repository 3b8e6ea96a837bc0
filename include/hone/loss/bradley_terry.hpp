// L = -log sigmoid(s_c - s_r - margin) + centring (s_c + s_r)^2
//
// Reward-model training (Bradley & Terry, 1952; Ouyang et al., "Training language models to follow
// instructions with human feedback", 2022, eq. 1). The margin is the data's (Touvron et al., "Llama
// 2", 2023, eq. 2; 0 without one). `centring` keeps scores near 0 (Eisenstein et al., "Helping or
// herding?", 2023, eq. 4; TRL suggests 0.01). Which scores are compared, those at the ends or those
// of every position from the first divergence on, is said where the pairs are made
// (loss/positions.hpp).
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

struct BradleyTerry {
  static constexpr Level level = Level::score;

  float centring = 0.0f;

  template <class T>
  HONE_HD constexpr T operator()(const ScoreInputs<T>& s) const {
    const T sum = s.chosen + s.rejected;
    return centring * (sum * sum) - log_sigmoid(s.chosen - s.rejected - s.margin);
  }
  bool operator==(const BradleyTerry&) const = default;
};

}  // namespace loss
}  // namespace v0
}  // namespace hone
