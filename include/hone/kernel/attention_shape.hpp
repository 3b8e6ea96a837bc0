// The numbers of an attention layer that its kernels share.
#pragma once

#include <cstdint>

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
  std::int64_t group() const { return heads / kv_heads; }
};

}  // namespace kernel
}  // namespace v0
}  // namespace hone
