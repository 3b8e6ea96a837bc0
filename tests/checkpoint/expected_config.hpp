// A model::Config against what tests/goldens/checkpoint/make.py says of transformers' own.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "hone/checkpoint/json.hpp"
#include "hone/model/config.hpp"

namespace checkpoint_test {

inline void expect_config(const hone::model::Config& c, const hone::checkpoint::Json& wanted) {
  const auto integer = [&](const char* key, std::int64_t found) {
    EXPECT_EQ(found, wanted.at(key).get<std::int64_t>()) << key;
  };
  const auto boolean = [&](const char* key, bool found) {
    EXPECT_EQ(found, wanted.at(key).get<bool>()) << key;
  };
  const auto number = [&](const char* key, float found) {
    EXPECT_EQ(found, static_cast<float>(wanted.at(key).get<double>())) << key;
  };
  EXPECT_EQ(hone::model::name_of(c.family), wanted.at("family").get<std::string>());
  integer("vocab", c.vocab);
  integer("hidden", c.hidden);
  integer("layers", c.layers);
  integer("heads", c.heads);
  integer("kv_heads", c.kv_heads);
  integer("head_dim", c.head_dim);
  integer("mlp", c.mlp);
  integer("max_positions", c.max_positions);
  integer("embed_dim", c.embed_dim);
  integer("bos", c.bos);
  integer("pad", c.pad);
  const auto eos = wanted.at("eos").get<std::vector<std::int64_t>>();
  EXPECT_EQ(c.eos, eos.empty() ? -1 : eos.front()) << "eos";
  boolean("tied", c.tied);
  boolean("norm_before", c.norm_before);
  boolean("final_norm", c.final_norm);
  boolean("attention_bias", c.attention_bias);
  boolean("mlp_bias", c.mlp_bias);
  number("norm_eps", c.norm_eps);
  number("rope_theta", c.rope_theta);
  number("rope_factor", c.rope_scaling.factor);
  if (wanted.contains("rope_low")) {
    number("rope_low", c.rope_scaling.low_freq_factor);
    number("rope_high", c.rope_scaling.high_freq_factor);
    integer("rope_original", c.rope_scaling.original_max_positions);
  }
  number("attention_softcap", c.attention_softcap);
  number("final_softcap", c.final_softcap);
  number("query_scale", c.query_scale);
  constexpr const char* activations[] = {"relu", "gelu_tanh", "gelu_erf", "silu"};
  EXPECT_EQ(activations[static_cast<int>(c.activation)],
            wanted.at("activation").get<std::string>());
  const auto windows = wanted.at("windows").get<std::vector<std::int64_t>>();
  for (std::int64_t i = 0; i < c.layers; ++i)
    EXPECT_EQ(c.windowed(i) ? c.sliding_window : 0, windows[static_cast<std::size_t>(i)])
        << "window of layer " << i;
}

}  // namespace checkpoint_test
