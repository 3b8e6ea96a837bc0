// What holds of every tokenizer, whatever file it was read from.
#pragma once

#include <string>
#include <string_view>

#include "hone/text/stream_decoder.hpp"
#include "hone/text/tokenizer.hpp"

namespace hone_fuzz {

// Any text encodes to ids in range, the same ones by a tokenizer that was written and read again,
// and decodes to valid UTF-8, whole or as a stream.
inline void use(const hone::text::Tokenizer& tokenizer, const hone::text::Tokenizer& again,
                std::string_view text) {
  using hone::Token;
  const auto ids = tokenizer.encode(text, {.add_special = true});
  if (ids != again.encode(text, {.add_special = true})) __builtin_trap();
  for (const Token id : ids)
    if (id < 0 || id >= tokenizer.size()) __builtin_trap();
  const std::string decoded = tokenizer.decode(ids);
  if (!hone::text::is_valid_utf8(decoded)) __builtin_trap();
  hone::text::StreamDecoder stream(tokenizer);
  std::string streamed;
  for (const Token id : ids) streamed += stream.push(id);
  if (streamed + stream.finish() != decoded) __builtin_trap();
}

inline void use(const hone::text::Tokenizer& tokenizer, std::string_view input) {
  const hone::text::Tokenizer again(
      hone::text::parse_tokenizer_json(hone::text::to_tokenizer_json(tokenizer.parts()), "again"));
  use(tokenizer, again, "Hello,  wörld 123\r\n\n漢字 <s></s> ab\xFF\xE4 ▁a");
  use(tokenizer, again, input.substr(0, 300));
}

}  // namespace hone_fuzz
