// Low-rank adapters on the linear layers of a decoder.
//
// y = W x + b + (alpha / rank) B A x, with A drawn at random and B zero, so that a fresh adapter
// changes nothing. Hu et al. 2021, "LoRA: low-rank adaptation of large language models",
// section 4.1; rsLoRA divides by sqrt(rank) instead (Kalajdzievski 2023, eq. 6). With the adapters
// of a pass switched off, an actor is its own reference model.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/model/layers.hpp"
#include "hone/model/parameter.hpp"

namespace hone {
inline namespace v0 {
namespace model {

struct Lora {
  std::int64_t rank = 8;
  float alpha = 16.0f;
  bool rank_stabilised = false;  // rsLoRA
  // Last components of module names; empty: every linear layer of every block.
  std::vector<std::string> targets = {};
  std::uint64_t seed = 0;

  float scale() const {
    const float r = static_cast<float>(rank);
    return alpha / (rank_stabilised ? std::sqrt(r) : r);
  }
  bool selects(std::string_view module) const {
    if (targets.empty()) return true;
    for (const std::string& t : targets)
      if (names(t, module)) return true;
    return false;
  }
  static bool names(const std::string& target, std::string_view module) {
    return module == target || module.ends_with("." + target);
  }
  bool operator==(const Lora&) const = default;
};

// The prefix of adapter names in a PEFT folder.
inline constexpr std::string_view adapter_prefix = "base_model.model.";

// Calls f(parameter) for A and B of each adapter, in the order of the layers.
template <class Decoder, class F>
void for_each_adapter_parameter(Decoder& decoder, F&& f) {
  decoder.for_each_linear([&f](auto& linear) {
    if (!linear.adapter) return;
    f(linear.adapter->a);
    f(linear.adapter->b);
  });
}

namespace detail {

// Throws unless every target of `lora` names a linear layer of the decoder.
template <class Decoder>
void check_targets(Decoder& decoder, const Lora& lora) {
  for (const std::string& target : lora.targets) {
    bool named = false;
    std::vector<std::string> known;  // last components, each once
    decoder.for_each_linear([&](const auto& linear) {
      const std::string_view module = linear.module;
      named = named || Lora::names(target, module);
      const std::string last{module.substr(module.rfind('.') + 1)};
      if (std::find(known.begin(), known.end(), last) == known.end()) known.push_back(last);
    });
    if (named) continue;
    std::string names;
    for (const std::string& name : known) names += (names.empty() ? "" : ", ") + name;
    fail("Lora: target \"", target, "\" names no linear layer of this model, expected one of ",
         names);
  }
}

}  // namespace detail

// Adds trainable adapters to the layers that `lora` selects and freezes all other weights. A target
// that names no layer is an Error, and the decoder stays as it was. A is
// uniform in +-1/sqrt(in) (Kaiming with a = sqrt(5), as in peft), B is zero.
template <class Decoder>
void attach(Decoder& decoder, const Lora& lora) {
  using Weights = typename Decoder::Parameter;
  require(lora.rank > 0, "Lora: rank is ", lora.rank, ", expected a positive number");
  detail::check_targets(decoder, lora);
  decoder.for_each_parameter([](Weights& p) { p.set_trainable(false); });
  decoder.for_each_linear([&](auto& linear) {
    if (!lora.selects(linear.module)) return;
    const std::string name = std::string(adapter_prefix) + linear.module;
    Adapter<Weights> adapter;
    adapter.a = Weights({.name = name + ".lora_A.weight",
                         .out = lora.rank,
                         .in = linear.weight.in(),
                         .decay = true});
    adapter.b = Weights({.name = name + ".lora_B.weight",
                         .out = linear.weight.out(),
                         .in = lora.rank,
                         .decay = true});
    adapter.scale = lora.scale();
    std::uint64_t id = 0;
    for (char c : linear.module) id = mix(id, static_cast<unsigned char>(c));
    RandomStream stream({.seed = lora.seed, .sequence = id});
    std::vector<float> rows(static_cast<std::size_t>(adapter.a.count()));
    const double bound = 1.0 / std::sqrt(static_cast<double>(linear.weight.in()));
    for (float& x : rows) x = static_cast<float>((2.0 * stream.uniform() - 1.0) * bound);
    adapter.a.from_file(rows);
    adapter.a.set_trainable(true);
    adapter.b.set_trainable(true);
    linear.adapter = std::move(adapter);
  });
  decoder.touch();
}

// Weights with the adapters added in, and the way back: the originals are kept, so unmerging
// restores every bit. While merged, run passes with adapters off.
template <class Decoder>
class Merged {
 public:
  explicit Merged(Decoder& decoder) : decoder_(&decoder) {
    decoder.for_each_linear([this](auto& linear) {
      if (!linear.adapter) return;
      auto& w = linear.weight;
      const auto& a = linear.adapter->a;
      const auto& b = linear.adapter->b;
      std::vector<float> rows_w(static_cast<std::size_t>(w.count()));
      std::vector<float> rows_a(static_cast<std::size_t>(a.count()));
      std::vector<float> rows_b(static_cast<std::size_t>(b.count()));
      w.to_file(rows_w);
      originals_.push_back(rows_w);
      a.to_file(rows_a);
      b.to_file(rows_b);
      const auto rank = static_cast<std::size_t>(a.out()), in = static_cast<std::size_t>(a.in());
      for (std::size_t o = 0; o < static_cast<std::size_t>(b.out()); ++o)
        for (std::size_t i = 0; i < in; ++i) {
          double sum = 0;
          for (std::size_t r = 0; r < rank; ++r)
            sum +=
                static_cast<double>(rows_b[o * rank + r]) * static_cast<double>(rows_a[r * in + i]);
          const std::size_t at =
              w.spec().transposed_file ? i * static_cast<std::size_t>(w.out()) + o : o * in + i;
          rows_w[at] = static_cast<float>(static_cast<double>(rows_w[at]) +
                                          static_cast<double>(linear.adapter->scale) * sum);
        }
      w.from_file(rows_w);
    });
    decoder.touch();
  }
  Merged(const Merged&) = delete;
  Merged& operator=(const Merged&) = delete;
  ~Merged() {
    if (decoder_) unmerge();
  }

  void unmerge() {
    std::size_t next = 0;
    decoder_->for_each_linear([&](auto& linear) {
      if (linear.adapter) linear.weight.from_file(originals_[next++]);
    });
    decoder_->touch();
    decoder_ = nullptr;
  }

  // Keeps the merged weights and removes the adapters.
  void keep() {
    decoder_->for_each_linear([](auto& linear) { linear.adapter.reset(); });
    decoder_->touch();
    decoder_ = nullptr;
  }

 private:
  Decoder* decoder_;
  std::vector<std::vector<float>> originals_;
};

}  // namespace model
}  // namespace v0
}  // namespace hone
