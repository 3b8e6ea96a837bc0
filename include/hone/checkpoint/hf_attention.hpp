// The parts of a config.json that say how attention sees positions: rotary frequencies in their two
// spellings, and which layers have the sliding window.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hone/checkpoint/json.hpp"
#include "hone/core/error.hpp"
#include "hone/model/config.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {
namespace detail {

struct HfRope {
  double theta = 10000.0;
  model::RopeScaling scaling = {};
  bool operator==(const HfRope&) const = default;
};

// One dictionary of rope settings; `theta` and `original` hold where it does not say.
inline HfRope parse_rope(const Fields& rope, double theta, std::int64_t original) {
  HfRope out{.theta = rope.number({"rope_theta"}, theta)};
  const std::string type = rope.text({"rope_type", "type"}).value_or("default");
  if (rope.number({"partial_rotary_factor"}, 1.0) != 1.0)
    rope.refuse("partial_rotary_factor", "is not 1, which is not supported");
  if (type == "default") return out;
  if (type != "llama3")
    rope.refuse("rope_type", "is ", in_quotes(type), ", expected \"default\" or \"llama3\"");
  const auto needed = [&](const char* name) {
    const auto value = rope.number({name});
    if (!value || !(*value > 0)) rope.refuse(name, "is missing or not positive");
    return static_cast<float>(*value);
  };
  out.scaling = {
      .factor = needed("factor"),
      .low_freq_factor = needed("low_freq_factor"),
      .high_freq_factor = needed("high_freq_factor"),
      .original_max_positions = rope.integer({"original_max_position_embeddings"}, original)};
  if (out.scaling.original_max_positions <= 0)
    rope.refuse("original_max_position_embeddings", "is not positive");
  if (out.scaling.low_freq_factor >= out.scaling.high_freq_factor)
    rope.refuse("low_freq_factor", "is not below high_freq_factor");
  if (out.scaling.factor == 1.0f) out.scaling = {};
  return out;
}

inline void read_rope(const Fields& fields, model::Config& c) {
  const double theta = fields.number({"rope_theta"}, 10000.0);
  const std::int64_t original =
      fields.integer({"original_max_position_embeddings"}, c.max_positions);
  const Json* rope = fields.find({"rope_scaling"});  // goes before the new spelling, as there
  const char* name = "rope_scaling";
  if (!rope || rope->empty()) {
    rope = fields.find({"rope_parameters"});
    name = "rope_parameters";
  }
  if (fields.number({"partial_rotary_factor"}, 1.0) != 1.0)
    fields.refuse("partial_rotary_factor", "is not 1, which is not supported");
  HfRope found{.theta = theta};
  if (rope) {
    const std::string where = fields.where() + ": field \"" + name + "\"";
    const Fields outer(*rope, where);
    // One dictionary, or one for each type of layer.
    std::optional<HfRope> nested;
    for (const char* type : {"full_attention", "sliding_attention"})
      if (const Json* part = outer.find({type})) {
        const HfRope one =
            parse_rope(Fields(*part, where + ", field \"" + type + "\""), theta, original);
        if (nested && !(*nested == one))
          fields.refuse(name, "differs between types of layers, which is not supported");
        nested = one;
      }
    found = nested ? *nested : parse_rope(outer, theta, original);
  }
  c.rope_theta = static_cast<float>(found.theta);
  c.rope_scaling = found.scaling;
}

// Which layers have the sliding window, as a first layer and a step.
inline void set_windows(const Fields& fields, model::Config& c, std::int64_t window,
                        const std::vector<bool>& layers) {
  const auto first = std::find(layers.begin(), layers.end(), true);
  if (first == layers.end() || window <= 0) return;
  const auto second = std::find(first + 1, layers.end(), true);
  c.sliding_window = window;
  c.window_from = first - layers.begin();
  c.window_every = second != layers.end()     ? second - first
                   : first + 1 < layers.end() ? c.layers
                                              : 1;
  for (std::int64_t i = 0; i < c.layers; ++i)
    if (c.windowed(i) != layers[static_cast<std::size_t>(i)])
      fields.refuse("layer_types", "has the sliding window on no regular pattern of layers");
}

inline void read_windows(const Fields& fields, model::Config& c, std::int64_t absent) {
  using model::FamilyId;
  std::int64_t window =
      fields.is_null("sliding_window") ? 0 : fields.integer({"sliding_window"}, absent);
  if (window < 0) fields.refuse("sliding_window", "is ", window, ", expected 0 or more");
  const bool qwen = c.family == FamilyId::qwen2 || c.family == FamilyId::qwen3;
  if (qwen && !fields.boolean({"use_sliding_window"}, false)) window = 0;
  if (c.family == FamilyId::llama) window = 0;
  std::vector<bool> layers(static_cast<std::size_t>(c.layers));
  const std::int64_t from = fields.integer({"max_window_layers"}, 28);
  for (std::int64_t i = 0; i < c.layers; ++i)
    layers[static_cast<std::size_t>(i)] = c.family == FamilyId::gemma2 ? i % 2 == 0
                                          : qwen                       ? i >= from
                                                 : c.family == FamilyId::mistral;
  if (const Json* types = fields.find({"layer_types"})) {
    std::vector<bool> said;
    for (const std::string& type : fields.texts({"layer_types"})) {
      if (type != "full_attention" && type != "attention" && type != "sliding_attention")
        fields.refuse("layer_types", "has ", in_quotes(type),
                      ", expected \"full_attention\" or \"sliding_attention\"");
      said.push_back(type == "sliding_attention");
    }
    if (static_cast<std::int64_t>(said.size()) != c.layers)
      fields.refuse("layer_types", "has ", types->size(), " elements, expected ", c.layers);
    if (window == 0 && std::find(said.begin(), said.end(), true) != said.end())
      fields.refuse("layer_types", "has sliding layers, but there is no sliding window");
    if (c.family == FamilyId::mistral && window > 0 && said != layers)
      fields.refuse("layer_types", "has layers without the window, which Mistral does not");
    layers = said;
  }
  set_windows(fields, c, window, layers);
}

}  // namespace detail
}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
