// The head in two stages on a GPU, run on the CPU from its own source: scores, then gradients with
// given derivatives, against the CPU's head and against the kernel that does both at once.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "functors.hpp"
#include "shim.hpp"

#include "hone/core/random.hpp"
#include "hone/kernel/cuda/gradient_rows.cuh"
#include "hone/kernel/cuda/head_rows.cuh"
#include "hone/kernel/cuda/score_rows.cuh"
#include "hone/kernel/cuda/token_losses.cuh"
#include "hone/kernel/head_pass.hpp"
#include "hone/kernel/linear.hpp"
#include "hone/loss/dpo.hpp"
#include "hone/loss/gspo.hpp"
#include "hone/loss/nll.hpp"
#include "hone/loss/sequences.hpp"

namespace {

using namespace hone;
using namespace hone_test;
using hone_shim::launch;
namespace cuda = kernel::cuda;
using Floats = std::vector<float>;

Floats noise(std::size_t n, std::uint64_t seed, float scale, float shift = 0.0f) {
  Floats out(n);
  for (std::size_t i = 0; i < n; ++i)
    out[i] = (uniform({.seed = seed, .sequence = i}) - 0.5f) * scale + shift;
  return out;
}

// Nine rows of logits z = X W^T with gaps between them.
struct Problem {
  static constexpr std::size_t rows = 9, dim = 16;

  std::size_t vocab, ld;
  kernel::HeadShape shape;
  Floats hidden = noise(rows * dim, 1, 2.0f), matrix, panels, z;
  Floats old = noise(rows, 2, 0.4f, -3.0f), ref = noise(rows, 3, 0.4f, -3.0f),
         advantages = noise(rows, 4, 4.0f), weights = noise(rows, 5, 0.2f, 0.3f);
  std::vector<std::int64_t> index;
  std::vector<std::int32_t> targets;

  Problem(std::size_t v, float temperature, float softcap)
      : vocab(v),
        ld(v + 3),
        shape{.rows = rows,
              .dim = dim,
              .vocab = static_cast<std::int64_t>(v),
              .temperature = temperature,
              .softcap = softcap},
        matrix(noise(v * dim, 6, 3.0f)),
        panels((v + 15) / 16 * 16 * dim),
        z(rows * ld, std::numeric_limits<float>::quiet_NaN()) {
    kernel::pack_panels(matrix.data(), shape.vocab, dim, panels.data());
    for (std::size_t r = 0; r < rows; ++r) {
      index.push_back(static_cast<std::int64_t>(r));
      targets.push_back(static_cast<std::int32_t>(r * 31 % v));
      kernel::linear({.rows = 1, .in = dim, .out = shape.vocab}, hidden.data() + r * dim,
                     panels.data(), nullptr, z.data() + r * ld);
    }
  }
  cuda::LogitsShape logits() const {
    return {.ld = static_cast<std::int64_t>(ld),
            .vocab = static_cast<std::int32_t>(vocab),
            .temperature = shape.temperature,
            .softcap = shape.softcap};
  }
};

struct Scores {
  Floats logprobs = Floats(Problem::rows, 7.0f), entropies = Floats(Problem::rows, 7.0f);
};

template <bool Entropy>
Scores score(const Problem& p) {
  Scores out;
  cuda::ScoreRowsArguments a;
  a.logits = p.z.data();
  a.shape = p.logits();
  a.targets = p.targets.data();
  a.logprobs = out.logprobs.data();
  a.entropies = out.entropies.data();
  launch(Problem::rows, 64, cuda::score_rows<Entropy>, a);
  return out;
}

template <bool Entropy>
Floats logit_gradients(const Problem& p, const Floats& d_logprob, const Floats& d_entropy) {
  Floats z = p.z;
  cuda::GradientRowsArguments a;
  a.logits = z.data();
  a.shape = p.logits();
  a.targets = p.targets.data();
  a.d_logprob = d_logprob.data();
  a.d_entropy = Entropy ? d_entropy.data() : nullptr;
  launch(Problem::rows, 64, cuda::gradient_rows<Entropy>, a);
  return z;
}

template <class Check>
void for_each_problem(const Check& check) {
  check(Problem(131, 1.0f, 0.0f));
  check(Problem(131, 0.7f, 0.0f));
  check(Problem(37, 1.3f, 3.0f));
}

TEST(ScoreRows, EqualTheCpusHead) {
  for_each_problem([](const Problem& p) {
    Floats logprobs(Problem::rows), entropies(Problem::rows);
    kernel::head_scores(p.shape, p.hidden.data(), p.panels.data(), p.index.data(), p.targets.data(),
                        logprobs.data(), entropies.data());
    const Scores all = score<true>(p), alone = score<false>(p);
    for (std::size_t r = 0; r < Problem::rows; ++r) {
      EXPECT_NEAR(all.logprobs[r], logprobs[r], 2e-6f * std::max(1.0f, std::fabs(logprobs[r])))
          << "row " << r;
      EXPECT_NEAR(all.entropies[r], entropies[r], 1e-5f) << "row " << r;
      EXPECT_EQ(alone.logprobs[r], all.logprobs[r]) << "row " << r;
      EXPECT_EQ(alone.entropies[r], 7.0f) << "an entropy that nobody asked for";
    }
  });
}

// One stage: head_rows. Two: the scores, the objective of each row by itself, the gradients.
template <class F>
void check_that_stages_agree(const F& f, const Problem& p) {
  constexpr bool entropy = reads<F>.entropy;
  Floats weights = p.weights;
  weights[3] = 0.0f;
  TokenInputs<const float*> columns;
  columns.old_logprob = columns.rollout_logprob = p.old.data();
  columns.ref_logprob = p.ref.data();
  columns.advantage = p.advantages.data();
  Floats z = p.z, logprobs(Problem::rows), entropies(Problem::rows), losses(Problem::rows);
  cuda::HeadRowsArguments at_once;
  at_once.logits = z.data();
  at_once.shape = p.logits();
  at_once.targets = p.targets.data();
  at_once.columns = columns;
  at_once.weights = weights.data();
  at_once.logprobs = logprobs.data();
  at_once.entropies = entropies.data();
  at_once.losses = losses.data();
  launch(Problem::rows, 64, cuda::head_rows<F>, f, at_once);

  const Scores scores = score<entropy>(p);
  Floats d_logprob(Problem::rows), d_entropy(Problem::rows), partial(1);
  cuda::TokenLossArguments by_row;
  by_row.columns = columns;
  by_row.columns.logprob = scores.logprobs.data();
  by_row.columns.entropy = scores.entropies.data();
  by_row.weights = weights.data();
  by_row.d_logprob = d_logprob.data();
  by_row.d_entropy = d_entropy.data();
  by_row.partial_sums = partial.data();
  by_row.n = Problem::rows;
  launch(1, 32, cuda::token_losses<F>, f, by_row);
  const Floats dz = logit_gradients<entropy>(p, d_logprob, d_entropy);
  for (std::size_t r = 0; r < Problem::rows; ++r) {
    if (weights[r] != 0.0f) {
      EXPECT_EQ(scores.logprobs[r], logprobs[r]) << "row " << r;
      EXPECT_EQ(entropy ? scores.entropies[r] : 0.0f, entropies[r]) << "row " << r;
    }
    for (std::size_t v = 0; v < p.vocab; ++v)
      EXPECT_EQ(dz[r * p.ld + v], z[r * p.ld + v]) << "row " << r << ", logit " << v;
  }
}

TEST(GradientRows, EqualTheOneStageKernelBitForBit) {
  for_each_problem([](const Problem& p) {
    check_that_stages_agree(loss::Nll{}, p);
    check_that_stages_agree(PpoWithAll{}, p);
    check_that_stages_agree(UsersOwn{}, p);
  });
}

void expect_near(const std::vector<double>& got, const Floats& want, const char* what) {
  double largest = 1e-6, difference = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    largest = std::max(largest, std::fabs(double{want[i]}));
    difference = std::max(difference, std::fabs(got[i] - double{want[i]}));
  }
  EXPECT_LE(difference, 1e-5 * largest) << what << ", largest " << largest;
}

// dz of the kernel, times W and X in double, against the CPU's two gradients.
void check_gradients(const Problem& p, const Floats& d_logprob, const Floats& d_entropy) {
  const Floats dz = logit_gradients<true>(p, d_logprob, d_entropy);
  std::vector<double> by_hidden(p.hidden.size()), by_matrix(p.matrix.size());
  for (std::size_t r = 0; r < Problem::rows; ++r)
    for (std::size_t v = 0; v < p.vocab; ++v)
      for (std::size_t k = 0; k < Problem::dim; ++k) {
        const double d = dz[r * p.ld + v];
        by_hidden[r * Problem::dim + k] += d * double{p.matrix[v * Problem::dim + k]};
        by_matrix[v * Problem::dim + k] += d * double{p.hidden[r * Problem::dim + k]};
      }
  Floats dhidden(p.hidden.size(), 0.0f), dpanels(p.panels.size(), 0.0f), dmatrix(p.matrix.size());
  kernel::head_gradients(
      p.shape, p.hidden.data(), p.panels.data(), p.index.data(), p.targets.data(), true,
      [&](std::int64_t begin, std::int64_t count, const float*, const float*, float* dlp,
          float* dh) {
        std::copy_n(d_logprob.begin() + begin, count, dlp);
        std::copy_n(d_entropy.begin() + begin, count, dh);
      },
      dhidden.data(), dpanels.data());
  kernel::unpack_panels(dpanels.data(), p.shape.vocab, Problem::dim, dmatrix.data());
  expect_near(by_hidden, dhidden, "hidden states");
  expect_near(by_matrix, dmatrix, "head");
}

TEST(GradientRows, EqualTheCpusHeadForObjectivesOfWholeAnswers) {
  for_each_problem([](const Problem& p) {
    const Scores scores = score<true>(p);
    const std::vector<std::int64_t> offsets{0, 4, 4, 9};
    loss::SequenceBatch batch;
    batch.offsets = offsets;
    batch.tokens.logprob = scores.logprobs;
    batch.tokens.old_logprob = batch.tokens.rollout_logprob = p.old;
    batch.tokens.ref_logprob = p.ref;
    batch.tokens.advantage = p.advantages;
    // Both terms of a loss that has an entropy bonus beside the objective.
    const Floats d_entropy = noise(Problem::rows, 11, 0.2f), halves{0.5f, 0.5f, 0.5f};
    Floats by_gspo(Problem::rows, 0.0f), by_dpo(Problem::rows, 0.0f);
    TokenInputs<loss::Derivative> d;
    d.logprob = by_gspo;
    loss::evaluate_sequences(loss::Gspo{.clip = {.clip_low = 9.0f, .clip_high = 9.0f}}, batch,
                             halves, d);
    check_gradients(p, by_gspo, d_entropy);
    d.logprob = by_dpo;
    const std::vector<loss::Pair> pairs{{.chosen = 0, .rejected = 2, .weight = 1.0f}};
    loss::evaluate_pairs(loss::Dpo{}, batch, pairs, d);
    check_gradients(p, by_dpo, d_entropy);
    for (const float x : by_gspo) EXPECT_NE(x, 0.0f);
    for (const float x : by_dpo) EXPECT_NE(x, 0.0f);
  });
}

TEST(GradientRows, ARowWithoutADerivativeMayHoldAnything) {
  Problem p(37, 1.0f, 0.0f);
  p.z[2 * p.ld] = std::numeric_limits<float>::quiet_NaN();
  Floats d_logprob(Problem::rows, 1.0f), d_entropy(Problem::rows, 0.0f);
  d_logprob[2] = 0.0f;
  d_logprob[4] = 0.0f;
  d_entropy[4] = 0.5f;
  const Floats dz = logit_gradients<true>(p, d_logprob, d_entropy);
  double entropy_alone = 0;
  for (std::size_t v = 0; v < p.vocab; ++v) {
    EXPECT_EQ(dz[2 * p.ld + v], 0.0f) << "logit " << v;
    entropy_alone += std::fabs(dz[4 * p.ld + v]);
  }
  EXPECT_GT(entropy_alone, 0.01);
}

}  // namespace
