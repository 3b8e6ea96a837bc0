// The ways in which a text is split into the pieces that byte-pair encoding never merges across. A
// tokenizer owns a list of them; each splits the pieces of the one before. Splitter runs them.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "hone/core/config.hpp"

namespace hone {
inline namespace v0 {
namespace text {

// What becomes of the matches of a split pattern, "the-final--countdown" split at "-":
enum class SplitBehavior {
  removed,               // the, final, countdown
  isolated,              // the, -, final, -, -, countdown
  merged_with_previous,  // the-, final-, -, countdown
  merged_with_next,      // the, -final, -, -countdown
  contiguous,            // the, -, final, --, countdown
};

// The split patterns of well-known families, in Oniguruma's syntax.
namespace split_pattern {
inline constexpr std::string_view gpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view llama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view qwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
}  // namespace split_pattern

// Splits with GPT-2's pattern if `use_regex`, then turns characters into bytes. With
// `add_prefix_space` a piece that does not begin with a space gets one.
struct ByteLevel {
  bool add_prefix_space = false;
  bool use_regex = true;
  bool trim_offsets = true;  // kept for writing: changes no token
};

// Splits at every match of `pattern` (at everything else if `invert`).
struct Split {
  std::string pattern;
  bool is_literal = false;  // `pattern` is text and no expression
  SplitBehavior behavior = SplitBehavior::isolated;
  bool invert = false;
};

// Splits off numbers (\p{N}), digit by digit or in runs.
struct Digits {
  bool individual = false;
};

// Splits off punctuation (ASCII's and \p{P}), each character a match.
struct Punctuation {
  SplitBehavior behavior = SplitBehavior::isolated;
};

// SentencePiece's spaces: each becomes `replacement`, one is put before the text, and with `split`
// every piece begins at one.
struct Metaspace {
  enum Prepend { always, never, first };
  std::string replacement = "\xE2\x96\x81";  // U+2581
  Prepend prepend = always;
  bool split = true;
};

using PreTokenizer = std::variant<ByteLevel, Split, Digits, Punctuation, Metaspace>;

}  // namespace text
}  // namespace v0
}  // namespace hone
