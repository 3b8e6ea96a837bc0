#include "hone/loss/sum.hpp"

#include <gtest/gtest.h>

#include "hone/loss/gmpo.hpp"
#include "hone/loss/gspo.hpp"

#include "objective_check.hpp"

namespace hone::test {
namespace {

struct Left {
  template <class T>
  constexpr T operator()(const TokenInputs<T>& t) const {
    return exp(t.logprob - t.ref_logprob) * t.advantage;
  }
};
struct Right {
  template <class T>
  constexpr T operator()(const TokenInputs<T>& t) const {
    return t.entropy * t.logprob;
  }
};
// The same as one formula: what Sum must not differ from.
struct Whole {
  template <class T>
  constexpr T operator()(const TokenInputs<T>& t) const {
    return exp(t.logprob - t.ref_logprob) * t.advantage + t.entropy * t.logprob;
  }
};

double whole(const TokenInputs<double>& t) {
  return std::exp(t.logprob - t.ref_logprob) * t.advantage + t.entropy * t.logprob;
}

TEST(Sum, ReadsWhatItsTermsRead) {
  using S = loss::Sum<Left, Right>;
  static_assert(reads<S>.ref_logprob && reads<S>.entropy && !reads<S>.old_logprob);
  static_assert(slopes<Left> == 1 && slopes<Right> == 2 && slopes<S> == 2);
  check_objective(S{}, [](const auto& t, const auto&) { return whole(t); });
  check_objective(Whole{}, [](const auto& t, const auto&) { return whole(t); });
}

TEST(Sum, TermByTermIsBitEqualToTheWhole) {
  Draw random(3);
  for (int i = 0; i < 1000; ++i) {
    TokenInputs<float> t;
    TokenInputs<float>::each([](float& to, double from) { to = static_cast<float>(from); }, t,
                             random.token());
    const auto a = differentiate(loss::sum_of(Left{}, Right{}), t);
    const auto b = differentiate(Whole{}, t);
    ASSERT_EQ(a.value, b.value);
    ASSERT_EQ(a.slope.logprob, b.slope.logprob);
    ASSERT_EQ(a.slope.entropy, b.slope.entropy);
  }
}

TEST(Sum, HandsOnTheTokenStageOfEitherTerm) {
  static_assert(has_token_stage<loss::Sum<loss::Gmpo, loss::Gspo>>);
  static_assert(has_token_stage<loss::Sum<loss::Gspo, loss::Gmpo>>);
  static_assert(!has_token_stage<loss::Sum<loss::Gspo, loss::Gspo>>);
  TokenInputs<double> t;
  t.logprob = -1, t.old_logprob = -1.25, t.advantage = 1;
  EXPECT_EQ((loss::Sum<loss::Gmpo, loss::Gspo>{}.token(t)), 0.25);
  EXPECT_EQ((loss::Sum<loss::Gspo, loss::Gmpo>{}.token(t)), 0.25);
}

TEST(Sum, OfThree) {
  constexpr auto three = loss::sum_of(Left{}, Right{}, Right{});
  check_objective(three,
                  [](const auto& t, const auto&) { return whole(t) + t.entropy * t.logprob; });
}

}  // namespace
}  // namespace hone::test
