// generation_config.json: how a model's authors mean it to be sampled.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hone/checkpoint/json.hpp"
#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

// Only what the file says; what is absent stays empty (-1 for an id) and is not written back.
struct GenerationConfig {
  std::int64_t bos = -1, pad = -1;
  std::vector<std::int64_t> eos;  // any of them ends a sequence
  std::optional<bool> do_sample;
  std::optional<double> temperature, top_p, min_p, repetition_penalty;
  std::optional<std::int64_t> top_k, max_new_tokens, max_length;
  bool operator==(const GenerationConfig&) const = default;
};

inline GenerationConfig generation_config_from_json(const Json& json, const std::string& where) {
  const Fields fields(json, where);
  GenerationConfig g;
  g.bos = fields.id("bos_token_id");
  g.pad = fields.id("pad_token_id");
  g.eos = fields.ids("eos_token_id");
  if (fields.find({"do_sample"})) g.do_sample = fields.boolean({"do_sample"}, false);
  g.temperature = fields.number({"temperature"});
  g.top_p = fields.number({"top_p"});
  g.min_p = fields.number({"min_p"});
  g.repetition_penalty = fields.number({"repetition_penalty"});
  g.top_k = fields.integer({"top_k"});
  g.max_new_tokens = fields.integer({"max_new_tokens"});
  g.max_length = fields.integer({"max_length"});
  return g;
}

inline GenerationConfig parse_generation_config(std::string_view text, const std::string& where) {
  return generation_config_from_json(parse_json(text, where), where);
}

inline GenerationConfig read_generation_config(const std::filesystem::path& file) {
  return generation_config_from_json(read_json(file), file.string());
}

inline std::string generation_config_text(const GenerationConfig& g) {
  Json j = Json::object();
  const auto put = [&](const char* name, const auto& value) {
    if (value) j[name] = *value;
  };
  if (g.bos >= 0) j["bos_token_id"] = g.bos;
  if (g.pad >= 0) j["pad_token_id"] = g.pad;
  if (g.eos.size() == 1) j["eos_token_id"] = g.eos.front();
  if (g.eos.size() > 1) j["eos_token_id"] = g.eos;
  put("do_sample", g.do_sample);
  put("temperature", g.temperature);
  put("top_p", g.top_p);
  put("min_p", g.min_p);
  put("repetition_penalty", g.repetition_penalty);
  put("top_k", g.top_k);
  put("max_new_tokens", g.max_new_tokens);
  put("max_length", g.max_length);
  return json_text(j, "generation_config.json", 2) + "\n";
}

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
