// The parts a decoder is made of, as records of parameters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace hone {
inline namespace v0 {
namespace model {

// A low-rank addition to a linear layer: y += scale * B (A x).
// Hu et al. 2021, "LoRA: low-rank adaptation of large language models", eq. 3.
template <class Parameter>
struct Adapter {
  Parameter a;  // [rank, in]
  Parameter b;  // [out, rank]
  float scale = 1.0f;
};

// y = W x + b.
template <class Parameter>
struct Linear {
  std::string module;  // the checkpoint's name without ".weight"
  Parameter weight;    // [out, in]
  std::optional<Parameter> bias;
  std::optional<Adapter<Parameter>> adapter;
};

// What a linear layer multiplies by and adds; bias may be null.
template <class Parameter>
struct LinearWeights {
  Parameter* weight;
  Parameter* bias;
};

// RMS norm, or layer norm where there is a bias.
template <class Parameter>
struct Norm {
  Parameter weight;
  std::optional<Parameter> bias;
};

// What attention of one layer needs to know.
struct AttentionNumbers {
  std::int64_t heads = 0, kv_heads = 0, head_dim = 0;
  float scale = 1.0f;       // multiplies query-key products
  float softcap = 0.0f;     // scores become c tanh(score / c); 0: none
  std::int64_t window = 0;  // a query sees keys at distance below this; 0: all
};

}  // namespace model
}  // namespace v0
}  // namespace hone
