// A GGUF file as a model: its Config, and its tensors under the names and in the layout of a
// Hugging Face checkpoint.
//
//     GgufModel file("SmolLM2-135M-Instruct.Q4_1.gguf");
//     file.config().layers;                                            // 30
//     file.read("model.layers.0.self_attn.q_proj.weight", Shape{576, 576}, out);
//
// The converters that write GGUF files change three things, which are undone here: Llama's query
// and key rows are interleaved for another way to apply rotary positions, Gemma's norms carry their
// "1 +", GPT-2's linear layers are transposed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/checkpoint/gguf.hpp"
#include "hone/checkpoint/gguf_config.hpp"
#include "hone/checkpoint/tensor_source.hpp"
#include "hone/core/error.hpp"
#include "hone/model/config.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

class GgufModel {
 public:
  explicit GgufModel(const std::filesystem::path& path) : GgufModel(Gguf(path)) {}

  explicit GgufModel(Gguf file) : file_(std::move(file)), config_(gguf_config(file_)) {
    map_tensors();
  }

  const Gguf& file() const { return file_; }
  const model::Config& config() const { return config_; }
  std::string_view where() const { return file_.where(); }

  const std::vector<std::string>& names() const { return names_; }
  bool has(std::string_view name) const { return tensors_.contains(name); }
  const Shape& shape(std::string_view name) const { return tensor(name).shape; }

  void check_readable(std::string_view name) const {
    file_.check_readable(file_.tensors()[tensor(name).index]);
  }
  void read(std::string_view name, std::span<const std::int64_t> expected,
            std::span<float> out) const {
    const Tensor& t = tensor(name);
    check_read(where(), name, t.shape, expected, out.size());
    const GgufTensor& from = file_.tensors()[t.index];
    if (t.change == Change::none || t.change == Change::minus_one) {
      file_.read(from.name, from.shape, out);
      if (t.change == Change::minus_one)
        for (float& x : out) x -= 1.0f;
      return;
    }
    const std::int64_t rows = from.shape.empty() ? 1 : from.shape.front();
    const std::int64_t width = rows > 0 ? static_cast<std::int64_t>(out.size()) / rows : 0;
    if (t.change == Change::rotary) {
      std::vector<float> all(out.size());
      file_.read(from.name, from.shape, all);
      const std::int64_t half = config_.head_dim / 2;
      for (std::int64_t row = 0; row < rows; ++row) {
        const std::int64_t in_head = row % config_.head_dim;
        const std::int64_t source = row - in_head + in_head % half * 2 + in_head / half;
        std::copy_n(all.begin() + source * width, width, out.begin() + row * width);
      }
    } else {
      std::vector<float> line(static_cast<std::size_t>(width));
      for (std::int64_t row = 0; row < rows; ++row) {
        file_.read_rows(from, row, 1, line);
        for (std::int64_t i = 0; i < width; ++i)
          out[static_cast<std::size_t>(i * rows + row)] = line[static_cast<std::size_t>(i)];
      }
    }
  }

 private:
  enum class Change { none, rotary, transposed, minus_one };
  struct Tensor {
    std::size_t index = 0;  // among the file's
    Shape shape;
    Change change = Change::none;
  };
  using Names = std::pair<std::string_view, std::string_view>;  // in GGUF, in Hugging Face

  const Tensor& tensor(std::string_view name) const {
    const auto it = tensors_.find(name);
    require(it != tensors_.end(), where(), ": holds no tensor ", in_quotes(name));
    return it->second;
  }

  // "blk.3.attn_q.weight" -> "model.layers.3.self_attn.q_proj.weight"; unknown names stay.
  std::string translate(std::string_view name) const {
    static constexpr Names gpt2[] = {{"token_embd", "transformer.wte"},
                                     {"position_embd", "transformer.wpe"},
                                     {"output_norm", "transformer.ln_f"},
                                     {"output", "lm_head"},
                                     {"attn_norm", "ln_1"},
                                     {"attn_qkv", "attn.c_attn"},
                                     {"attn_output", "attn.c_proj"},
                                     {"ffn_norm", "ln_2"},
                                     {"ffn_up", "mlp.c_fc"},
                                     {"ffn_down", "mlp.c_proj"}};
    static constexpr Names llama[] = {{"token_embd", "model.embed_tokens"},
                                      {"output_norm", "model.norm"},
                                      {"output", "lm_head"},
                                      {"attn_norm", "input_layernorm"},
                                      {"attn_q", "self_attn.q_proj"},
                                      {"attn_k", "self_attn.k_proj"},
                                      {"attn_v", "self_attn.v_proj"},
                                      {"attn_output", "self_attn.o_proj"},
                                      {"attn_q_norm", "self_attn.q_norm"},
                                      {"attn_k_norm", "self_attn.k_norm"},
                                      {"ffn_gate", "mlp.gate_proj"},
                                      {"ffn_up", "mlp.up_proj"},
                                      {"ffn_down", "mlp.down_proj"},
                                      {"post_attention_norm", "post_attention_layernorm"},
                                      {"post_ffw_norm", "post_feedforward_layernorm"}};
    const bool is_gpt2 = config_.family == model::FamilyId::gpt2;
    std::string prefix;
    std::string_view middle = name;
    if (middle.starts_with("blk.")) {
      const std::size_t dot = middle.find('.', 4);
      if (dot == std::string_view::npos) return std::string(name);
      prefix =
          (is_gpt2 ? "transformer.h." : "model.layers.") + std::string(middle.substr(4, dot - 3));
      middle.remove_prefix(dot + 1);
    }
    const std::size_t dot = middle.rfind('.');
    if (dot == std::string_view::npos) return std::string(name);
    const std::string_view suffix = middle.substr(dot);
    middle = middle.substr(0, dot);
    if (middle == "ffn_norm" && !is_gpt2)
      return prefix +
             (config_.family == model::FamilyId::gemma2 ? "pre_feedforward_layernorm"
                                                        : "post_attention_layernorm") +
             std::string(suffix);
    const auto table = is_gpt2 ? std::span<const Names>(gpt2) : std::span<const Names>(llama);
    for (const auto& [gguf, hugging_face] : table)
      if (middle == gguf) return prefix + std::string(hugging_face) + std::string(suffix);
    return std::string(name);
  }

  Change change_of(const GgufTensor& t) const {
    using model::FamilyId;
    const auto about = [&](std::string_view part) {
      return t.name.find(part) != std::string::npos;
    };
    if (config_.family == FamilyId::llama && (about(".attn_q.") || about(".attn_k.")))
      return Change::rotary;
    if (config_.family == FamilyId::gemma2 && t.name.ends_with("norm.weight"))
      return Change::minus_one;
    if (config_.family == FamilyId::gpt2 && t.shape.size() == 2 && t.name.starts_with("blk."))
      return Change::transposed;
    return Change::none;
  }

  void map_tensors() {
    for (std::size_t i = 0; i < file_.tensors().size(); ++i) {
      const GgufTensor& t = file_.tensors()[i];
      if (t.name == "rope_freqs.weight" || (t.name == "output.weight" && config_.tied)) continue;
      Tensor mapped{.index = i, .shape = t.shape, .change = change_of(t)};
      if (mapped.change == Change::transposed) std::swap(mapped.shape[0], mapped.shape[1]);
      if (mapped.change == Change::rotary)
        require(!t.shape.empty() && t.shape[0] % config_.head_dim == 0, where(), ": tensor ",
                in_quotes(t.name), " has shape ", shape_text(t.shape),
                ", expected rows for heads of ", config_.head_dim);
      std::string name = translate(t.name);
      const bool fresh = tensors_.emplace(name, std::move(mapped)).second;
      require(fresh, where(), ": tensor ", in_quotes(t.name), ": two tensors are ",
              in_quotes(name));
      names_.push_back(std::move(name));
    }
  }

  Gguf file_;
  model::Config config_;
  std::map<std::string, Tensor, std::less<>> tensors_;
  std::vector<std::string> names_;
};

static_assert(TensorSource<GgufModel>);

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
