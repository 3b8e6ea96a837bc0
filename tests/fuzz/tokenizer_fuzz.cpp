// Any text as tokenizer.json: read or refused; what is read encodes and decodes any text, and what
// is written again gives the same tokens.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "hone/text/stream_decoder.hpp"
#include "hone/text/tokenizer.hpp"

namespace {

void use(const hone::text::Tokenizer& tokenizer, const hone::text::Tokenizer& again,
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hone::text;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  try {
    const TokenizerParts parts = parse_tokenizer_json(input, "tokenizer.json");
    const Tokenizer tokenizer(parts);
    const Tokenizer again(parse_tokenizer_json(to_tokenizer_json(parts), "again"));
    use(tokenizer, again, "Hello,  wörld 123\r\n\n漢字 <s></s> ab\xFF\xE4 ▁a");
    use(tokenizer, again, input.substr(0, 300));
  } catch (const hone::Error&) {
  }
  return 0;
}
