// The tokenizer inside a GGUF file, as the parts that text::Tokenizer is made from.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "hone/checkpoint/gguf.hpp"
#include "hone/core/error.hpp"
#include "hone/text/gguf_tokenizer.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

inline text::GgufTokenizer gguf_tokenizer(const Gguf& file) {
  text::GgufTokenizer t;
  t.source = file.where();
  t.model = file.text("tokenizer.ggml.model").value_or("");
  t.pre = file.text("tokenizer.ggml.pre").value_or("");
  t.tokens = file.texts("tokenizer.ggml.tokens");
  for (std::int64_t type : file.integers("tokenizer.ggml.token_type")) {
    require(type >= 0 && type <= std::numeric_limits<std::int32_t>::max(), file.where(),
            ": metadata \"tokenizer.ggml.token_type\" holds ", type, ", expected a small number");
    t.token_types.push_back(static_cast<std::int32_t>(type));
  }
  t.merges = file.texts("tokenizer.ggml.merges");
  t.bos = file.integer("tokenizer.ggml.bos_token_id");
  t.eos = file.integer("tokenizer.ggml.eos_token_id");
  t.pad = file.integer("tokenizer.ggml.padding_token_id");
  t.add_bos = file.boolean("tokenizer.ggml.add_bos_token");
  t.add_eos = file.boolean("tokenizer.ggml.add_eos_token");
  t.chat_template = file.text("tokenizer.chat_template").value_or("");
  return t;
}

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
