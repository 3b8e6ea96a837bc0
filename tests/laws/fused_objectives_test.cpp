// Laws 4, 5, 13 and 18 for every objective that runs behind the language-model head: the fused pass
// equals stored logits in double, value and gradients of hidden states and head, and finite
// differences of that value. The vocabulary is divided by no tile; what is masked is NaN; there are
// empty answers and answers of one token.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "hone/core/random.hpp"
#include "hone/kernel/head_pass.hpp"
#include "hone/kernel/reference/head_pass.hpp"
#include "hone/kl/absolute.hpp"
#include "hone/kl/full_vocabulary.hpp"
#include "hone/kl/in_loss.hpp"
#include "hone/kl/k1.hpp"
#include "hone/kl/k2.hpp"
#include "hone/kl/straight_through.hpp"
#include "hone/loss/cispo.hpp"
#include "hone/loss/dpo.hpp"
#include "hone/loss/dppo.hpp"
#include "hone/loss/entropy_bonus.hpp"
#include "hone/loss/gmpo.hpp"
#include "hone/loss/gspo.hpp"
#include "hone/loss/hinge_dpo.hpp"
#include "hone/loss/importance_sampling.hpp"
#include "hone/loss/ipo.hpp"
#include "hone/loss/kto.hpp"
#include "hone/loss/nll.hpp"
#include "hone/loss/orpo.hpp"
#include "hone/loss/policy_gradient.hpp"
#include "hone/loss/ppo_clip.hpp"
#include "hone/loss/ppo_penalty.hpp"
#include "hone/loss/robust_dpo.hpp"
#include "hone/loss/sapo.hpp"
#include "hone/loss/sequences.hpp"
#include "hone/loss/simpo.hpp"
#include "hone/loss/sum.hpp"
#include "hone/loss/token_term.hpp"
#include "hone/recipes/compat/dppo_tv.hpp"

namespace {

using namespace hone;
using kernel::panel_index;
using Doubles = std::vector<double>;

// Answers to score: of 4, 0, 1, 6, 3, 1, 5 and 2 tokens, some of which others wrote.
struct Problem {
  const std::vector<std::int64_t> offsets{0, 4, 4, 5, 11, 14, 15, 20, 22};
  kernel::HeadShape shape{.rows = 22, .dim = 6, .vocab = 37, .temperature = 0.8f, .softcap = 3.0f};
  kernel::HeadReference reference;
  std::vector<std::uint8_t> mask = std::vector<std::uint8_t>(22, 1);
  std::vector<float> hidden, panels, ref_hidden, ref_panels, weights, sequence_weights, label;
  std::vector<std::int64_t> index;
  std::vector<Token> targets;
  TokenInputs<std::vector<float>> columns;
  std::vector<loss::Pair> pairs;

  Problem() {
    RandomStream random({.seed = 21});
    const auto draw = [&](std::int64_t n, float scale, float shift = 0.0f) {
      std::vector<float> out(static_cast<std::size_t>(n));
      for (float& x : out) x = scale * (2 * random.uniform() - 1) + shift;
      return out;
    };
    const auto head = [&](std::int64_t dim) {
      std::vector<float> out(static_cast<std::size_t>(kernel::panel_size(shape.vocab, dim)));
      kernel::pack_panels(draw(shape.vocab * dim, 1.0f).data(), shape.vocab, dim, out.data());
      return out;
    };
    mask[1] = mask[7] = mask[8] = 0;
    hidden = draw(12 * shape.dim, 1.0f);
    panels = head(shape.dim);
    ref_hidden = draw(12 * 4, 1.0f);
    ref_panels = head(4);
    reference = {.hidden = ref_hidden.data(), .panels = ref_panels.data(), .dim = 4};
    for (std::int64_t r = 0; r < shape.rows; ++r) {
      index.push_back(static_cast<std::int64_t>(random.below(12)));
      targets.push_back(static_cast<Token>(random.below(37)));
    }
    targets[3] = 36;  // the last panel of the vocabulary has five tokens
    weights = draw(shape.rows, 0.3f, 0.6f);
    std::vector<float> logprobs(22);
    kernel::head_scores(shape, hidden.data(), panels.data(), index.data(), targets.data(),
                        logprobs.data(), nullptr);
    const auto near = [&](float scale) {
      std::vector<float> out = draw(22, scale);
      for (std::size_t r = 0; r < 22; ++r) out[r] += logprobs[r];
      return out;
    };
    columns.old_logprob = near(0.3f);
    columns.rollout_logprob = near(0.4f);
    columns.ref_logprob = near(0.5f);
    columns.advantage = draw(22, 1.5f);
    columns.drift = draw(22, 0.3f);
    columns.length = draw(22, 2.0f, 5.0f);
    for (std::size_t r = 0; r < 22; ++r) {
      if (mask[r]) continue;
      weights[r] = 0.0f;
      for (auto* column : {&columns.old_logprob, &columns.rollout_logprob, &columns.ref_logprob,
                           &columns.advantage, &columns.drift, &columns.length})
        (*column)[r] = std::numeric_limits<float>::quiet_NaN();
    }
    sequence_weights = draw(8, 0.3f, 0.6f);
    sequence_weights[5] = 0.0f;
    label = {1, 0, 0, 1, 0, 1, 1, 0};
    // The second has an empty side; a sequence may be in several pairs.
    pairs = {{0, 3, 0.1f, 0.4f},
             {1, 2, 0.0f, 0.3f},
             {4, 2, 0.0f, 0.5f},
             {6, 7, 0.2f, 0.6f},
             {0, 4, 0.0f, 0.2f}};
  }

  TokenInputs<loss::Column> view() const {
    TokenInputs<loss::Column> out;
    out.each([](loss::Column& to, const std::vector<float>& from) { to = from; }, out, columns);
    return out;
  }
};

template <class F>
constexpr bool needs_kl = token_columns<F>.full_kl;

struct Outcome {
  double value = 0;
  Doubles dhidden, dpanels;
};

template <class F>
double evaluated(const Problem& p, const F& f, loss::SequenceBatch batch,
                 const TokenInputs<loss::Derivative>& out) {
  batch.offsets = p.offsets;
  batch.mask = p.mask;
  batch.label = p.label;
  batch.baseline = 0.2;
  if constexpr (level_of<F> == Level::pair)
    return loss::evaluate_pairs(f, batch, p.pairs, out).loss.value();
  else
    return loss::evaluate_sequences(f, batch, p.sequence_weights, out).value();
}

// As the trainers run it: one pass for tokens, two for sequences and pairs.
template <class F>
Outcome fused(const F& f, const Problem& p) {
  constexpr bool entropy = token_columns<F>.entropy;
  const kernel::HeadReference* reference = needs_kl<F> ? &p.reference : nullptr;
  std::vector<float> dhidden(p.hidden.size()), dpanels(p.panels.size());
  std::vector<float> logprobs(22), entropies(22), kls(22), d_logprobs(22), d_entropies(22),
      d_kls(22);
  Outcome out;
  if constexpr (level_of<F> != Level::token) {
    kernel::head_scores(p.shape, p.hidden.data(), p.panels.data(), reference, p.index.data(),
                        p.targets.data(), logprobs.data(), entropies.data(),
                        reference ? kls.data() : nullptr);
    loss::SequenceBatch batch;
    batch.tokens = p.view();
    batch.tokens.logprob = logprobs;
    batch.tokens.entropy = entropies;
    batch.tokens.full_kl = kls;
    TokenInputs<loss::Derivative> slopes;
    slopes.logprob = d_logprobs;
    slopes.entropy = d_entropies;
    slopes.full_kl = d_kls;
    out.value = evaluated(p, f, batch, slopes);
  }
  OrderFreeSum<> total;
  kernel::HeadShape small = p.shape;
  small.block_bytes = 1;  // two blocks
  kernel::head_gradients(
      small, p.hidden.data(), p.panels.data(), reference, p.index.data(), p.targets.data(), entropy,
      [&](std::int64_t begin, std::int64_t count, const kernel::HeadColumns& c) {
        const auto first = static_cast<std::size_t>(begin), n = static_cast<std::size_t>(count);
        if constexpr (level_of<F> == Level::token) {
          TokenInputs<loss::Column> block = p.view();
          block.each(
              [&](loss::Column& column) {
                if (!column.empty()) column = column.subspan(first, n);
              },
              block);
          block.logprob = {c.logprobs, n};
          block.entropy = {c.entropies, n};
          block.full_kl = {c.kls, n};
          TokenInputs<loss::Derivative> slopes;
          slopes.logprob = {c.d_logprobs, n};
          slopes.entropy = {c.d_entropies, n};
          slopes.full_kl = {c.d_kls, n};
          total.add(loss::evaluate(f, block, loss::Column(p.weights).subspan(first, n), slopes));
        } else {
          std::copy_n(d_logprobs.begin() + begin, n, c.d_logprobs);
          std::copy_n(d_entropies.begin() + begin, n, c.d_entropies);
          std::copy_n(d_kls.begin() + begin, n, c.d_kls);
        }
      },
      dhidden.data(), dpanels.data());
  if constexpr (level_of<F> == Level::token) out.value = total.value();
  out.dhidden.assign(dhidden.begin(), dhidden.end());
  out.dpanels.assign(dpanels.begin(), dpanels.end());
  return out;
}

// Stored logits, one loop after the other, in double; the sums of a sequence written out.
template <class F>
struct Unfused {
  const F& f;
  const Problem& p;
  Doubles dlp = Doubles(22), dh = Doubles(22), dkl = Doubles(22);

  TokenInputs<double> token(const kernel::reference::HeadPass<double>& pass, const Doubles& kls,
                            std::size_t r) const {
    TokenInputs<double> t;
    t.logprob = pass.logprobs[r];
    t.entropy = pass.entropies[r];
    t.full_kl = kls.empty() ? 0.0 : kls[r];
    t.old_logprob = p.columns.old_logprob[r];
    t.rollout_logprob = p.columns.rollout_logprob[r];
    t.ref_logprob = p.columns.ref_logprob[r];
    t.advantage = p.columns.advantage[r];
    t.drift = p.columns.drift[r];
    t.length = p.columns.length[r];
    return t;
  }

  template <class Visit>
  void sampled(std::size_t s, const Visit& visit) const {
    for (auto r = static_cast<std::size_t>(p.offsets[s]);
         r < static_cast<std::size_t>(p.offsets[s + 1]); ++r)
      if (p.mask[r]) visit(r);
  }

  SequenceInputs<double> sequence(const kernel::reference::HeadPass<double>& pass,
                                  const Doubles& kls, std::size_t s) const {
    SequenceInputs<double> sums;
    sampled(s, [&](std::size_t r) {
      const TokenInputs<double> t = token(pass, kls, r);
      sums.length += 1;
      sums.logprob += t.logprob;
      sums.entropy += t.entropy;
      sums.old_logprob += t.old_logprob;
      sums.rollout_logprob += t.rollout_logprob;
      sums.ref_logprob += t.ref_logprob;
      sums.advantage += t.advantage;
      if constexpr (has_token_stage<F>) sums.token_sum += value_at(TokenStage<F>{f}, t);
    });
    if (sums.length > 0) sums.advantage /= sums.length;
    sums.label = p.label[s];
    sums.baseline = 0.2;
    return sums;
  }

  void spread(const kernel::reference::HeadPass<double>& pass, const Doubles& kls, std::size_t s,
              const SequenceInputs<double>& slope, double weight) {
    sampled(s, [&](std::size_t r) {
      dlp[r] += weight * slope.logprob;
      dh[r] += weight * slope.entropy;
      if constexpr (has_token_stage<F>) {
        const auto by = differentiate(TokenStage<F>{f}, token(pass, kls, r)).slope;
        dlp[r] += weight * slope.token_sum * by.logprob;
        dh[r] += weight * slope.token_sum * by.entropy;
        dkl[r] += weight * slope.token_sum * by.full_kl;
      }
    });
  }

  // With `gradients` the derivative by hidden states and head, otherwise the value alone.
  Outcome operator()(const Doubles& hidden, const Doubles& panels, bool gradients) {
    std::fill(dlp.begin(), dlp.end(), 0.0);
    dh = dkl = dlp;
    const kernel::reference::HeadPass<double> pass(p.shape, hidden.data(), panels.data(),
                                                   p.index.data(), p.targets.data());
    kernel::HeadShape beside_shape = p.shape;
    beside_shape.dim = p.reference.dim;
    beside_shape.softcap = 0.0f;
    const Doubles ref_hidden(p.ref_hidden.begin(), p.ref_hidden.end());
    const Doubles ref_panels(p.ref_panels.begin(), p.ref_panels.end());
    const kernel::reference::HeadPass<double> beside(
        beside_shape, ref_hidden.data(), ref_panels.data(), p.index.data(), p.targets.data());
    const Doubles kls = needs_kl<F> ? pass.divergences(beside) : Doubles();

    Outcome out;
    if constexpr (level_of<F> == Level::token) {
      for (std::size_t r = 0; r < 22; ++r) {
        const double weight = p.weights[r];
        if (weight == 0) continue;
        const auto d = differentiate(f, token(pass, kls, r));
        out.value += weight * d.value;
        dlp[r] = weight * d.slope.logprob;
        dh[r] = weight * d.slope.entropy;
        dkl[r] = weight * d.slope.full_kl;
      }
    } else if constexpr (level_of<F> == Level::sequence) {
      for (std::size_t s = 0; s < 8; ++s) {
        const auto sums = sequence(pass, kls, s);
        const double weight = p.sequence_weights[s];
        if (sums.length == 0 || weight == 0) continue;
        const auto d = differentiate(f, sums);
        out.value += weight * d.value;
        spread(pass, kls, s, d.slope, weight);
      }
    } else {
      for (const loss::Pair& pair : p.pairs) {
        const auto c = static_cast<std::size_t>(pair.chosen),
                   r = static_cast<std::size_t>(pair.rejected);
        const PairInputs<double> in{sequence(pass, kls, c), sequence(pass, kls, r), pair.margin};
        if (in.chosen.length == 0 || in.rejected.length == 0) continue;
        const auto d = differentiate(f, in);
        out.value += pair.weight * d.value;
        spread(pass, kls, c, d.slope.chosen, pair.weight);
        spread(pass, kls, r, d.slope.rejected, pair.weight);
      }
    }
    if (!gradients) return out;
    out.dhidden.resize(hidden.size());
    out.dpanels.resize(panels.size());
    pass.gradients(panels.data(), p.index.data(), p.targets.data(), dlp.data(), dh.data(),
                   out.dhidden.data(), out.dpanels.data(), &beside,
                   needs_kl<F> ? dkl.data() : nullptr);
    return out;
  }
};

// `stops`: a factor that depends on the log-probability is held constant, so the derivative is not
// that of the value.
template <class F>
void check(const char* name, const F& f, bool stops = false) {
  SCOPED_TRACE(name);
  const Problem p;
  const Outcome found = fused(f, p);
  Doubles hidden(p.hidden.begin(), p.hidden.end()), panels(p.panels.begin(), p.panels.end());
  Unfused<F> unfused{f, p};
  const Outcome exact = unfused(hidden, panels, true);
  EXPECT_NEAR(found.value, exact.value, 1e-5 * (1 + std::fabs(exact.value)));
  double largest = 0;
  for (const Doubles* g : {&exact.dhidden, &exact.dpanels})
    for (double x : *g) largest = std::max(largest, std::fabs(x));
  EXPECT_GT(largest, 1e-3);
  for (std::size_t i = 0; i < hidden.size(); ++i)
    ASSERT_NEAR(found.dhidden[i], exact.dhidden[i], 1e-5 * largest) << "hidden " << i;
  for (std::size_t i = 0; i < panels.size(); ++i)
    ASSERT_NEAR(found.dpanels[i], exact.dpanels[i], 1e-5 * largest) << "head " << i;
  if (stops) return;

  int corners = 0, compared = 0;
  const auto difference = [&](double& at, double slope) {
    const double before = at;
    double d[2];
    for (int k = 0; k < 2; ++k) {
      const double h = k ? 1e-5 : 2e-5;
      at = before + h;
      const double up = unfused(hidden, panels, false).value;
      at = before - h;
      const double down = unfused(hidden, panels, false).value;
      d[k] = (up - down) / (2 * h);
    }
    at = before;
    if (std::fabs(d[0] - d[1]) > 1e-5 * largest)
      ++corners;
    else
      EXPECT_NEAR(slope, d[1], 2e-5 * largest);
    ++compared;
  };
  for (std::size_t i = 0; i < hidden.size(); i += 2) difference(hidden[i], found.dhidden[i]);
  for (std::int64_t v = 0; v < p.shape.vocab; v += 3) {
    const auto i = static_cast<std::size_t>(panel_index(p.shape.dim, v, v % p.shape.dim));
    difference(panels[i], found.dpanels[i]);
  }
  EXPECT_LT(corners, compared / 10) << "too many corners to mean anything";
}

using loss::Sum;

TEST(FusedObjectives, OfTokens) {
  check("nll", loss::Nll{});
  check("policy gradient", loss::PolicyGradient{});
  check("ppo", loss::PpoClip{});
  check("ppo, every limit on", loss::PpoClip{.clip_low = 0.1f,
                                             .clip_high = 0.15f,
                                             .dual_clip = 1.1f,
                                             .ratio_cap = 1.3f,
                                             .log_ratio_limit = 0.25f});
  check("ppo penalty", loss::PpoPenalty<>{});
  check("cispo", loss::Cispo{.ratio_high = 1.1f}, true);
  check("sapo", loss::Sapo{});
  check("dppo", loss::Dppo{.mask_low = 0.01f, .mask_high = 0.01f, .kl_coef = 0.1f});
  check("verl's dppo", recipes::compat::DppoTv{.mask_low = 0.01f, .mask_high = 0.01f}, true);
  check("truncated importance sampling",
        loss::TruncatedImportanceSampling<loss::PpoClip>{.high = 1.1f});
  check("sequence-wise", loss::TruncatedImportanceSampling<loss::PpoClip, loss::PerSequence>{});
  check("icepop", loss::IcePop<loss::PpoClip>{.low = 0.9f, .high = 1.1f});
  check("answers masked",
        loss::MaskedImportanceSampling<loss::PpoClip>{.low = 0.98f, .high = 1.1f});
  check("entropy", Sum{loss::PolicyGradient{}, loss::EntropyBonus{.coef = 0.3f}});
}

TEST(FusedObjectives, WithPenaltiesInTheLoss) {
  check("k1", Sum{loss::PpoClip{}, kl::InLoss<kl::K1>{.coef = 0.3f}});
  check("k2", Sum{loss::PpoClip{}, kl::InLoss<kl::K2>{.coef = 0.3f, .unbiased = false}});
  check("k3", Sum{loss::PpoClip{}, kl::InLoss<>{.coef = 0.3f}});
  check("absolute", Sum{loss::PpoClip{}, kl::InLoss<kl::Absolute>{.coef = 0.3f}});
  check("straight through",
        Sum{loss::PpoClip{}, kl::InLoss<kl::StraightThrough<kl::K3, kl::K2>>{.coef = 0.3f}}, true);
  check("score function", Sum{loss::PpoClip{}, kl::InLoss<kl::ScoreFunction<kl::K3>>{.coef = 0.3f}},
        true);
  check("full vocabulary", Sum{loss::PpoClip{}, kl::InLoss<kl::FullVocabulary>{.coef = 0.3f}});
  check("everything",
        loss::sum_of(loss::PpoClip{}, kl::InLoss<>{}, kl::InLoss<kl::FullVocabulary>{.coef = 0.2f},
                     loss::EntropyBonus{.coef = 0.1f}));
}

TEST(FusedObjectives, OfSequences) {
  check("gspo", loss::Gspo{});
  check("gspo of sums",
        loss::Gspo{.clip = {.clip_low = 0.6f, .clip_high = 0.9f}, .length_normalised = false});
  check("gmpo", loss::Gmpo{});
  check("gmpo, truncated", loss::TruncatedImportanceSampling<loss::Gmpo>{.high = 1.1f});
  check("gmpo, dropped outside",
        loss::IcePop<loss::Gmpo, loss::SequenceMeanRatio>{.low = 0.9f, .high = 1.3f});
  check("gmpo, answers masked",
        loss::MaskedImportanceSampling<loss::Gmpo>{.low = 0.9f, .high = 1.3f});
  check("gspo, truncated",
        loss::TruncatedImportanceSampling<loss::Gspo, loss::PerSequence>{.high = 1.1f});
  check("gspo, gmpo", Sum{loss::Gspo{}, loss::Gmpo{}});
  check("gmpo, gspo", Sum{loss::Gmpo{}, loss::Gspo{}});
  check("kto", loss::Kto{});
  check("gspo, entropy", Sum{loss::Gspo{}, loss::EntropyBonus{.coef = 0.3f}});
  check("gspo, k3", loss::WithTokenTerm<loss::Gspo, kl::InLoss<>>{.term = {.coef = 0.3f}});
  check("gspo, full vocabulary",
        loss::WithTokenTerm<loss::Gspo, kl::InLoss<kl::FullVocabulary>>{.term = {.coef = 0.3f}});
}

TEST(FusedObjectives, OfPairs) {
  check("dpo", loss::Dpo{});
  check("cdpo", loss::Dpo{.label_smoothing = 0.1f});
  check("robust", loss::RobustDpo{});
  check("hinge", loss::HingeDpo{});
  check("ipo", loss::Ipo{});
  check("ipo of sums", loss::Ipo{.token_mean = false});
  check("orpo", loss::Orpo{});
  check("simpo", loss::SimPo{});
}

}  // namespace
