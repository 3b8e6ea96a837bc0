// The language-model head as a kernel sees it: which hidden state predicts which token, and what a
// block of its rows gives to an objective.
#pragma once

#include <cstdint>

#include "hone/core/config.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {

// Row r of the head predicts token targets[r] from hidden state index[r].
struct HeadShape {
  std::int64_t rows = 0;
  std::int64_t dim = 0;
  std::int64_t vocab = 0;
  std::int64_t ld_hidden = 0;  // distance between hidden states; 0: dim
  float temperature = 1.0f;    // divides the logits
  float softcap = 0.0f;        // logits become softcap tanh(z / softcap); 0: they stay
  // What the logits of one block of rows may take; at least 16 rows are taken at a time.
  std::int64_t block_bytes = std::int64_t{44} << 20;
};

// A frozen model beside the head, under the same indices, vocabulary and temperature.
struct HeadReference {
  const float* hidden = nullptr;  // [states, dim]
  const float* panels = nullptr;  // its head [vocab, dim], in panels
  std::int64_t dim = 0;
  std::int64_t ld_hidden = 0;  // distance between hidden states; 0: dim
  float softcap = 0.0f;
};

// The numbers of a block of rows, [count] each: an objective reads the first three and writes the
// derivative of the loss by each into the others.
struct HeadColumns {
  const float *logprobs, *entropies, *kls;  // 0 where they are not asked for
  float *d_logprobs, *d_entropies, *d_kls;
};

}  // namespace kernel
}  // namespace v0
}  // namespace hone
