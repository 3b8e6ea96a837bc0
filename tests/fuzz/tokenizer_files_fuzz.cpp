// Any texts as vocab.json, merges.txt, tokenizer_config.json, special_tokens_map.json and
// added_tokens.json, with a line "====" between two: read or refused by an error that names one of
// them; what is read encodes and decodes any text, and names the same tokens when it is written
// and read again. The settings are read beside a tokenizer.json, too.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "largest_request.hpp"
#include "use_tokenizer.hpp"

namespace {

using namespace hone::text;

// An empty text stands for a file that is not there.
SettingsFile settings_file(const char* name, std::string_view text) {
  SettingsFile file{name};
  if (!text.empty()) file.value = parse_json(text, name);
  return file;
}

// The names of the tokens survive being written.
void check_names(const TokenizerParts& parts) {
  TokenizerParts again = parts;
  again.bos = again.eos = again.pad = std::nullopt;
  again.chat_template.clear();
  apply_settings({.config = settings_file("again", to_tokenizer_config(parts)),
                  .special_tokens = settings_file("none", "")},
                 again);
  if (again.bos != parts.bos || again.eos != parts.eos || again.pad != parts.pad ||
      again.chat_template != parts.chat_template)
    __builtin_trap();
}

template <class Read>
void expect_named(const Read& read) {
  try {
    read();
  } catch (const hone::Error& error) {
    const std::string_view said = error.what();
    for (const std::string_view name :
         {"vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json",
          "added_tokens.json", "tokenizer.json"})
      if (said.starts_with(name)) return;
    __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::array<std::string_view, 5> texts;
  std::string_view rest = input;
  for (std::string_view& text : texts) {
    constexpr std::string_view line = "\n====\n";
    const std::size_t end = std::min(rest.find(line), rest.size());
    text = rest.substr(0, end);
    rest.remove_prefix(std::min(end + line.size(), rest.size()));
  }
  const auto& [vocabulary, merges, config, special_tokens, added_tokens] = texts;
  const auto settings = [&] {
    return TokenizerSettings{
        .config = settings_file("tokenizer_config.json", config),
        .special_tokens = settings_file("special_tokens_map.json", special_tokens)};
  };
  const hone_fuzz::WatchedRequests watched(size);
  expect_named([&] {
    TokenizerParts parts;
    parts.source = "vocab.json";
    parts.vocabulary = detail::read_vocab_json(vocabulary, parts.source);
    detail::read_merges_txt(merges, "merges.txt", parts);
    apply_gpt2_settings(settings(), settings_file("added_tokens.json", added_tokens), parts);
    const Tokenizer tokenizer(parts);
    check_names(parts);
    hone_fuzz::use(tokenizer, input);
  });
  expect_named([&] {
    TokenizerParts parts = parse_tokenizer_json(
        R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]},
            "added_tokens": [{"id": 3, "content": "<s>", "special": true}]})",
        "tokenizer.json");
    apply_settings(settings(), parts);
    check_names(parts);
  });
  return 0;
}
