#include "hone/kernel/head_pass.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "floats.hpp"
#include "hone/core/random.hpp"
#include "hone/core/scalar.hpp"
#include "hone/kernel/activation.hpp"
#include "hone/kernel/linear.hpp"
#include "hone/kernel/reference/head_pass.hpp"

namespace {

using namespace hone_test;
using namespace hone::kernel;
namespace reference = hone::kernel::reference;
using hone::Token;

struct Problem {
  HeadShape shape;
  std::int64_t states;
  Floats hidden, panels;
  std::vector<std::int64_t> index;
  std::vector<Token> targets;

  explicit Problem(HeadShape s, std::int64_t gap = 3) : shape(s), states(s.rows / 2 + 1) {
    shape.ld_hidden = s.dim + gap;
    hidden = random_floats(states * shape.ld_hidden, 1);
    panels.resize(static_cast<std::size_t>(panel_size(s.vocab, s.dim)));
    pack_panels(random_floats(s.vocab * s.dim, 2, 0.5f).data(), s.vocab, s.dim, panels.data());
    for (std::int64_t r = 0; r < s.rows; ++r) {
      const std::uint64_t random = hone::mix(3, static_cast<std::uint64_t>(r));
      // Rows share states, and the last token of the vocabulary occurs.
      index.push_back(static_cast<std::int64_t>(random % static_cast<std::uint64_t>(states)));
      targets.push_back(
          r == 1 ? static_cast<Token>(s.vocab - 1)
                 : static_cast<Token>((random >> 32) % static_cast<std::uint64_t>(s.vocab)));
    }
  }
};

// PPO's clipped loss and an entropy bonus, by hand, on plain floats.
struct Clip {
  bool entropy;
  Floats old;

  float value(std::int64_t r, float logprob, float h) const {
    const float advantage = r % 3 == 0 ? -1.0f : 0.5f + 0.1f * static_cast<float>(r % 5);
    const float ratio = hone::exp(logprob - old[static_cast<std::size_t>(r)]);
    const float limited = hone::clamp(ratio, 0.8f, 1.2f);
    return -std::min(ratio * advantage, limited * advantage) - (entropy ? 0.01f * h : 0.0f);
  }
  void operator()(std::int64_t begin, std::int64_t count, const float* logprobs,
                  const float* /*entropies*/, float* d_logprobs, float* d_entropies) const {
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t r = begin + i;
      const float advantage = r % 3 == 0 ? -1.0f : 0.5f + 0.1f * static_cast<float>(r % 5);
      const float ratio = hone::exp(logprobs[i] - old[static_cast<std::size_t>(r)]);
      const bool outside = advantage > 0 ? ratio > 1.2f : ratio < 0.8f;
      d_logprobs[i] = outside ? 0.0f : -hone::product(ratio, advantage);
      d_entropies[i] = entropy ? -0.01f : 0.0f;
    }
  }
};

struct Outcome {
  Floats logprobs, entropies, dhidden, dpanels;
};

Outcome fused(const Problem& p, bool entropy) {
  Outcome o{Floats(p.targets.size()), Floats(p.targets.size()),
            random_floats(static_cast<std::int64_t>(p.hidden.size()), 5), Floats(p.panels.size())};
  pack_panels(random_floats(p.shape.vocab * p.shape.dim, 6).data(), p.shape.vocab, p.shape.dim,
              o.dpanels.data());
  head_scores(p.shape, p.hidden.data(), p.panels.data(), p.index.data(), p.targets.data(),
              o.logprobs.data(), o.entropies.data());
  Clip clip{entropy, o.logprobs};
  for (float& x : clip.old) x -= 0.05f;
  Floats seen(p.targets.size());
  head_gradients(
      p.shape, p.hidden.data(), p.panels.data(), p.index.data(), p.targets.data(), entropy,
      [&](std::int64_t begin, std::int64_t count, const float* lp, const float* h, float* dlp,
          float* dh) {
        EXPECT_EQ(begin % 16, 0);
        std::copy_n(lp, count, seen.begin() + begin);
        for (std::int64_t i = 0; i < count; ++i)
          EXPECT_EQ(h[i], entropy ? o.entropies[static_cast<std::size_t>(begin + i)] : 0.0f);
        clip(begin, count, lp, h, dlp, dh);
      },
      o.dhidden.data(), o.dpanels.data());
  EXPECT_EQ(differing(seen, o.logprobs), 0);
  return o;
}

Outcome unfused(const Problem& p, bool entropy) {
  const reference::HeadPass<float> pass(p.shape, p.hidden.data(), p.panels.data(), p.index.data(),
                                        p.targets.data());
  Outcome o{pass.logprobs, pass.entropies,
            random_floats(static_cast<std::int64_t>(p.hidden.size()), 5), Floats(p.panels.size())};
  pack_panels(random_floats(p.shape.vocab * p.shape.dim, 6).data(), p.shape.vocab, p.shape.dim,
              o.dpanels.data());
  Clip clip{entropy, o.logprobs};
  for (float& x : clip.old) x -= 0.05f;
  Floats dlp(p.targets.size()), dh(p.targets.size());
  clip(0, p.shape.rows, o.logprobs.data(), o.entropies.data(), dlp.data(), dh.data());
  pass.gradients(p.panels.data(), p.index.data(), p.targets.data(), dlp.data(),
                 entropy ? dh.data() : nullptr, o.dhidden.data(), o.dpanels.data());
  return o;
}

void expect_equal(const Outcome& a, const Outcome& b, const std::string& what) {
  EXPECT_EQ(differing(a.logprobs, b.logprobs), 0) << "logprobs, " << what;
  EXPECT_EQ(differing(a.entropies, b.entropies), 0) << "entropies, " << what;
  EXPECT_EQ(differing(a.dhidden, b.dhidden), 0) << "dhidden, " << what;
  EXPECT_EQ(differing(a.dpanels, b.dpanels), 0) << "dpanels, " << what;
}

const std::vector<HeadShape> shapes = {
    {.rows = 0, .dim = 5, .vocab = 9},
    {.rows = 1, .dim = 1, .vocab = 1},
    {.rows = 2, .dim = 7, .vocab = 16, .temperature = 0.7f},
    {.rows = 7, .dim = 20, .vocab = 33, .softcap = 3.0f},
    {.rows = 37, .dim = 33, .vocab = 100, .temperature = 1.3f, .softcap = 5.0f},
    {.rows = 45, .dim = 270, .vocab = 527},
    {.rows = 100, .dim = 48, .vocab = 1001, .temperature = 0.9f},
};

TEST(HeadPass, EqualsStoredLogitsBitForBit) {
  for (const HeadShape& s : shapes)
    for (bool entropy : {false, true}) {
      const Problem p(s);
      expect_equal(fused(p, entropy), unfused(p, entropy),
                   std::to_string(s.rows) + " rows, vocabulary " + std::to_string(s.vocab));
    }
}

TEST(HeadPass, BlocksAndThreadsChangeNoBit) {
  const int before = hone::threads();
  Problem p({.rows = 150, .dim = 60, .vocab = 530, .temperature = 0.8f});
  const Outcome whole = fused(p, true);
  for (std::int64_t bytes : {1, 16 * 34 * 64, 64 * 34 * 64, 96 * 34 * 64})
    for (int n : {1, 2, 3, 4}) {
      hone::set_threads(n);
      p.shape.block_bytes = bytes;
      expect_equal(fused(p, true), whole,
                   std::to_string(bytes) + " bytes, " + std::to_string(n) + " threads");
    }
  hone::set_threads(before);
}

// What a sampler computes from a row of logits is what training computes.
TEST(HeadPass, EqualsTheSamplersArithmetic) {
  const Problem p({.rows = 30, .dim = 64, .vocab = 777, .temperature = 0.6f, .softcap = 4.0f});
  Floats scores(30), entropies(30);
  head_scores(p.shape, p.hidden.data(), p.panels.data(), p.index.data(), p.targets.data(),
              scores.data(), entropies.data());
  for (std::size_t r = 0; r < 30; ++r) {
    Floats logits(777);
    linear({.rows = 1, .in = 64, .out = 777}, p.hidden.data() + p.index[r] * p.shape.ld_hidden,
           p.panels.data(), nullptr, logits.data());
    activate(SoftCap{4.0f}, 777, logits.data(), logits.data());
    const auto row = log_softmax_stats<true>(logits.data(), 777, 0.6f);
    EXPECT_EQ(hone::to_bits(scores[r]),
              hone::to_bits(logprob(row, logits[static_cast<std::size_t>(p.targets[r])])));
    EXPECT_EQ(hone::to_bits(entropies[r]), hone::to_bits(row.entropy));
  }
}

TEST(HeadPass, AFrozenHeadOrFrozenStatesLeaveTheOtherGradientAsItIs) {
  const Problem p({.rows = 40, .dim = 30, .vocab = 90});
  const Outcome both = fused(p, true);
  Clip clip{true, both.logprobs};
  for (float& x : clip.old) x -= 0.05f;
  Outcome one = both;
  one.dhidden = random_floats(static_cast<std::int64_t>(p.hidden.size()), 5);
  pack_panels(random_floats(90 * 30, 6).data(), 90, 30, one.dpanels.data());
  head_gradients(p.shape, p.hidden.data(), p.panels.data(), p.index.data(), p.targets.data(), true,
                 clip, one.dhidden.data(), nullptr);
  head_gradients(p.shape, p.hidden.data(), p.panels.data(), p.index.data(), p.targets.data(), true,
                 clip, nullptr, one.dpanels.data());
  expect_equal(one, both, "one at a time");
}

TEST(HeadPass, AnObjectiveMayRunAHeadItself) {
  const Problem p({.rows = 20, .dim = 30, .vocab = 90});
  const Outcome expected = fused(p, false);
  Clip clip{false, expected.logprobs};
  for (float& x : clip.old) x -= 0.05f;
  Outcome nested = expected;
  nested.dhidden = random_floats(static_cast<std::int64_t>(p.hidden.size()), 5);
  pack_panels(random_floats(90 * 30, 6).data(), 90, 30, nested.dpanels.data());
  head_gradients(
      p.shape, p.hidden.data(), p.panels.data(), p.index.data(), p.targets.data(), false,
      [&](std::int64_t begin, std::int64_t count, const float* lp, const float* h, float* dlp,
          float* dh) {
        Floats again(20);
        head_scores(p.shape, p.hidden.data(), p.panels.data(), p.index.data(), p.targets.data(),
                    again.data(), nullptr);
        EXPECT_EQ(differing(again, expected.logprobs), 0);
        clip(begin, count, lp, h, dlp, dh);
      },
      nested.dhidden.data(), nested.dpanels.data());
  expect_equal(nested, expected, "nested");
}

// Central differences of the double-precision pass against the fused gradients.
TEST(HeadPass, GradientsAreThoseOfFiniteDifferences) {
  for (const HeadShape& s :
       {HeadShape{.rows = 6, .dim = 5, .vocab = 19},
        HeadShape{.rows = 6, .dim = 5, .vocab = 19, .temperature = 0.7f, .softcap = 2.0f}}) {
    const Problem p(s);
    // L = sum over r of a_r logprob_r + b_r entropy_r
    const Floats a = random_floats(s.rows, 11), b = random_floats(s.rows, 12);
    Floats dhidden(p.hidden.size()), dpanels(p.panels.size());
    head_gradients(
        p.shape, p.hidden.data(), p.panels.data(), p.index.data(), p.targets.data(), true,
        [&](std::int64_t begin, std::int64_t count, const float*, const float*, float* dlp,
            float* dh) {
          std::copy_n(a.begin() + begin, count, dlp);
          std::copy_n(b.begin() + begin, count, dh);
        },
        dhidden.data(), dpanels.data());
    std::vector<double> hidden(p.hidden.begin(), p.hidden.end());
    std::vector<double> panels(p.panels.begin(), p.panels.end());
    const auto loss = [&] {
      const reference::HeadPass<double> pass(p.shape, hidden.data(), panels.data(), p.index.data(),
                                             p.targets.data());
      double sum = 0;
      for (std::size_t r = 0; r < a.size(); ++r)
        sum += double{a[r]} * pass.logprobs[r] + double{b[r]} * pass.entropies[r];
      return sum;
    };
    double worst = 0;
    const auto check = [&](double& at, float gradient) {
      const double h = 1e-5, before = at;
      at = before + h;
      const double up = loss();
      at = before - h;
      const double down = loss();
      at = before;
      worst = std::max(worst, std::fabs((up - down) / (2 * h) - double{gradient}));
    };
    for (std::size_t i = 0; i < hidden.size(); ++i) check(hidden[i], dhidden[i]);
    for (std::int64_t v = 0; v < s.vocab; ++v)
      for (std::int64_t k = 0; k < s.dim; ++k) {
        const auto i = static_cast<std::size_t>(panel_index(s.dim, v, k));
        check(panels[i], dpanels[i]);
      }
    std::printf("largest difference from finite differences: %.3g\n", worst);
    EXPECT_LT(worst, 2e-6);
  }
}

// The exact KL to a reference of its own width.
struct KlProblem {
  Problem actor, reference;
  HeadReference beside;

  explicit KlProblem(const HeadShape& s)
      : actor(s),
        reference({.rows = s.rows,
                   .dim = s.dim + 5,
                   .vocab = s.vocab,
                   .temperature = s.temperature,
                   .softcap = s.softcap > 0.0f ? s.softcap + 1.0f : 0.0f}) {
    for (float& x : reference.hidden) x *= 0.9f;
    beside = {.hidden = reference.hidden.data(),
              .panels = reference.panels.data(),
              .dim = reference.shape.dim,
              .ld_hidden = reference.shape.ld_hidden,
              .softcap = reference.shape.softcap};
  }
};

struct KlOutcome {
  Outcome usual;
  Floats kls;
};

// Derivatives of the loss that depend on the values, so that both must be right.
void by_hand(const HeadColumns& c, std::int64_t count, bool entropy) {
  for (std::int64_t i = 0; i < count; ++i) {
    c.d_logprobs[i] = 0.3f - 0.1f * c.logprobs[i];
    if (entropy) c.d_entropies[i] = -0.2f * c.entropies[i];
    c.d_kls[i] = 0.5f + c.kls[i];
  }
}

KlOutcome fused(const KlProblem& p, bool entropy) {
  const Problem& a = p.actor;
  KlOutcome o{{Floats(a.targets.size()), Floats(a.targets.size()), Floats(a.hidden.size()),
               Floats(a.panels.size())},
              Floats(a.targets.size())};
  head_scores(a.shape, a.hidden.data(), a.panels.data(), &p.beside, a.index.data(),
              a.targets.data(), o.usual.logprobs.data(),
              entropy ? o.usual.entropies.data() : nullptr, o.kls.data());
  head_gradients(
      a.shape, a.hidden.data(), a.panels.data(), &p.beside, a.index.data(), a.targets.data(),
      entropy,
      [&](std::int64_t begin, std::int64_t count, const HeadColumns& c) {
        for (std::int64_t i = 0; i < count; ++i) {
          EXPECT_EQ(c.kls[i], o.kls[static_cast<std::size_t>(begin + i)]);
          EXPECT_EQ(c.logprobs[i], o.usual.logprobs[static_cast<std::size_t>(begin + i)]);
        }
        by_hand(c, count, entropy);
      },
      o.usual.dhidden.data(), o.usual.dpanels.data());
  return o;
}

KlOutcome unfused(const KlProblem& p, bool entropy) {
  const Problem &a = p.actor, &b = p.reference;
  const reference::HeadPass<float> pass(a.shape, a.hidden.data(), a.panels.data(), a.index.data(),
                                        a.targets.data());
  const reference::HeadPass<float> beside(b.shape, b.hidden.data(), b.panels.data(), a.index.data(),
                                          a.targets.data());
  KlOutcome o{{pass.logprobs, entropy ? pass.entropies : Floats(a.targets.size()),
               Floats(a.hidden.size()), Floats(a.panels.size())},
              pass.divergences(beside)};
  Floats dlp(a.targets.size()), dh(dlp), dkl(dlp);
  by_hand({o.usual.logprobs.data(), o.usual.entropies.data(), o.kls.data(), dlp.data(), dh.data(),
           dkl.data()},
          a.shape.rows, entropy);
  pass.gradients(a.panels.data(), a.index.data(), a.targets.data(), dlp.data(),
                 entropy ? dh.data() : nullptr, o.usual.dhidden.data(), o.usual.dpanels.data(),
                 &beside, dkl.data());
  return o;
}

TEST(HeadPassWithAReference, EqualsStoredLogitsBitForBit) {
  const int before = hone::threads();
  for (const HeadShape& s : shapes)
    for (bool entropy : {false, true}) {
      KlProblem p(s);
      const KlOutcome expected = unfused(p, entropy);
      for (std::int64_t bytes : {std::int64_t{1}, 128 * s.vocab, s.block_bytes}) {
        hone::set_threads(bytes == 1 ? 1 : bytes == s.block_bytes ? 4 : 3);
        p.actor.shape.block_bytes = bytes;
        const KlOutcome found = fused(p, entropy);
        const std::string what = std::to_string(s.rows) + " rows, vocabulary " +
                                 std::to_string(s.vocab) + ", " + std::to_string(bytes) + " bytes";
        expect_equal(found.usual, expected.usual, what);
        EXPECT_EQ(differing(found.kls, expected.kls), 0) << "kls, " << what;
      }
    }
  hone::set_threads(before);
}

TEST(HeadPassWithAReference, IsZeroWhereTheModelsAreEqualAndPullsNowhere) {
  const Problem p({.rows = 37, .dim = 33, .vocab = 100, .temperature = 1.3f, .softcap = 5.0f});
  const HeadReference itself{.hidden = p.hidden.data(),
                             .panels = p.panels.data(),
                             .dim = 33,
                             .ld_hidden = p.shape.ld_hidden,
                             .softcap = 5.0f};
  Floats dhidden(p.hidden.size()), dpanels(p.panels.size());
  head_gradients(
      p.shape, p.hidden.data(), p.panels.data(), &itself, p.index.data(), p.targets.data(), false,
      [](std::int64_t, std::int64_t count, const HeadColumns& c) {
        for (std::int64_t i = 0; i < count; ++i) {
          EXPECT_EQ(c.kls[i], 0.0f);
          c.d_kls[i] = 1.0f;
        }
      },
      dhidden.data(), dpanels.data());
  for (float x : dhidden) EXPECT_EQ(x, 0.0f);
  for (float x : dpanels) EXPECT_EQ(x, 0.0f);
}

TEST(HeadPassWithAReference, AgreesWithDoublesAndFiniteDifferences) {
  for (const HeadShape& s :
       {HeadShape{.rows = 6, .dim = 5, .vocab = 19},
        HeadShape{.rows = 7, .dim = 5, .vocab = 33, .temperature = 0.7f, .softcap = 2.0f}}) {
    const KlProblem p(s);
    const Problem &a = p.actor, &b = p.reference;
    const Floats weights = random_floats(s.rows, 11);
    Floats kls(a.targets.size()), dhidden(a.hidden.size()), dpanels(a.panels.size());
    head_gradients(
        a.shape, a.hidden.data(), a.panels.data(), &p.beside, a.index.data(), a.targets.data(),
        false,
        [&](std::int64_t begin, std::int64_t count, const HeadColumns& c) {
          std::copy_n(c.kls, count, kls.begin() + begin);
          std::copy_n(weights.begin() + begin, count, c.d_kls);
        },
        dhidden.data(), dpanels.data());

    std::vector<double> hidden(a.hidden.begin(), a.hidden.end());
    std::vector<double> panels(a.panels.begin(), a.panels.end());
    // q = softmax of the reference's logits, from the definition.
    const auto logits_of = [](const HeadShape& shape, const std::vector<double>& x,
                              const std::vector<double>& w, std::int64_t state) {
      std::vector<double> z(static_cast<std::size_t>(shape.vocab));
      double total = 0;
      for (std::int64_t v = 0; v < shape.vocab; ++v) {
        double dot = 0;
        for (std::int64_t k = 0; k < shape.dim; ++k)
          dot += x[static_cast<std::size_t>(state * shape.ld_hidden + k)] *
                 w[static_cast<std::size_t>(panel_index(shape.dim, v, k))];
        if (shape.softcap > 0) dot = double{shape.softcap} * std::tanh(dot / double{shape.softcap});
        z[static_cast<std::size_t>(v)] = dot / double{shape.temperature};
        total += std::exp(z[static_cast<std::size_t>(v)]);
      }
      for (double& x_v : z) x_v -= std::log(total);
      return z;
    };
    const std::vector<double> beside_hidden(b.hidden.begin(), b.hidden.end());
    const std::vector<double> beside_panels(b.panels.begin(), b.panels.end());
    const auto divergence = [&](std::size_t r) {
      const auto log_p = logits_of(a.shape, hidden, panels, a.index[r]);
      const auto log_q = logits_of(b.shape, beside_hidden, beside_panels, a.index[r]);
      double kl = 0;
      for (std::size_t v = 0; v < log_p.size(); ++v)
        kl += std::exp(log_p[v]) * (log_p[v] - log_q[v]);
      return kl;
    };
    const auto loss = [&] {
      double sum = 0;
      for (std::size_t r = 0; r < kls.size(); ++r) sum += double{weights[r]} * divergence(r);
      return sum;
    };
    for (std::size_t r = 0; r < kls.size(); ++r) {
      EXPECT_GT(divergence(r), 0.001);
      EXPECT_NEAR(double{kls[r]}, divergence(r), 1e-6);
    }
    double worst = 0, largest = 0;
    const auto check = [&](double& at, float gradient) {
      const double h = 1e-5, before = at;
      at = before + h;
      const double up = loss();
      at = before - h;
      const double down = loss();
      at = before;
      worst = std::max(worst, std::fabs((up - down) / (2 * h) - double{gradient}));
      largest = std::max(largest, std::fabs(double{gradient}));
    };
    for (std::size_t i = 0; i < hidden.size(); ++i) check(hidden[i], dhidden[i]);
    for (std::int64_t v = 0; v < s.vocab; ++v)
      for (std::int64_t k = 0; k < s.dim; ++k) {
        const auto i = static_cast<std::size_t>(panel_index(s.dim, v, k));
        check(panels[i], dpanels[i]);
      }
    std::printf("largest difference from finite differences: %.3g of %.3g\n", worst, largest);
    EXPECT_LT(worst, 1e-6);
    EXPECT_GT(largest, 0.01);
  }
}

TEST(HeadPass, RefusesWhatMakesNoSense) {
  Problem p({.rows = 4, .dim = 5, .vocab = 9});
  Floats out(4);
  const auto run = [&] {
    head_scores(p.shape, p.hidden.data(), p.panels.data(), p.index.data(), p.targets.data(),
                out.data(), nullptr);
  };
  EXPECT_NO_THROW(run());
  p.targets[2] = 9;
  EXPECT_THROW(run(), hone::Error);
  p.targets[2] = -1;
  EXPECT_THROW(run(), hone::Error);
  p.targets[2] = 0;
  p.index[3] = -1;
  EXPECT_THROW(run(), hone::Error);
  p.index[3] = 0;
  p.shape.temperature = 0.0f;
  EXPECT_THROW(run(), hone::Error);
}

TEST(HeadPass, FingerprintIsThatOfEveryBuild) {
  std::uint64_t fingerprint = 0;
  for (const HeadShape& s : shapes) {
    const Outcome o = fused(Problem(s), true);
    for (const Floats* v : {&o.logprobs, &o.entropies, &o.dhidden, &o.dpanels})
      for (float x : *v) fingerprint = hone::mix(fingerprint, hone::to_bits(x));
  }
  std::printf("%s: %016llx\n", hone::simd_name, static_cast<unsigned long long>(fingerprint));
  EXPECT_EQ(fingerprint, 0xf22b49915e645e4du);
}

}  // namespace
