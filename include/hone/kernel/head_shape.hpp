// The language-model head as a kernel sees it: which hidden state predicts which token.
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

}  // namespace kernel
}  // namespace v0
}  // namespace hone
