// The fused head on LibTorch tensors against the Native one, values and both gradients.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "hone/core/random.hpp"
#include "hone/kernel/head_pass.hpp"
#include "hone/kernel/linear.hpp"
#include "hone/kl/in_loss.hpp"
#include "hone/kl/k3.hpp"
#include "hone/loss/entropy_bonus.hpp"
#include "hone/loss/evaluate.hpp"
#include "hone/loss/ppo_clip.hpp"
#include "hone/loss/sum.hpp"
#include "hone/model/torch/head_pass.hpp"

namespace {

using namespace hone;

std::vector<float> noise(std::int64_t n, std::uint64_t seed, float scale, float shift = 0.0f) {
  std::vector<float> out(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = (uniform({.seed = seed, .sequence = i}) - 0.5f) * scale + shift;
  return out;
}

void expect_near(const float* a, const float* b, std::int64_t n, const char* what) {
  float largest = 1e-6f, difference = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    largest = std::max(largest, std::fabs(b[i]));
    difference = std::max(difference, std::fabs(a[i] - b[i]));
  }
  EXPECT_LE(difference, 2e-5f * largest) << what << ", largest " << largest;
}

TEST(TorchHeadPass, EqualsNative) {
  constexpr std::int64_t states = 9, dim = 24, vocab = 203, rows = 40;
  const loss::Sum<loss::Sum<loss::PpoClip, kl::InLoss<kl::K3, float>>, loss::EntropyBonus> f{};
  const std::vector<float> hidden = noise(states * dim, 1, 2.0f),
                           weight = noise(vocab * dim, 2, 2.0f);
  std::vector<std::int64_t> index;
  std::vector<Token> targets;
  for (std::int64_t r = 0; r < rows; ++r) {
    index.push_back(r * 5 % states);  // several rows share a hidden state
    targets.push_back(static_cast<Token>(r * 37 % vocab));
  }
  const std::vector<float> old = noise(rows, 3, 1.0f, -4.0f), ref = noise(rows, 4, 1.0f, -4.0f),
                           advantage = noise(rows, 5, 2.0f), weights = noise(rows, 6, 0.1f, 0.1f);
  for (const float softcap : {0.0f, 4.0f})
    for (const float temperature : {1.0f, 0.7f}) {
      kernel::HeadShape shape{.rows = rows,
                              .dim = dim,
                              .vocab = vocab,
                              .temperature = temperature,
                              .softcap = softcap,
                              .block_bytes = 16 * vocab * 4};
      std::vector<float> seen[2];
      const auto objective = [&](int side) {
        seen[side].resize(2 * rows);
        return [&, side](std::int64_t begin, std::int64_t count, const float* logprobs,
                         const float* entropies, float* d_logprobs, float* d_entropies) {
          const auto at = static_cast<std::size_t>(begin), n = static_cast<std::size_t>(count);
          std::copy_n(logprobs, n, seen[side].begin() + begin);
          std::copy_n(entropies, n, seen[side].begin() + rows + begin);
          TokenInputs<loss::Column> c;
          c.logprob = {logprobs, n};
          c.entropy = {entropies, n};
          c.old_logprob = c.rollout_logprob = loss::Column(old).subspan(at, n);
          c.ref_logprob = loss::Column(ref).subspan(at, n);
          c.advantage = loss::Column(advantage).subspan(at, n);
          TokenInputs<loss::Derivative> d;
          d.logprob = {d_logprobs, n};
          d.entropy = {d_entropies, n};
          loss::evaluate(f, c, loss::Column(weights).subspan(at, n), d);
        };
      };
      std::vector<float> panels(static_cast<std::size_t>((vocab + 15) / 16 * 16 * dim));
      kernel::pack_panels(weight.data(), vocab, dim, panels.data());
      std::vector<float> dhidden(hidden.size(), 0.0f), dpanels(panels.size(), 0.0f);
      kernel::head_gradients(shape, hidden.data(), panels.data(), index.data(), targets.data(),
                             true, objective(0), dhidden.data(), dpanels.data());
      std::vector<float> dweight(weight.size());
      kernel::unpack_panels(dpanels.data(), vocab, dim, dweight.data());

      const auto tensor = [](const std::vector<float>& v, std::int64_t r, std::int64_t c) {
        return at::from_blob(const_cast<float*>(v.data()), {r, c});
      };
      const model::TorchHeadGradients torch = model::torch_head_gradients(
          shape, tensor(hidden, states, dim), tensor(weight, vocab, dim), index, targets, true,
          objective(1));
      expect_near(seen[1].data(), seen[0].data(), 2 * rows, "log-probabilities and entropies");
      expect_near(torch.hidden.data_ptr<float>(), dhidden.data(), states * dim, "hidden states");
      expect_near(torch.weight.data_ptr<float>(), dweight.data(), vocab * dim, "head");
    }
}

}  // namespace
