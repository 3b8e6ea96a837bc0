// The tokens of a model: id <-> spelling in its file <-> the bytes it stands for.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/forest.hpp"
#include "hone/text/byte_level.hpp"
#include "hone/text/hash.hpp"

namespace hone {
inline namespace v0 {
namespace text {

// What a token's spelling is made of.
enum class Alphabet {
  bytes,       // GPT-2's spelling of bytes
  characters,  // plain text, as in vocabularies made by SentencePiece
};

class Vocabulary {
 public:
  Vocabulary() = default;

  // Ids need not be dense, but each is below `limit`; neither an id nor a spelling occurs twice.
  // `where` is named in errors.
  Vocabulary(std::vector<std::pair<Token, std::string>> tokens, Alphabet alphabet,
             std::int64_t limit, const std::string& where)
      : alphabet_(alphabet) {
    std::sort(tokens.begin(), tokens.end());
    std::int64_t end = 0;
    std::size_t total = 0;
    for (const auto& [id, spelling] : tokens) {
      require(id >= 0 && id < limit, where, ": token \"", spelling, "\" has id ", id,
              ", expected 0 to ", limit - 1);
      end = id + std::int64_t{1};
      total += spelling.size();
    }
    for (std::size_t i = 1; i < tokens.size(); ++i)
      require(tokens[i].first != tokens[i - 1].first, where, ": tokens \"", tokens[i - 1].second,
              "\" and \"", tokens[i].second, "\" both have id ", tokens[i].first);
    require(total < std::numeric_limits<std::uint32_t>::max(), where, ": ", total,
            " bytes of tokens, expected less than 4 GiB");
    entries_.resize(static_cast<std::size_t>(end));
    bytes_.reserve(total);
    table_.resize(std::bit_ceil(tokens.size() * 2 + 2), -1);
    count_ = tokens.size();
    for (const auto& [id, spelling] : tokens) add(id, spelling, where);
  }

  Alphabet alphabet() const { return alphabet_; }
  std::size_t count() const { return count_; }                       // tokens
  Token end() const { return static_cast<Token>(entries_.size()); }  // one past the largest id
  bool contains(Token id) const { return id >= 0 && id < end() && entry(id).present; }

  // What the token stands for; nothing if there is no such token.
  std::string_view bytes(Token id) const {
    if (!contains(id)) return {};
    return std::string_view(bytes_).substr(entry(id).begin, entry(id).length);
  }

  // The token as its file writes it.
  std::string spelling(Token id) const {
    const std::string_view b = bytes(id);
    return contains(id) && entry(id).is_spelled ? spell(b) : std::string(b);
  }

  // The token that stands for these bytes; none for a token with a spelling that is not one of
  // bytes, since no text is ever split into it.
  std::optional<Token> of_bytes(std::string_view b) const {
    if (table_.empty()) return std::nullopt;
    const Token id = table_[place(b)];
    return id < 0 ? std::nullopt : std::optional(id);
  }

  std::optional<Token> of_spelling(std::string_view s) const {
    if (alphabet_ == Alphabet::characters) return of_bytes(s);
    std::string b;
    if (append_unspelled(b, s)) return of_bytes(b);
    const auto found = unspellable_.find(std::string(s));
    return found == unspellable_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  struct Entry {
    std::uint32_t begin = 0;
    std::uint32_t length = 0;
    bool present = false;
    bool is_spelled = false;
  };

  const Entry& entry(Token id) const { return entries_[static_cast<std::size_t>(id)]; }

  void add(Token id, const std::string& spelling, const std::string& where) {
    Entry& e = entries_[static_cast<std::size_t>(id)];
    e.begin = static_cast<std::uint32_t>(bytes_.size());
    e.present = true;
    e.is_spelled = alphabet_ == Alphabet::bytes && append_unspelled(bytes_, spelling);
    if (!e.is_spelled) bytes_ += spelling;
    e.length = static_cast<std::uint32_t>(bytes_.size()) - e.begin;
    const auto twice = [&](Token other) {
      fail(where, ": token \"", spelling, "\" has the ids ", other, " and ", id);
    };
    if (alphabet_ == Alphabet::bytes && !e.is_spelled) {
      const auto [position, is_new] = unspellable_.emplace(spelling, id);
      if (!is_new) twice(position->second);
    } else {
      Token& slot = table_[place(bytes(id))];
      if (slot >= 0) twice(slot);
      slot = id;
    }
  }

  std::size_t place(std::string_view b) const {
    const std::size_t mask = table_.size() - 1;
    std::size_t i = detail::hash_bytes(b) & mask;
    while (table_[i] >= 0 && bytes(table_[i]) != b) i = (i + 1) & mask;
    return i;
  }

  Alphabet alphabet_ = Alphabet::bytes;
  std::size_t count_ = 0;
  std::string bytes_;           // of all tokens, end to end
  std::vector<Entry> entries_;  // by id
  std::vector<Token> table_;    // open addressing by bytes, -1: empty
  std::unordered_map<std::string, Token> unspellable_;
};

}  // namespace text
}  // namespace v0
}  // namespace hone
