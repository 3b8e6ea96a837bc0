// Tokens that stand beside the trained vocabulary (<|im_end|>, <|endoftext|>, ...): they are found
// in the text before it is split. Matching is that of the tokenizers package: leftmost, then
// longest; tokens with `normalized` are searched in the normalised text, the others before.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/forest.hpp"
#include "hone/text/hash.hpp"
#include "hone/text/normalizer.hpp"
#include "hone/text/regex.hpp"
#include "hone/text/utf8.hpp"
#include "hone/text/vocabulary.hpp"

namespace hone {
inline namespace v0 {
namespace text {

struct AddedToken {
  Token id = 0;
  std::string content;
  bool single_word = false;  // only where no word character stands next to it
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // takes the white space after it
  bool normalized = false;   // searched in the normalised text, by its normalised content
  bool special = true;       // steers the model and is no text: decode can leave it out
  bool operator==(const AddedToken&) const = default;
};

namespace detail {

// Finds any of a set of tokens in a text.
class AddedTokenMatcher {
 public:
  AddedTokenMatcher() : leaf_(1, -1) {}

  // Of tokens with one content the first counts.
  void add(std::string_view content, const AddedToken* token) {
    if (content.empty()) return;
    std::uint64_t node = 0;
    for (const char c : content) {
      const std::uint64_t key = edge(node, c);
      std::uint64_t child = edges_.get(key);
      if (child == FlatMap::none) {
        child = leaf_.size();
        edges_.set(key, child);
        leaf_.push_back(-1);
      }
      node = child;
    }
    if (leaf_[node] >= 0) return;
    leaf_[node] = static_cast<std::int32_t>(tokens_.size());
    tokens_.push_back(token);
    const auto first = static_cast<unsigned char>(content.front());
    if (!begins_[first]) only_first_ = tokens_.size() == 1 ? content.front() : '\0';
    begins_[first] = true;
  }

  bool empty() const { return tokens_.empty(); }

  // Calls found(token or nullptr, begin, end) for the tokens and the texts between them, in order;
  // texts are never empty. `word` matches one word character; only single_word tokens use it.
  template <class Found>
  void split(std::string_view s, bool skip_special, const Regex* word, RegexScratch& scratch,
             const Found& found) const {
    std::size_t done = 0;
    for (std::size_t at = 0; !tokens_.empty() && (at = candidate(s, at)) < s.size();) {
      const auto [token, length] = longest_at(s, at);
      if (token == nullptr) {
        ++at;
        continue;
      }
      std::size_t begin = at;
      std::size_t end = at + length;
      at = end;  // what a match covers is not searched again, even where the match is turned down
      if (skip_special && token->special) continue;
      if (token->single_word &&
          (is_word(before(s, begin), word, scratch) || is_word(after(s, end), word, scratch)))
        continue;
      if (token->lstrip) begin = std::max(space_before(s, begin), done);
      if (token->rstrip) end = space_after(s, end);
      if (done < begin) found(nullptr, done, begin);
      found(token, begin, end);
      done = end;
    }
    if (done < s.size()) found(nullptr, done, s.size());
  }

 private:
  static std::uint64_t edge(std::uint64_t node, char c) {
    return node << 8 | static_cast<unsigned char>(c);
  }

  std::size_t candidate(std::string_view s, std::size_t at) const {
    if (only_first_ != '\0') return std::min(s.find(only_first_, at), s.size());
    while (at < s.size() && !begins_[static_cast<unsigned char>(s[at])]) ++at;
    return at;
  }

  std::pair<const AddedToken*, std::size_t> longest_at(std::string_view s, std::size_t at) const {
    std::pair<const AddedToken*, std::size_t> best{nullptr, 0};
    std::uint64_t node = 0;
    for (std::size_t i = at; i < s.size(); ++i) {
      node = edges_.get(edge(node, s[i]));
      if (node == FlatMap::none) break;
      if (leaf_[node] >= 0) best = {tokens_[static_cast<std::size_t>(leaf_[node])], i + 1 - at};
    }
    return best;
  }

  // The characters next to a match; empty at the ends of the text.
  static std::string_view before(std::string_view s, std::size_t at) {
    std::size_t begin = at;
    while (begin > 0 && (static_cast<unsigned char>(s[--begin]) & 0xC0) == 0x80) {
    }
    return s.substr(begin, at - begin);
  }
  static std::string_view after(std::string_view s, std::size_t at) {
    return at < s.size() ? s.substr(at, utf8_at(s, at).length) : std::string_view{};
  }
  static bool is_word(std::string_view character, const Regex* word, RegexScratch& scratch) {
    Match match;
    return !character.empty() && word != nullptr && word->find(character, 0, scratch, match);
  }

  static std::size_t space_before(std::string_view s, std::size_t at) {
    while (at > 0) {
      const std::string_view c = before(s, at);
      if (!is_white_space(utf8_at(c, 0).character)) break;
      at -= c.size();
    }
    return at;
  }
  static std::size_t space_after(std::string_view s, std::size_t at) {
    while (at < s.size()) {
      const Utf8Step c = utf8_at(s, at);
      if (!is_white_space(c.character)) break;
      at += c.length;
    }
    return at;
  }

  FlatMap edges_;                   // (node, byte) -> node: a trie
  std::vector<std::int32_t> leaf_;  // node -> token or -1
  std::vector<const AddedToken*> tokens_;
  std::array<bool, 256> begins_{};  // bytes with which a token begins
  char only_first_ = '\0';          // the only one of them, if there is one
};

}  // namespace detail

// All added tokens of a tokenizer. Keeps pointers into itself: neither copied nor moved.
class AddedTokens {
 public:
  AddedTokens(std::vector<AddedToken> tokens, const Vocabulary& vocabulary,
              const std::vector<Normalizer>& normalizers, const std::string& where)
      : tokens_(std::move(tokens)) {
    Token largest = -1;
    const auto vocabulary_size = static_cast<Token>(vocabulary.count());
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const AddedToken& token = tokens_[i];
      const std::string place = where + ": added_tokens[" + std::to_string(i) + "]";
      require(!token.content.empty(), place, ": content is empty");
      require(by_content_.emplace(token.content, &token).second, place, ": \"", token.content,
              "\" is there twice");
      const auto known = vocabulary.of_spelling(token.content);
      const Token next =
          largest >= vocabulary_size || vocabulary_size == 0 ? largest + 1 : vocabulary_size;
      require(token.id == known.value_or(next), place, ": \"", token.content, "\" has id ",
              token.id, ", expected ", known.value_or(next),
              known ? ", its id in the vocabulary" : ", the next that is free");
      require(known || !vocabulary.contains(token.id), place, ": \"", token.content, "\" has id ",
              token.id, ", which the vocabulary uses already");
      by_id_.emplace(token.id, &token);
      largest = std::max(largest, token.id);
    }
    for (const bool special : {true, false}) {
      for (const AddedToken& token : tokens_) {
        if (token.special != special) continue;
        std::string storage;
        if (token.normalized)
          normalized_.add(normalize(token.content, normalizers, storage), &token);
        else
          raw_.add(token.content, &token);
        if (token.single_word && !word_) word_.emplace(word_character(), where);
      }
    }
    end_ = largest + 1;
  }
  AddedTokens(const AddedTokens&) = delete;
  AddedTokens& operator=(const AddedTokens&) = delete;

  const std::vector<AddedToken>& all() const { return tokens_; }
  Token end() const { return end_; }  // one past the largest id

  const AddedToken* of_id(Token id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
  }
  const AddedToken* of_content(const std::string& content) const {
    const auto found = by_content_.find(content);
    return found == by_content_.end() ? nullptr : found->second;
  }

  template <class Found>
  void split_raw(std::string_view s, bool skip_special, RegexScratch& scratch,
                 const Found& found) const {
    raw_.split(s, skip_special, word_ ? &*word_ : nullptr, scratch, found);
  }
  template <class Found>
  void split_normalized(std::string_view s, bool skip_special, RegexScratch& scratch,
                        const Found& found) const {
    normalized_.split(s, skip_special, word_ ? &*word_ : nullptr, scratch, found);
  }

 private:
  // \w of Rust's regular expressions, by which the package tells single words: unlike Oniguruma's
  // it holds the joiners and no number but decimal digits and letter numbers.
  static std::string word_character() {
    return "[" + std::string(detail::alphabetic_members) + R"(\x{200C}\x{200D}])";
  }

  std::vector<AddedToken> tokens_;
  std::unordered_map<std::string, const AddedToken*> by_content_;
  std::unordered_map<Token, const AddedToken*> by_id_;
  detail::AddedTokenMatcher raw_;
  detail::AddedTokenMatcher normalized_;
  std::optional<Regex> word_;
  Token end_ = 0;
};

}  // namespace text
}  // namespace v0
}  // namespace hone
