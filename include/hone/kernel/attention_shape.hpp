// The numbers of an attention layer that its kernels share.
#pragma once

#include <cstdint>

#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace kernel {

struct AttentionShape {
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;  // divides heads; query head h reads kv head h / (heads / kv_heads)
  std::int64_t head_dim = 0;
  float scale = 1.0f;       // of the scores, > 0; usually head_dim^-0.5
  float softcap = 0.0f;     // 0: none
  std::int64_t window = 0;  // a query sees this many positions, its own included; 0: all
  constexpr std::int64_t group() const { return heads / kv_heads; }
};

// Throws unless the numbers can be computed with.
inline void check(const AttentionShape& s) {
  require(s.kv_heads > 0 && s.heads > 0 && s.heads % s.kv_heads == 0, "attention: heads is ",
          s.heads, ", expected a multiple of kv_heads, ", s.kv_heads);
  require(s.head_dim > 0, "attention: head_dim is ", s.head_dim, ", expected a positive number");
  require(s.scale > 0.0f, "attention: scale is ", s.scale, ", expected a positive number");
  require(s.softcap >= 0.0f && s.window >= 0, "attention: softcap is ", s.softcap,
          " and window is ", s.window, ", expected no negative number");
}

}  // namespace kernel
}  // namespace v0
}  // namespace hone
