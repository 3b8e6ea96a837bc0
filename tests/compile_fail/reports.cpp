// Rewards and sinks that cannot be called.
//
// expect: a reward is called as number\(const hone::Completion&\)
// expect: a sink has at least one of begin\(const Run&\)
#include "hone/report/sinks.hpp"
#include "hone/reward/function.hpp"

using namespace hone;

struct OfText {
  float operator()(const std::string& text) const { return static_cast<float>(text.size()); }
};
struct Mute {
  void step(int) {}
};

float f(std::span<const Completion> batch) {
#if HONE_FAIL == 1
  return reward::evaluate(OfText{}, batch)[0];
#elif HONE_FAIL == 2
  report::Sinks sinks{Mute{}};
  sinks.end();
#endif
  return reward::evaluate([](const auto& c) { return c.tokens.size(); }, batch)[0];
}
