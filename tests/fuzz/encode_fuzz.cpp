// Any bytes as text, through byte-level tokenizers that hold all bytes: decoding gives the text
// back, with U+FFFD where it was no UTF-8, however the splits and merges fell.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/text/tokenizer.hpp"

namespace {

using namespace hone::text;

TokenizerParts parts(std::vector<PreTokenizer> steps) {
  TokenizerParts p;
  p.pre_tokenizers = std::move(steps);
  std::vector<std::pair<hone::Token, std::string>> tokens;
  for (int b = 0; b < 256; ++b) tokens.emplace_back(b, spell(std::string(1, static_cast<char>(b))));
  for (const char* more : {"Ġt", "he", "Ġthe", "ĠĠ", "in", "ä½", "ä½ł", "Ã©", "00"})
    tokens.emplace_back(static_cast<hone::Token>(tokens.size()), more);
  p.vocabulary = Vocabulary(std::move(tokens), Alphabet::bytes, 1000, "test");
  for (const auto& [left, right] : std::vector<std::pair<const char*, const char*>>{{"Ġ", "t"},
                                                                                    {"h", "e"},
                                                                                    {"Ġt", "he"},
                                                                                    {"Ġ", "Ġ"},
                                                                                    {"i", "n"},
                                                                                    {"ä", "½"},
                                                                                    {"ä½", "ł"},
                                                                                    {"Ã", "©"},
                                                                                    {"0", "0"}})
    detail::add_merge(p, left, right, [] { return std::string("test"); });
  AddedToken special;
  special.id = p.vocabulary.end();
  special.content = "<s>";
  p.added_tokens.push_back(special);
  return p;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<Tokenizer> tokenizers{
      Tokenizer(parts({ByteLevel{}})),
      Tokenizer(parts({Digits{true}, ByteLevel{}})),
      Tokenizer(parts({Split{std::string(split_pattern::llama3)}, ByteLevel{false, false}})),
      Tokenizer(parts({Split{std::string(split_pattern::qwen2)}, ByteLevel{false, false}})),
      Tokenizer(parts({Punctuation{SplitBehavior::contiguous}, ByteLevel{}, Digits{false}})),
  };
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string expected = replace_invalid_utf8(input);
  for (const Tokenizer& tokenizer : tokenizers)
    for (const bool parse : {true, false})
      if (tokenizer.decode(tokenizer.encode(input, {.parse_special = parse})) != expected)
        __builtin_trap();
  return 0;
}
