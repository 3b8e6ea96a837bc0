// Any text as merges.txt and as a rank file.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "hone/text/tokenizer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hone::text;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view text = "abba cab 1\xFF";
  try {
    TokenizerParts parts;
    parts.pre_tokenizers = {ByteLevel{}};
    parts.vocabulary = Vocabulary({{0, "a"}, {1, "b"}, {2, "ab"}, {3, "ba"}, {4, "abba"}, {5, "Ġ"}},
                                  Alphabet::bytes, 6, "vocab.json");
    detail::read_merges_txt(input, "merges.txt", parts);
    const Tokenizer tokenizer(parts);
    if (tokenizer.decode(tokenizer.encode("abba ab")) != "abba ab") __builtin_trap();
  } catch (const hone::Error&) {
  }
  try {
    const Tokenizer tokenizer(parse_rank_file(input, "ranks.tiktoken"));
    tokenizer.decode(tokenizer.encode(text));
    if (tokenizer.encode(text) != tokenizer.encode(text)) __builtin_trap();
  } catch (const hone::Error&) {
  }
  return 0;
}
