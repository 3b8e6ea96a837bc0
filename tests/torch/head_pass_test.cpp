// The fused head on LibTorch tensors against the Native one: scores, both gradients, and objectives
// of tokens, sequences and pairs through them.
#include "hone/model/torch/head_pass.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "hone/core/random.hpp"
#include "hone/kernel/head_pass.hpp"
#include "hone/kernel/linear.hpp"
#include "hone/kl/full_vocabulary.hpp"
#include "hone/kl/in_loss.hpp"
#include "hone/kl/k3.hpp"
#include "hone/loss/dpo.hpp"
#include "hone/loss/entropy_bonus.hpp"
#include "hone/loss/evaluate.hpp"
#include "hone/loss/gspo.hpp"
#include "hone/loss/nll.hpp"
#include "hone/loss/ppo_clip.hpp"
#include "hone/loss/sequences.hpp"
#include "hone/loss/sum.hpp"
#include "hone/loss/token_term.hpp"

namespace {

using namespace hone;
using Floats = std::vector<float>;
using kernel::HeadColumns;

Floats noise(std::int64_t n, std::uint64_t seed, float scale, float shift = 0.0f) {
  Floats out(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = (uniform({.seed = seed, .sequence = i}) - 0.5f) * scale + shift;
  return out;
}

constexpr std::int64_t states = 9, dim = 24, beside_dim = 17, vocab = 203, rows = 40;

struct Problem {
  kernel::HeadShape shape;
  float beside_softcap;
  Floats hidden = noise(states * dim, 1, 2.0f), weight = noise(vocab * dim, 2, 2.0f);
  Floats beside_hidden = noise(states * beside_dim, 7, 2.0f),
         beside_weight = noise(vocab * beside_dim, 8, 2.0f);
  Floats old = noise(rows, 3, 1.0f, -4.0f), ref = noise(rows, 4, 1.0f, -4.0f),
         advantage = noise(rows, 5, 2.0f), weights = noise(rows, 6, 0.1f, 0.1f);
  std::vector<std::int64_t> index, offsets{0, 7, 7, 20, rows};  // one sequence is empty
  std::vector<Token> targets;

  Problem(float temperature, float softcap)
      : shape{.rows = rows,
              .dim = dim,
              .vocab = vocab,
              .temperature = temperature,
              .softcap = softcap,
              .block_bytes = 16 * vocab * 4},
        beside_softcap(softcap > 0 ? softcap + 1 : 0) {
    for (std::int64_t r = 0; r < rows; ++r) {
      index.push_back(r * 5 % states);  // several rows share a hidden state
      targets.push_back(static_cast<Token>(r * 37 % vocab));
    }
  }
};

struct Scores {
  Floats logprobs, entropies, kls;
};
struct Gradients {
  Floats hidden, weight;
};

struct Native {
  static Floats panels(const Floats& matrix, std::int64_t width) {
    Floats out(static_cast<std::size_t>((vocab + 15) / 16 * 16 * width));
    kernel::pack_panels(matrix.data(), vocab, width, out.data());
    return out;
  }
  template <class Use>
  static void with_reference(const Problem& p, const Use& use) {
    const Floats packed = panels(p.beside_weight, beside_dim);
    use(kernel::HeadReference{.hidden = p.beside_hidden.data(),
                              .panels = packed.data(),
                              .dim = beside_dim,
                              .softcap = p.beside_softcap});
  }

  static Scores scores(const Problem& p, bool entropy, bool kl) {
    Scores out{Floats(rows), Floats(rows), Floats(rows)};
    with_reference(p, [&](const kernel::HeadReference& beside) {
      kernel::head_scores(p.shape, p.hidden.data(), panels(p.weight, dim).data(), &beside,
                          p.index.data(), p.targets.data(), out.logprobs.data(),
                          entropy ? out.entropies.data() : nullptr, kl ? out.kls.data() : nullptr);
    });
    return out;
  }
  template <class Objective>
  static Gradients gradients(const Problem& p, bool entropy, bool kl, const Objective& objective) {
    const Floats packed = panels(p.weight, dim);
    Floats dpanels(packed.size(), 0.0f);
    Gradients out{Floats(p.hidden.size(), 0.0f), Floats(p.weight.size())};
    with_reference(p, [&](const kernel::HeadReference& beside) {
      kernel::head_gradients(p.shape, p.hidden.data(), packed.data(), kl ? &beside : nullptr,
                             p.index.data(), p.targets.data(), entropy, objective,
                             out.hidden.data(), dpanels.data());
    });
    kernel::unpack_panels(dpanels.data(), vocab, dim, out.weight.data());
    return out;
  }
};

struct Torch {
  static at::Tensor tensor(const Floats& v, std::int64_t width) {
    const auto height = static_cast<std::int64_t>(v.size()) / width;
    return at::from_blob(const_cast<float*>(v.data()), {height, width});
  }
  static Floats floats(const at::Tensor& t) {
    return {t.data_ptr<float>(), t.data_ptr<float>() + t.numel()};
  }
  static model::TorchHeadReference beside(const Problem& p) {
    return {tensor(p.beside_hidden, beside_dim), tensor(p.beside_weight, beside_dim),
            p.beside_softcap};
  }

  static Scores scores(const Problem& p, bool entropy, bool kl) {
    const model::TorchHeadReference reference = beside(p);
    const model::TorchHeadScores out =
        model::torch_head_scores(p.shape, tensor(p.hidden, dim), tensor(p.weight, dim), p.index,
                                 p.targets, entropy, kl ? &reference : nullptr);
    return {floats(out.logprobs), floats(out.entropies), floats(out.kls)};
  }
  template <class Objective>
  static Gradients gradients(const Problem& p, bool entropy, bool kl, const Objective& objective) {
    const model::TorchHeadReference reference = beside(p);
    const model::TorchHeadGradients out = model::torch_head_gradients(
        p.shape, tensor(p.hidden, dim), tensor(p.weight, dim), kl ? &reference : nullptr, p.index,
        p.targets, entropy, objective);
    return {floats(out.hidden), floats(out.weight)};
  }
};

struct Outcome {
  double loss = 0;
  Scores scores{Floats(rows), Floats(rows), Floats(rows)};
  Gradients gradients;
};

// In one stage: the objective between the forward and the backward product.
template <class Side, class F>
Outcome tokens(const F& f, const Problem& p) {
  constexpr auto reads_of = reads<F>;
  Outcome out;
  out.gradients = Side::gradients(
      p, reads_of.entropy, reads_of.full_kl,
      [&](std::int64_t begin, std::int64_t count, const HeadColumns& c) {
        const auto at = static_cast<std::size_t>(begin), n = static_cast<std::size_t>(count);
        std::copy_n(c.logprobs, n, out.scores.logprobs.begin() + begin);
        std::copy_n(c.entropies, n, out.scores.entropies.begin() + begin);
        std::copy_n(c.kls, n, out.scores.kls.begin() + begin);
        TokenInputs<loss::Column> columns;
        columns.logprob = {c.logprobs, n};
        columns.entropy = {c.entropies, n};
        columns.full_kl = {c.kls, n};
        columns.old_logprob = columns.rollout_logprob = loss::Column(p.old).subspan(at, n);
        columns.ref_logprob = loss::Column(p.ref).subspan(at, n);
        columns.advantage = loss::Column(p.advantage).subspan(at, n);
        TokenInputs<loss::Derivative> d;
        d.logprob = {c.d_logprobs, n};
        d.entropy = {c.d_entropies, n};
        d.full_kl = {c.d_kls, n};
        out.loss += loss::evaluate(f, columns, loss::Column(p.weights).subspan(at, n), d).value();
      });
  return out;
}

// In two: all scores, then the gradients with the derivatives given.
template <class Side, class F>
Outcome whole_answers(const F& f, const Problem& p) {
  constexpr auto reads_of = token_columns<F>;
  Outcome out;
  out.scores = Side::scores(p, reads_of.entropy, reads_of.full_kl);
  loss::SequenceBatch batch;
  batch.offsets = p.offsets;
  batch.tokens.logprob = out.scores.logprobs;
  batch.tokens.entropy = out.scores.entropies;
  batch.tokens.full_kl = out.scores.kls;
  batch.tokens.old_logprob = batch.tokens.rollout_logprob = p.old;
  batch.tokens.ref_logprob = p.ref;
  batch.tokens.advantage = p.advantage;
  Floats d_logprob(rows, 0.0f), d_entropy(d_logprob), d_kl(d_logprob);
  TokenInputs<loss::Derivative> d;
  d.logprob = d_logprob;
  d.entropy = d_entropy;
  d.full_kl = d_kl;
  if constexpr (level_of<F> == Level::pair) {
    const std::vector<loss::Pair> pairs{{.chosen = 0, .rejected = 2, .weight = 0.5f},
                                        {.chosen = 3, .rejected = 2, .weight = 0.25f},
                                        {.chosen = 1, .rejected = 0, .weight = 0.25f}};
    out.loss = loss::evaluate_pairs(f, batch, pairs, d).loss.value();
  } else {
    const Floats weights{0.4f, 0.1f, 0.2f, 0.3f};
    out.loss = loss::evaluate_sequences(f, batch, weights, d).value();
  }
  out.gradients =
      Side::gradients(p, reads_of.entropy, reads_of.full_kl,
                      [&](std::int64_t begin, std::int64_t count, const HeadColumns& c) {
                        std::copy_n(d_logprob.begin() + begin, count, c.d_logprobs);
                        std::copy_n(d_entropy.begin() + begin, count, c.d_entropies);
                        std::copy_n(d_kl.begin() + begin, count, c.d_kls);
                      });
  return out;
}

void expect_near(const Floats& a, const Floats& b, const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  float largest = 1e-6f, difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::fabs(b[i]));
    difference = std::max(difference, std::fabs(a[i] - b[i]));
  }
  EXPECT_LE(difference, 2e-5f * largest) << what << ", largest " << largest;
}

void expect_near(const Outcome& torch, const Outcome& native, const std::string& what) {
  EXPECT_NEAR(torch.loss, native.loss, 2e-5 * std::max(1e-6, std::fabs(native.loss))) << what;
  expect_near(torch.scores.logprobs, native.scores.logprobs, what + ": log-probabilities");
  expect_near(torch.scores.entropies, native.scores.entropies, what + ": entropies");
  expect_near(torch.scores.kls, native.scores.kls, what + ": exact KLs");
  expect_near(torch.gradients.hidden, native.gradients.hidden, what + ": hidden states");
  expect_near(torch.gradients.weight, native.gradients.weight, what + ": head");
}

// Blocks of 16 rows of 40, plain heads, heads with a temperature, and with a cap.
template <class Check>
void for_each_problem(const Check& check) {
  for (const float softcap : {0.0f, 4.0f})
    for (const float temperature : {1.0f, 0.7f})
      check(Problem(temperature, softcap), " at temperature " + std::to_string(temperature) +
                                               " with the cap " + std::to_string(softcap));
}

using PpoWithAll =
    loss::Sum<loss::Sum<loss::PpoClip, kl::InLoss<kl::K3, float>>, loss::EntropyBonus>;
using PpoWithExactKl = loss::Sum<loss::PpoClip, kl::InLoss<kl::FullVocabulary, float>>;
using GspoWithExactKl = loss::WithTokenTerm<loss::Gspo, kl::InLoss<kl::FullVocabulary, float>>;

TEST(TorchHeadPass, TokenObjectivesEqualNative) {
  for_each_problem([](const Problem& p, const std::string& at) {
    const auto check = [&](const auto& f, const std::string& name) {
      expect_near(tokens<Torch>(f, p), tokens<Native>(f, p), name + at);
    };
    check(loss::Nll{}, "NLL");
    check(PpoWithAll{}, "PPO, k3 and entropy");
    check(PpoWithExactKl{.second = {.coef = 0.5f}}, "PPO and the exact KL");
  });
}

TEST(TorchHeadPass, ObjectivesOfWholeAnswersTakeTwoStages) {
  for_each_problem([](const Problem& p, const std::string& at) {
    const auto check = [&](const auto& f, const std::string& name) {
      const Outcome native = whole_answers<Native>(f, p);
      EXPECT_NE(native.loss, 0.0) << name << at;
      expect_near(whole_answers<Torch>(f, p), native, name + at);
    };
    check(loss::Gspo{.clip = {.clip_low = 9.0f, .clip_high = 9.0f}}, "GSPO");
    check(loss::Dpo{}, "DPO");
    check(GspoWithExactKl{.term = {.coef = 0.5f}}, "GSPO and the exact KL");
  });
}

TEST(TorchHeadPass, ScoresAreThoseOfTheGradientsAndOfNative) {
  for_each_problem([](const Problem& p, const std::string& at) {
    Outcome torch, native;
    torch.scores = Torch::scores(p, true, true);
    native.scores = Native::scores(p, true, true);
    expect_near(torch, native, "scores" + at);
    Scores seen{Floats(rows), Floats(rows), Floats(rows)};
    Torch::gradients(p, true, true,
                     [&](std::int64_t begin, std::int64_t count, const HeadColumns& c) {
                       std::copy_n(c.logprobs, count, seen.logprobs.begin() + begin);
                       std::copy_n(c.entropies, count, seen.entropies.begin() + begin);
                       std::copy_n(c.kls, count, seen.kls.begin() + begin);
                     });
    EXPECT_EQ(seen.logprobs, torch.scores.logprobs) << at;
    EXPECT_EQ(seen.entropies, torch.scores.entropies) << at;
    EXPECT_EQ(seen.kls, torch.scores.kls) << at;

    const Scores plain = Torch::scores(p, false, false);
    EXPECT_EQ(plain.logprobs, torch.scores.logprobs) << at;
    EXPECT_EQ(plain.entropies, Floats(rows)) << at;
    EXPECT_EQ(plain.kls, Floats(rows)) << at;
  });
}

TEST(TorchHeadPass, AForbiddenTokenCountsForNothing) {
  // A logit of -1e30 has the probability 0: token 10 under the model, 11 under the reference too.
  Problem p(1.0f, 0.0f);
  for (Floats* matrix : {&p.hidden, &p.beside_hidden}) {
    const std::int64_t width = matrix == &p.hidden ? dim : beside_dim;
    for (std::int64_t s = 0; s < states; ++s) (*matrix)[static_cast<std::size_t>(s * width)] = 1;
  }
  p.weight[10 * dim] = p.weight[11 * dim] = -1e30f;
  p.beside_weight[11 * beside_dim] = -1e30f;
  for (Token& t : p.targets) t = t == 10 || t == 11 ? 12 : t;
  const Outcome torch = tokens<Torch>(PpoWithExactKl{}, p);
  for (const float x : torch.gradients.weight) ASSERT_TRUE(std::isfinite(x));
  expect_near(torch, tokens<Native>(PpoWithExactKl{}, p), "with forbidden tokens");
}

TEST(TorchHeadPass, SaysWhatDoesNotFit) {
  const Problem p(1.0f, 0.0f);
  const auto score = [&](const kernel::HeadShape& shape, std::span<const Token> targets) {
    model::torch_head_scores(shape, Torch::tensor(p.hidden, dim), Torch::tensor(p.weight, dim),
                             p.index, targets, false);
  };
  const auto expect_error = [](const auto& call, const std::string& sentence) {
    try {
      call();
      ADD_FAILURE() << "nothing was thrown";
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(sentence), std::string::npos) << e.what();
    }
  };
  expect_error([&] { score(p.shape, std::span(p.targets).first(39)); }, "40 rows and 39 targets");
  kernel::HeadShape cold = p.shape;
  cold.temperature = 0.0f;
  expect_error([&] { score(cold, p.targets); }, "temperature is 0, expected above 0");
}

}  // namespace
