// Byte-pair encoding: a piece of text starts as its single bytes (or characters), then the
// neighbours whose pair ranks first, and of these the leftmost, become one token, until no pair is
// in the table. Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with Subword
// Units" (2016), algorithm 1; the order among equals is that of the tokenizers package.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/text/hash.hpp"
#include "hone/text/vocabulary.hpp"

namespace hone {
inline namespace v0 {
namespace text {

// A pair of neighbours, what it becomes and how early.
struct Merge {
  Token left = 0;
  Token right = 0;
  Token result = 0;
  std::int32_t rank = 0;
};

struct BpeOptions {
  bool ignore_merges = false;    // a piece that is a token needs no merges to become it
  bool byte_fallback = false;    // a character without a token becomes its bytes' tokens <0x..>
  bool fuse_unknown = false;     // neighbouring unknown characters give one unknown token
  std::optional<Token> unknown;  // none: characters without a token vanish
};

namespace detail {

// The tokens of short pieces seen before, at most `slots` of them: a newcomer takes the place of
// the one that hashes alike. Belongs to one thread.
class PieceCache {
 public:
  static constexpr std::size_t slots = 1u << 14;

  struct Entry {
    std::uint64_t hash = 0;
    std::uint8_t length = 0;  // of the piece in bytes, 0: nothing here
    std::uint8_t count = 0;   // of tokens
    std::array<char, 46> piece{};
    std::array<Token, 10> tokens{};
  };

  Entry& at(std::uint64_t hash) {
    if (entries_.empty()) entries_.resize(slots);
    return entries_[hash & (slots - 1)];
  }

 private:
  std::vector<Entry> entries_;
};

}  // namespace detail

// What one thread needs to encode.
struct BpeScratch {
  struct Symbol {
    Token id = 0;
    std::int32_t previous = -1;
    std::int32_t next = -1;
    bool gone = false;
  };
  struct Candidate {
    std::uint64_t merge = 0;  // rank << 32 | result
    std::int32_t position = 0;
  };
  std::vector<Token> word;
  std::vector<std::uint64_t> merges;
  std::vector<Symbol> symbols;
  std::vector<Candidate> heap;
  std::string bytes;
  detail::PieceCache cache;
};

class Bpe {
 public:
  Bpe() = default;

  // Of several merges of one pair the last holds.
  Bpe(const Vocabulary& vocabulary, const std::vector<Merge>& merges, BpeOptions options)
      : vocabulary_(&vocabulary), options_(options) {
    merges_.reserve(merges.size());
    for (const Merge& m : merges) merges_.set(pair(m.left, m.right), value(m));
    for (unsigned b = 0; b < 256; ++b) {
      const char byte = static_cast<char>(b);
      if (vocabulary.alphabet() == Alphabet::bytes) {
        byte_token_[b] = vocabulary.of_bytes({&byte, 1}).value_or(-1);
      } else {
        byte_token_[b] = vocabulary.of_spelling(byte_name(b)).value_or(-1);
      }
    }
  }

  // "<0x0A>": how a vocabulary of characters names a byte.
  static std::string byte_name(unsigned b) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    return std::string("<0x") + digits[b >> 4] + digits[b & 15] + ">";
  }

  // Appends the tokens of one piece to `out`.
  void encode(std::string_view piece, BpeScratch& scratch, std::vector<Token>& out) const {
    using Entry = detail::PieceCache::Entry;
    if (piece.empty()) return;
    if (piece.size() > std::tuple_size_v<decltype(Entry::piece)>) {
      encode_uncached(piece, scratch, out);
      return;
    }
    const std::uint64_t hash = detail::hash_bytes(piece);
    Entry& entry = scratch.cache.at(hash);
    if (entry.hash == hash && entry.length == piece.size() &&
        std::memcmp(entry.piece.data(), piece.data(), piece.size()) == 0) {
      out.insert(out.end(), entry.tokens.begin(), entry.tokens.begin() + entry.count);
      return;
    }
    const std::size_t before = out.size();
    encode_uncached(piece, scratch, out);
    const std::size_t count = out.size() - before;
    if (count > entry.tokens.size()) return;
    entry.hash = hash;
    entry.length = static_cast<std::uint8_t>(piece.size());
    entry.count = static_cast<std::uint8_t>(count);
    std::memcpy(entry.piece.data(), piece.data(), piece.size());
    std::copy_n(out.begin() + static_cast<std::ptrdiff_t>(before), count, entry.tokens.begin());
  }

  void encode_uncached(std::string_view piece, BpeScratch& scratch, std::vector<Token>& out) const {
    if (options_.ignore_merges) {
      if (const auto id = vocabulary_->of_bytes(piece)) {
        out.push_back(*id);
        return;
      }
    }
    if (vocabulary_->alphabet() == Alphabet::bytes)
      spell_bytes(piece, scratch.word);
    else
      spell_characters(piece, scratch.word);
    constexpr std::size_t short_word = 48;
    if (scratch.word.size() <= short_word)
      merge_short(scratch);
    else
      merge_long(scratch);
    out.insert(out.end(), scratch.word.begin(), scratch.word.end());
  }

  // Merges scratch.word in place; both give the same tokens. The short one is quadratic and lean,
  // the long one takes O(n log n).
  void merge_short(BpeScratch& scratch) const {
    std::vector<Token>& word = scratch.word;
    std::vector<std::uint64_t>& merges = scratch.merges;  // of word[i] and word[i + 1]
    if (word.size() < 2) return;
    merges.resize(word.size() - 1);
    for (std::size_t i = 0; i + 1 < word.size(); ++i)
      merges[i] = merges_.get(pair(word[i], word[i + 1]));
    while (!merges.empty()) {
      const auto best = std::min_element(merges.begin(), merges.end());
      if (*best == detail::FlatMap::none) return;
      const auto i = static_cast<std::size_t>(best - merges.begin());
      word[i] = result(*best);
      word.erase(word.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      merges.erase(best);
      if (i > 0) merges[i - 1] = merges_.get(pair(word[i - 1], word[i]));
      if (i < merges.size()) merges[i] = merges_.get(pair(word[i], word[i + 1]));
    }
  }

  void merge_long(BpeScratch& scratch) const {
    std::vector<BpeScratch::Symbol>& symbols = scratch.symbols;
    std::vector<BpeScratch::Candidate>& heap = scratch.heap;
    require(scratch.word.size() < 0x7FFFFFFF, "a piece of ", scratch.word.size(),
            " symbols, expected less than 2 Gi");
    const auto n = static_cast<std::int32_t>(scratch.word.size());
    symbols.resize(scratch.word.size());
    heap.clear();
    for (std::int32_t i = 0; i < n; ++i)
      symbols[at(i)] = {scratch.word[at(i)], i - 1, i + 1 < n ? i + 1 : -1, false};
    // The heap's front is the first in rank, then in position.
    const auto later = [](const auto& a, const auto& b) {
      return a.merge != b.merge ? a.merge > b.merge : a.position > b.position;
    };
    const auto merge_at = [&](std::int32_t i) {
      return merges_.get(pair(symbols[at(i)].id, symbols[at(symbols[at(i)].next)].id));
    };
    const auto offer = [&](std::int32_t i) {
      if (i < 0 || symbols[at(i)].next < 0) return;
      const std::uint64_t merge = merge_at(i);
      if (merge == detail::FlatMap::none) return;
      heap.push_back({merge, i});
      std::push_heap(heap.begin(), heap.end(), later);
    };
    for (std::int32_t i = 0; i < n; ++i) offer(i);
    while (!heap.empty()) {
      std::pop_heap(heap.begin(), heap.end(), later);
      const auto [merge, i] = heap.back();
      heap.pop_back();
      BpeScratch::Symbol& left = symbols[at(i)];
      // A candidate made of symbols that have merged otherwise meanwhile has expired.
      if (left.gone || left.next < 0 || merge_at(i) != merge) continue;
      BpeScratch::Symbol& right = symbols[at(left.next)];
      left.id = result(merge);
      left.next = right.next;
      right.gone = true;
      if (left.next >= 0) symbols[at(left.next)].previous = i;
      offer(left.previous);
      offer(i);
    }
    scratch.word.clear();
    for (std::int32_t i = n > 0 ? 0 : -1; i >= 0; i = symbols[at(i)].next)
      scratch.word.push_back(symbols[at(i)].id);
  }

 private:
  static std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }
  static std::uint64_t pair(Token left, Token right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 |
           static_cast<std::uint32_t>(right);
  }
  static std::uint64_t value(const Merge& m) {
    return std::uint64_t{static_cast<std::uint32_t>(m.rank)} << 32 |
           static_cast<std::uint32_t>(m.result);
  }
  static Token result(std::uint64_t merge) { return static_cast<Token>(merge & 0xFFFFFFFFu); }

  void spell_bytes(std::string_view piece, std::vector<Token>& word) const {
    word.clear();
    bool after_unknown = false;
    for (const char b : piece) {
      const Token id = byte_token_[static_cast<unsigned char>(b)];
      if (id >= 0)
        word.push_back(id);
      else
        unknown(word, after_unknown);
      after_unknown = id < 0;
    }
  }

  void spell_characters(std::string_view piece, std::vector<Token>& word) const {
    word.clear();
    bool after_unknown = false;
    for (std::size_t begin = 0; begin < piece.size();) {
      const std::string_view character = piece.substr(begin, utf8_at(piece, begin).length);
      begin += character.size();
      if (const auto id = vocabulary_->of_bytes(character)) {
        word.push_back(*id);
        after_unknown = false;
      } else if (options_.byte_fallback && has_byte_tokens(character)) {
        for (const char b : character) word.push_back(byte_token_[static_cast<unsigned char>(b)]);
        after_unknown = false;
      } else {
        unknown(word, after_unknown);
        after_unknown = true;
      }
    }
  }

  void unknown(std::vector<Token>& word, bool after_unknown) const {
    if (options_.unknown && !(after_unknown && options_.fuse_unknown))
      word.push_back(*options_.unknown);
  }

  bool has_byte_tokens(std::string_view character) const {
    return std::all_of(character.begin(), character.end(),
                       [&](char b) { return byte_token_[static_cast<unsigned char>(b)] >= 0; });
  }

  const Vocabulary* vocabulary_ = nullptr;
  BpeOptions options_;
  detail::FlatMap merges_;
  std::array<Token, 256> byte_token_{};
};

}  // namespace text
}  // namespace v0
}  // namespace hone
