// The options of learning from a data set, and the state that such a run carries.
#pragma once

#include <cstdint>
#include <optional>

#include "hone/checkpoint/described.hpp"
#include "hone/train/adamw.hpp"
#include "hone/train/ema.hpp"
#include "hone/train/schedule.hpp"

namespace hone {
inline namespace v0 {
namespace train {

struct OfflineOptions {
  AdamW optimizer = {};
  Schedule schedule = {.peak = 1e-5f, .decay = Decay::constant};
  std::int64_t microbatch_tokens = 8192;  // per forward and backward pass; changes no bit
  // The margin of a pair in a reward model's loss is this times the difference of the two answers'
  // scores in the data; for data whose scores are ratings.
  float margin_scale = 0.0f;
  bool checkpoint_activations = false;
  std::optional<Ema> ema = {};
};

// What of the options decides a run's bits, for its checkpoints.
inline checkpoint::Json described(const OfflineOptions& options) {
  checkpoint::Json out = checkpoint::described(options);
  for (const char* free : {"microbatch_tokens", "checkpoint_activations"}) out.erase(free);
  return out;
}

// Saved and restored as a whole.
struct OfflineState {
  std::int64_t step = 0;
  AdamW::State optimizer;
  Ema::State ema;
};

}  // namespace train
}  // namespace v0
}  // namespace hone
