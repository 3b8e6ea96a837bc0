// Estimators whose value is one thing and whose gradient another
//
//   StraightThrough{value, gradient}   value of the first, gradient of the second. verl's suffix
//                                      `+` is StraightThrough{K3{}, K2{}}
//   ScoreFunction{estimator}           k e^(log pi - sg log pi): k itself, with the gradient
//                                      grad k + k grad log pi, whose mean over samples of pi is
//                                      that of KL(pi, ref). NeMo RL; InLoss::unbiased is the same
//                                      on the first pass, and right on later ones too
#pragma once

#include "hone/core/inputs.hpp"

namespace hone {
inline namespace v0 {
namespace kl {

template <class Value, class Gradient>
struct StraightThrough {
  Value value{};
  Gradient gradient{};

  template <class T>
  HONE_HD constexpr T operator()(const TokenInputs<T>& t) const {
    const T g = gradient(t);
    return stop_gradient(T(value(t))) + (g - stop_gradient(g));
  }
  bool operator==(const StraightThrough&) const = default;
};

template <class Estimator>
struct ScoreFunction {
  Estimator estimator{};

  template <class T>
  HONE_HD constexpr T operator()(const TokenInputs<T>& t) const {
    return exp(t.logprob - stop_gradient(t.logprob)) * estimator(t);
  }
  bool operator==(const ScoreFunction&) const = default;
};

}  // namespace kl
}  // namespace v0
}  // namespace hone
