// Runs the pre-tokenizers of a tokenizer: a text in, its pieces out, exactly those of the
// tokenizers package.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/text/byte_level.hpp"
#include "hone/text/pre_tokenizer.hpp"
#include "hone/text/regex.hpp"
#include "hone/text/utf8.hpp"

namespace hone {
inline namespace v0 {
namespace text {

// A text and the pieces into which it has been split so far.
struct Pieces {
  struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  std::string_view text;
  std::vector<Range> ranges;
  bool begins_input = true;  // `text` stands at the very beginning of what is encoded
  bool is_spelled = false;   // bytes are written in GPT-2's spelling already

  std::string_view operator[](std::size_t i) const {
    return text.substr(ranges[i].begin, ranges[i].end - ranges[i].begin);
  }

  // Buffers; `text` may lie in one of them.
  std::string storage[2];
  std::vector<Range> next;
  std::vector<std::pair<Range, bool>> cuts;  // a range and whether the pattern matched it
  RegexScratch regex;
};

namespace detail {

// What a step searches for: an expression or a text.
struct FindRegex {
  const Regex& regex;
  bool operator()(std::string_view piece, std::size_t from, RegexScratch& scratch,
                  Match& match) const {
    return regex.find(piece, from, scratch, match);
  }
};
struct FindText {
  std::string_view text;
  bool operator()(std::string_view piece, std::size_t from, RegexScratch&, Match& match) const {
    const std::size_t at = piece.find(text, from);
    if (at == std::string_view::npos) return false;
    match = {at, at + text.size()};
    return true;
  }
};

// The compiled form of one step.
class PreTokenizerStep {
 public:
  // `last`: no step follows, so that pieces may stay raw bytes instead of being spelled.
  PreTokenizerStep(PreTokenizer step, bool last, const std::string& where)
      : step_(std::move(step)), last_(last) {
    const auto compile = [&](std::string_view pattern) { regex_.emplace_back(pattern, where); };
    if (const auto* bytes = std::get_if<ByteLevel>(&step_)) {
      if (bytes->use_regex) compile(split_pattern::gpt2);
    } else if (const auto* split = std::get_if<Split>(&step_)) {
      require(!split->pattern.empty(), where, ": the split pattern is empty");
      if (!split->is_literal) compile(split->pattern);
    } else if (std::holds_alternative<Digits>(step_)) {
      compile(R"(\p{N})");
    } else if (std::holds_alternative<Punctuation>(step_)) {
      compile(R"([!-/:-@\[-`{-~\p{P}])");
    } else if (const auto* spaces = std::get_if<Metaspace>(&step_)) {
      require(!spaces->replacement.empty(), where, ": the replacement for spaces is empty");
    }
  }

  void apply(Pieces& p) const {
    std::visit([&](const auto& step) { apply(step, p); }, step_);
  }

 private:
  void apply(const ByteLevel& step, Pieces& p) const {
    if (step.add_prefix_space) {
      rebuild(p, [](std::string& out, std::string_view piece, bool) {
        if (!piece.starts_with(' ')) out += ' ';
        out += piece;
      });
    }
    if (step.use_regex) split(p, SplitBehavior::isolated, false, FindRegex{regex_.front()});
    if (last_) return;
    rebuild(p, [](std::string& out, std::string_view piece, bool) { append_spelling(out, piece); });
    p.is_spelled = true;
  }

  void apply(const Split& step, Pieces& p) const {
    if (step.is_literal)
      split(p, step.behavior, step.invert, FindText{step.pattern});
    else
      split(p, step.behavior, step.invert, FindRegex{regex_.front()});
  }

  void apply(const Digits& step, Pieces& p) const {
    split(p, step.individual ? SplitBehavior::isolated : SplitBehavior::contiguous, false,
          FindRegex{regex_.front()});
  }

  void apply(const Punctuation& step, Pieces& p) const {
    split(p, step.behavior, false, FindRegex{regex_.front()});
  }

  void apply(const Metaspace& step, Pieces& p) const {
    rebuild(p, [&](std::string& out, std::string_view piece, bool first) {
      const bool wanted = step.prepend == Metaspace::always ||
                          (step.prepend == Metaspace::first && first && p.begins_input);
      if (wanted && !piece.starts_with(' ') && !piece.starts_with(step.replacement))
        out += step.replacement;
      for (const char c : piece)
        if (c == ' ')
          out += step.replacement;
        else
          out += c;
    });
    if (step.split) split(p, SplitBehavior::merged_with_next, false, FindText{step.replacement});
  }

  // Writes every piece anew; `write(out, piece, is the first)`.
  template <class Write>
  static void rebuild(Pieces& p, const Write& write) {
    std::string& out = p.text.data() == p.storage[0].data() ? p.storage[1] : p.storage[0];
    out.clear();
    for (std::size_t i = 0; i < p.ranges.size(); ++i) {
      const std::size_t begin = out.size();
      write(out, p[i], p.ranges[i].begin == 0);
      p.ranges[i] = {begin, out.size()};
    }
    p.text = out;
  }

  template <class Find>
  static void split(Pieces& p, SplitBehavior behavior, bool invert, const Find& find) {
    p.next.clear();
    for (std::size_t i = 0; i < p.ranges.size(); ++i) {
      cut(p, p[i], invert, find);
      const std::size_t offset = p.ranges[i].begin;
      merge(p.cuts, behavior);
      for (const auto& [range, matched] : p.cuts) {
        const bool dropped = matched && behavior == SplitBehavior::removed;
        if (range.begin < range.end && !dropped)
          p.next.push_back({offset + range.begin, offset + range.end});
      }
    }
    p.ranges.swap(p.next);
  }

  // Covers `piece` with matches and what lies between them. An empty match right after a match is
  // passed over, as in the original.
  template <class Find>
  static void cut(Pieces& p, std::string_view piece, bool invert, const Find& find) {
    p.cuts.clear();
    std::size_t done = 0;
    std::size_t from = 0;
    bool any = false;
    Match match;
    while (from <= piece.size() && find(piece, from, p.regex, match)) {
      if (match.begin == match.end && any && match.end == done) {
        from += from < piece.size() ? utf8_at(piece, from).length : 1u;
        continue;
      }
      if (done != match.begin) p.cuts.push_back({{done, match.begin}, invert});
      p.cuts.push_back({{match.begin, match.end}, !invert});
      done = from = match.end;
      any = true;
    }
    if (done != piece.size()) p.cuts.push_back({{done, piece.size()}, invert});
  }

  static void merge(std::vector<std::pair<Pieces::Range, bool>>& cuts, SplitBehavior behavior) {
    if (behavior == SplitBehavior::isolated || behavior == SplitBehavior::removed) return;
    const bool backwards = behavior == SplitBehavior::merged_with_next;
    if (backwards) std::reverse(cuts.begin(), cuts.end());
    std::size_t kept = 0;
    bool previous = false;
    for (std::size_t i = 0; i < cuts.size(); ++i) {
      const auto [range, matched] = cuts[i];
      const bool joins = kept > 0 && (behavior == SplitBehavior::contiguous ? matched == previous
                                                                            : matched && !previous);
      previous = matched;
      if (!joins)
        cuts[kept++] = {range, matched};
      else if (backwards)
        cuts[kept - 1].first.begin = range.begin;
      else
        cuts[kept - 1].first.end = range.end;
    }
    cuts.resize(kept);
    if (backwards) std::reverse(cuts.begin(), cuts.end());
  }

  PreTokenizer step_;
  bool last_;
  std::vector<Regex> regex_;  // empty or one
};

}  // namespace detail

// The steps of a tokenizer, compiled. Immutable: any number of threads may split with it.
class Splitter {
 public:
  Splitter() = default;
  Splitter(const std::vector<PreTokenizer>& steps, const std::string& where) {
    bool bytes = false;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const bool is_bytes = std::holds_alternative<ByteLevel>(steps[i]);
      require(!(bytes && is_bytes), where, ": a second ByteLevel step would spell bytes twice");
      bytes = bytes || is_bytes;
      steps_.emplace_back(steps[i], i + 1 == steps.size(),
                          where + " (step " + std::to_string(i) + ")");
    }
  }

  // `text` must be valid UTF-8, not empty, and outlive `p.text`.
  void operator()(std::string_view text, bool begins_input, Pieces& p) const {
    p.text = text;
    p.ranges.assign(1, {0, text.size()});
    p.begins_input = begins_input;
    p.is_spelled = false;
    for (const detail::PreTokenizerStep& step : steps_) step.apply(p);
  }

 private:
  std::vector<detail::PreTokenizerStep> steps_;
};

}  // namespace text
}  // namespace v0
}  // namespace hone
