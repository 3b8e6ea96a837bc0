// Everything that makes a tokenizer, whatever file it came from: the readers fill it in, Tokenizer
// runs it, the writer writes it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/forest.hpp"
#include "hone/text/added_tokens.hpp"
#include "hone/text/bpe.hpp"
#include "hone/text/normalizer.hpp"
#include "hone/text/pre_tokenizer.hpp"
#include "hone/text/vocabulary.hpp"

namespace hone {
inline namespace v0 {
namespace text {

struct TokenizerParts {
  std::string source = "tokenizer";  // the file, named in errors

  std::vector<Normalizer> normalizers;
  std::vector<PreTokenizer> pre_tokenizers;
  Vocabulary vocabulary;
  std::vector<Merge> merges;
  BpeOptions bpe;
  std::vector<AddedToken> added_tokens;

  // What encode puts before and after a text if asked for special tokens.
  std::vector<Token> prefix;
  std::vector<Token> suffix;

  // How a vocabulary of characters writes a space, and whether the space that encoding puts before
  // a text is taken away again. A vocabulary of bytes needs neither.
  std::string space_mark;
  bool strip_leading_space = false;

  std::optional<Token> bos;
  std::optional<Token> eos;
  std::optional<Token> pad;
  std::string chat_template;  // Jinja, empty if the model has none

  // The id of an added token or of a vocabulary entry, by its spelling.
  std::optional<Token> find(const std::string& spelling) const {
    for (const AddedToken& token : added_tokens)
      if (token.content == spelling) return token.id;
    return vocabulary.of_spelling(spelling);
  }
};

namespace detail {

// Appends the merge of two spellings, ranked after those before; `where()` is named in errors.
template <class Where>
void add_merge(TokenizerParts& parts, std::string_view left, std::string_view right,
               const Where& where) {
  const Vocabulary& vocabulary = parts.vocabulary;
  const auto token = [&](std::string_view spelling) {
    const auto id = vocabulary.of_spelling(spelling);
    if (!id) fail(where(), ": \"", spelling, "\" is not in the vocabulary");
    return *id;
  };
  parts.merges.push_back({token(left), token(right), token(std::string(left) + std::string(right)),
                          static_cast<std::int32_t>(parts.merges.size())});
}

}  // namespace detail

}  // namespace text
}  // namespace v0
}  // namespace hone
