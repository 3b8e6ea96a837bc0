#include "hone/loss/gmpo.hpp"

#include <gtest/gtest.h>

#include "objective_check.hpp"

namespace hone::test {
namespace {

TEST(Gmpo, IsTheExponentialOfTheMean) {
  static_assert(reads<loss::Gmpo>.token_sum && !reads<loss::Gmpo>.old_logprob);
  check_objective(loss::Gmpo{}, [](const auto& s, const auto&) {
    return -s.advantage * std::exp(s.token_sum / s.length);
  });
}

struct TokenStage {
  loss::Gmpo f{.log_clip_low = 0.25f, .log_clip_high = 0.125f};
  template <class T>
  constexpr T operator()(const TokenInputs<T>& t) const {
    return f.token(t);
  }
};

TEST(Gmpo, ClipsLogRatiosInTheDirectionOfTheAdvantage) {
  check_objective(TokenStage{}, [](const auto& t, const auto&) {
    const double l = t.logprob - t.old_logprob;
    return t.advantage > 0 ? std::min(l, 0.125) : std::max(l, -0.25);
  });
}

}  // namespace
}  // namespace hone::test
