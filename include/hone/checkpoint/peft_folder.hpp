// A PEFT adapter folder: LoRA matrices that peft's PeftModel.from_pretrained loads, and its own.
//
// adapter_config.json says rank, scale and modules; adapter_model.safetensors holds, for each
// module,
//   base_model.model.<module>.lora_A.weight  [r, in]
//   base_model.model.<module>.lora_B.weight  [out, r]
// and whole modules that were trained beside them (a reward model's score.weight). The module then
// computes W x + scaling B A x. Hu et al. 2021, "LoRA: low-rank adaptation of large language
// models"; with use_rslora Kalajdzievski 2023, "A rank stabilization scaling factor for fine-tuning
// with LoRA".
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "hone/checkpoint/atomic_file.hpp"
#include "hone/checkpoint/json.hpp"
#include "hone/checkpoint/safetensors_writer.hpp"
#include "hone/checkpoint/tensor_files.hpp"
#include "hone/checkpoint/tensor_source.hpp"
#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

struct PeftConfig {
  std::int64_t r = 8;
  double alpha = 8;                          // lora_alpha
  bool use_rslora = false;                   // scaling alpha / sqrt(r) instead of alpha / r
  bool fan_in_fan_out = false;               // the base stores [in, out], as GPT-2; A and B do not
  double dropout = 0;                        // lora_dropout; of peft's training only
  std::vector<std::string> target_modules;   // ends of module names; empty: from the tensors
  std::vector<std::string> modules_to_save;  // modules stored whole
  std::string base_model;                    // base_model_name_or_path
  std::string task = "CAUSAL_LM";            // "CAUSAL_LM", "SEQ_CLS" or ""

  double scaling() const {
    return use_rslora ? alpha / std::sqrt(static_cast<double>(r)) : alpha / static_cast<double>(r);
  }
  bool operator==(const PeftConfig&) const = default;
};

namespace detail {

// Settings that hone reads, or that do not change what an adapter computes once it is trained.
inline constexpr std::array<std::string_view, 24> peft_known = {"r",
                                                                "lora_alpha",
                                                                "use_rslora",
                                                                "fan_in_fan_out",
                                                                "lora_dropout",
                                                                "target_modules",
                                                                "modules_to_save",
                                                                "base_model_name_or_path",
                                                                "task_type",
                                                                "peft_type",
                                                                "bias",
                                                                "init_lora_weights",
                                                                "inference_mode",
                                                                "revision",
                                                                "auto_mapping",
                                                                "peft_version",
                                                                "megatron_core",
                                                                "qalora_group_size",
                                                                "loftq_config",
                                                                "eva_config",
                                                                "corda_config",
                                                                "lora_ga_config",
                                                                "exclude_modules",
                                                                "runtime_config"};

inline bool is_neutral(const Json& v) {
  return v.is_null() || v == Json(false) || ((v.is_structured() || v.is_string()) && v.empty());
}

}  // namespace detail

inline PeftConfig peft_config_from_json(const Json& json, const std::string& where) {
  const Fields fields(json, where);
  const std::string type = fields.text({"peft_type"}).value_or("");
  if (type != "LORA") fields.refuse("peft_type", "is ", in_quotes(type), ", expected \"LORA\"");
  if (const std::string bias = fields.text({"bias"}).value_or("none"); bias != "none")
    fields.refuse("bias", "is ", in_quotes(bias), ", expected \"none\"");
  if (const Json* init = fields.find({"init_lora_weights"}); init && init->is_string()) {
    const auto& how = init->get_ref<const std::string&>();
    for (const char* changed : {"pissa", "corda", "olora", "loftq", "eva", "lora_ga"})
      if (how.starts_with(changed))
        fields.refuse("init_lora_weights", "is ", in_quotes(how),
                      ", which changes the base model's weights and is not supported");
  }
  // Dora, rank_pattern, layers_to_transform and whatever comes next: unless it says "off", refuse.
  for (const auto& [name, value] : json.items())
    if (std::find(detail::peft_known.begin(), detail::peft_known.end(), name) ==
            detail::peft_known.end() &&
        !detail::is_neutral(value))
      fields.refuse(name.c_str(), "is set, which is not supported");

  PeftConfig c;
  c.r = fields.integer({"r"}, 8);
  if (c.r <= 0 || c.r > 1 << 20) fields.refuse("r", "is ", c.r, ", expected a positive rank");
  c.alpha = fields.number({"lora_alpha"}, 8);
  c.use_rslora = fields.boolean({"use_rslora"}, false);
  c.fan_in_fan_out = fields.boolean({"fan_in_fan_out"}, false);
  c.dropout = fields.number({"lora_dropout"}, 0);
  if (const Json* modules = fields.find({"target_modules"}); modules && !modules->is_string())
    c.target_modules = fields.texts({"target_modules"});  // a pattern: the tensors tell
  c.modules_to_save = fields.texts({"modules_to_save"});
  c.base_model = fields.text({"base_model_name_or_path"}).value_or("");
  c.task = fields.text({"task_type"}).value_or("");
  return c;
}

inline PeftConfig parse_peft_config(std::string_view text, const std::string& where) {
  return peft_config_from_json(parse_json(text, where), where);
}

inline std::string peft_config_text(const PeftConfig& c) {
  const auto or_null = [](const auto& v) { return v.empty() ? Json(nullptr) : Json(v); };
  const bool whole = c.alpha == std::floor(c.alpha);
  const Json j = {{"peft_type", "LORA"},
                  {"task_type", or_null(c.task)},
                  {"base_model_name_or_path", or_null(c.base_model)},
                  {"r", c.r},
                  {"lora_alpha", whole ? Json(static_cast<std::int64_t>(c.alpha)) : Json(c.alpha)},
                  {"lora_dropout", c.dropout},
                  {"use_rslora", c.use_rslora},
                  {"fan_in_fan_out", c.fan_in_fan_out},
                  {"target_modules", c.target_modules},
                  {"modules_to_save", or_null(c.modules_to_save)},
                  {"bias", "none"},
                  {"use_dora", false},
                  {"init_lora_weights", true},
                  {"inference_mode", true}};
  return json_text(j, "adapter_config.json", 2) + "\n";
}

namespace detail {

inline constexpr std::string_view peft_prefix = "base_model.model.";
inline constexpr std::string_view lora_a = ".lora_A.weight", lora_b = ".lora_B.weight";

inline std::string full_peft_name(std::string_view name) {
  return std::string(name.starts_with(peft_prefix) ? "" : peft_prefix) + std::string(name);
}

// The modules that tensors adapt, without prefix, each with an A and a B of rank r; any other
// tensor must belong to a module that is stored whole.
template <class Names, class ShapeOf>
std::vector<std::string> adapted_modules(const PeftConfig& c, const Names& names, ShapeOf shape_of,
                                         std::string_view where) {
  std::vector<std::string> modules;
  const std::set<std::string, std::less<>> all(names.begin(), names.end());
  for (const std::string& name : names) {
    require(name.starts_with(peft_prefix), where, ": tensor ", in_quotes(name),
            ", expected a name that begins with ", peft_prefix);
    const bool is_a = name.ends_with(lora_a), is_b = name.ends_with(lora_b);
    if (!is_a && !is_b) {
      const auto whole = [&](const std::string& module) {
        return name.find("." + module + ".") != std::string::npos;
      };
      require(std::any_of(c.modules_to_save.begin(), c.modules_to_save.end(), whole), where,
              ": tensor ", in_quotes(name),
              " is neither lora_A nor lora_B nor of a module in modules_to_save");
      continue;
    }
    const std::string module = name.substr(0, name.size() - lora_a.size());
    const std::string other = module + std::string(is_a ? lora_b : lora_a);
    require(all.contains(other), where, ": tensor ", in_quotes(other), " is missing");
    const Shape shape = shape_of(name);
    require(shape.size() == 2 && shape[is_a ? 0 : 1] == c.r, where, ": tensor ", in_quotes(name),
            " has shape ", shape_text(shape), ", expected rank ", c.r);
    if (is_a) modules.push_back(module.substr(peft_prefix.size()));
  }
  require(!modules.empty(), where, ": adapts no module");
  return modules;
}

// "model.layers.3.self_attn.q_proj" -> "self_attn.q_proj"; peft matches the ends of names.
inline std::string target_of(const std::string& module) {
  for (std::size_t dot = module.rfind('.'); dot != std::string::npos && dot > 0;
       dot = module.rfind('.', dot - 1)) {
    const std::size_t before = module.rfind('.', dot - 1);
    if (before == std::string::npos) break;
    const std::string_view part = std::string_view(module).substr(before + 1, dot - before - 1);
    if (!part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos)
      return module.substr(dot + 1);
  }
  return module;
}

}  // namespace detail

// An adapter, opened. Tensors go by their full names or without "base_model.model.", so that a
// whole module goes by its own: "score.weight".
class PeftFolder {
 public:
  explicit PeftFolder(const std::filesystem::path& folder)
      : config_(peft_config_from_json(read_json(folder / "adapter_config.json"),
                                      (folder / "adapter_config.json").string())),
        files_(checked(folder), "adapter_model") {
    modules_ = detail::adapted_modules(
        config_, names(), [&](const std::string& name) { return shape(name); }, where());
    if (config_.target_modules.empty()) {
      std::set<std::string> targets;
      for (const std::string& module : modules_) targets.insert(detail::target_of(module));
      config_.target_modules.assign(targets.begin(), targets.end());
    }
  }

  const PeftConfig& config() const { return config_; }
  const std::vector<std::string>& modules() const { return modules_; }

  const std::vector<std::string>& names() const { return files_.names(); }
  bool has(std::string_view name) const { return files_.has(detail::full_peft_name(name)); }
  const Shape& shape(std::string_view name) const {
    return files_.shape(detail::full_peft_name(name));
  }
  std::string_view where() const { return files_.where(); }
  void check_readable(std::string_view name) const {
    files_.check_readable(detail::full_peft_name(name));
  }
  void read(std::string_view name, std::span<const std::int64_t> expected,
            std::span<float> out) const {
    files_.read(detail::full_peft_name(name), expected, out);
  }

 private:
  static const std::filesystem::path& checked(const std::filesystem::path& folder) {
    std::error_code error;
    require(!std::filesystem::exists(folder / "adapter_model.bin", error) ||
                std::filesystem::exists(folder / "adapter_model.safetensors", error),
            folder.string(), ": holds adapter_model.bin, which hone does not read; ",
            "save it with peft as safetensors");
    return folder;
  }

  PeftConfig config_;
  TensorFiles files_;
  std::vector<std::string> modules_;
};

static_assert(TensorSource<PeftFolder>);

// Writes an adapter folder; names as in PeftFolder. Appears whole at commit().
class PeftFolderWriter {
 public:
  PeftFolderWriter(const std::filesystem::path& target, PeftConfig config,
                   std::span<const ExpectedTensor> tensors, DType dtype = DType::f32,
                   bool overwrite = false)
      : folder_(target, overwrite, "adapter_config.json"),
        weights_(folder_.path() / "adapter_model.safetensors", specs_of(tensors, dtype)) {
    std::vector<std::string> names;
    std::map<std::string, Shape> shapes;
    for (const ExpectedTensor& t : tensors) {
      names.push_back(detail::full_peft_name(t.name));
      shapes.emplace(names.back(), t.shape);
    }
    const auto modules = detail::adapted_modules(
        config, names, [&](const std::string& name) { return shapes.at(name); }, target.string());
    if (config.target_modules.empty()) {
      std::set<std::string> targets;
      for (const std::string& module : modules) targets.insert(detail::target_of(module));
      config.target_modules.assign(targets.begin(), targets.end());
    }
    write_file(folder_.path() / "adapter_config.json", peft_config_text(config));
  }

  void write(std::string_view name, std::span<const float> values) {
    weights_.write(detail::full_peft_name(name), values);
  }

  void commit() {
    weights_.commit();
    folder_.commit();
  }

 private:
  static std::vector<TensorSpec> specs_of(std::span<const ExpectedTensor> tensors, DType dtype) {
    std::vector<TensorSpec> specs;
    for (const ExpectedTensor& t : tensors)
      specs.push_back({detail::full_peft_name(t.name), t.shape, dtype});
    return specs;
  }

  AtomicFolder folder_;
  SafetensorsWriter weights_;
};

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
