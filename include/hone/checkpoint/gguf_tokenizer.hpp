// The tokenizer inside a GGUF file, as plain parts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hone/checkpoint/gguf.hpp"
#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

// What a GGUF file says of its tokenizer. Tokens of a byte-level BPE are spelt in its alphabet.
struct GgufTokenizer {
  std::string model;  // "gpt2": byte-level BPE; "llama": SentencePiece
  std::string pre;    // the split, by llama.cpp's name: "smollm", "llama-bpe", "qwen2"
  std::vector<std::string> tokens;  // [vocab]
  std::vector<std::int64_t> types;  // [vocab] or empty; 1 normal, 2 unknown, 3 control, 4
                                    // user-defined, 5 unused, 6 byte
  std::vector<double> scores;       // [vocab] or empty
  std::vector<std::string> merges;  // "left right", best first
  std::int64_t bos = -1, eos = -1, unknown = -1, pad = -1;
  std::optional<bool> add_bos, add_eos, add_space_prefix;
  std::string chat_template;  // Jinja; empty if there is none
};

inline GgufTokenizer gguf_tokenizer(const Gguf& file) {
  GgufTokenizer t;
  t.model = file.text("tokenizer.ggml.model").value_or("");
  t.pre = file.text("tokenizer.ggml.pre").value_or("");
  t.tokens = file.texts("tokenizer.ggml.tokens");
  t.types = file.integers("tokenizer.ggml.token_type");
  t.scores = file.numbers("tokenizer.ggml.scores");
  t.merges = file.texts("tokenizer.ggml.merges");
  t.bos = file.integer("tokenizer.ggml.bos_token_id", -1);
  t.eos = file.integer("tokenizer.ggml.eos_token_id", -1);
  t.unknown = file.integer("tokenizer.ggml.unknown_token_id", -1);
  t.pad = file.integer("tokenizer.ggml.padding_token_id", -1);
  t.add_bos = file.boolean("tokenizer.ggml.add_bos_token");
  t.add_eos = file.boolean("tokenizer.ggml.add_eos_token");
  t.add_space_prefix = file.boolean("tokenizer.ggml.add_space_prefix");
  t.chat_template = file.text("tokenizer.chat_template").value_or("");
  require(t.types.empty() || t.types.size() == t.tokens.size(), file.where(),
          ": metadata \"tokenizer.ggml.token_type\" has ", t.types.size(), " elements, expected ",
          t.tokens.size());
  require(t.scores.empty() || t.scores.size() == t.tokens.size(), file.where(),
          ": metadata \"tokenizer.ggml.scores\" has ", t.scores.size(), " elements, expected ",
          t.tokens.size());
  const auto size = static_cast<std::int64_t>(t.tokens.size());
  for (std::int64_t id : {t.bos, t.eos, t.unknown, t.pad})
    require(id >= -1 && id < size, file.where(), ": a special token has id ", id,
            ", but there are ", size, " tokens");
  return t;
}

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
