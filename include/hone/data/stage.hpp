// The three stages' and the pretraining text's data sets: from records to token trees.
//
//     Store pairs = prepare(read_jsonl("pairs.jsonl"), Rankings{.max_tokens = 512, .end = eos},
//                           Format{.text = human_assistant()}, tokenize);
//     std::cout << pairs.tally();
//
// A stage is a value; `tokenize` is any callable from std::string_view to a range of Token. Prompt
// and answer are tokenised apart, so that a prompt has the same tokens whatever is answered. What a
// stage cannot use is counted in the store's tally.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/core/forest.hpp"
#include "hone/data/fingerprint.hpp"
#include "hone/data/format.hpp"
#include "hone/data/record.hpp"
#include "hone/data/store.hpp"

namespace hone {
inline namespace v0 {
namespace data {

inline constexpr Token no_token = -1;

namespace detail {

template <class Tokenize>
void append_tokens(std::vector<Token>& out, std::string_view text, const Tokenize& tokenize) {
  for (const auto token : tokenize(text)) out.push_back(static_cast<Token>(token));
}

// Cuts on the right to `room` tokens; tells whether it had to.
inline bool cut_right(std::vector<Token>& tokens, std::int64_t room) {
  if (static_cast<std::int64_t>(tokens.size()) <= room) return false;
  tokens.resize(static_cast<std::size_t>(std::max<std::int64_t>(room, 0)));
  return true;
}

inline std::vector<Token> begin_with(Token token) {
  return token == no_token ? std::vector<Token>{} : std::vector<Token>{token};
}

}  // namespace detail

// Stage 1, supervised fine-tuning: the best answer of each record, learnt after its prompt. Plain
// text is learnt from its first token on; of a conversation the assistant's turns are.
//
// Tree: a chain of nodes, read and trained in turn.
struct Demonstrations {
  std::int64_t max_tokens = 512;  // of prompt and answer; the rest is cut off on the right
  Token begin = no_token;         // put before everything
  Token end = no_token;           // the end-of-conversation token, put after the answer and trained
  Turns turns = Turns::all;

  template <class Records, class Format, class Tokenize>
  void operator()(Records&& records, const Format& format, const Tokenize& tokenize,
                  StoreBuilder& out) const {
    for (const Record& record : records) {
      ++out.tally.read;
      const int at = best(scores(record));
      const auto pieces =
          at < 0
              ? std::vector<Piece>{}
              : record_pieces(format, record, record.answers[static_cast<std::size_t>(at)], turns);
      if (pieces.empty())
        ++out.tally.without_answer;
      else
        add(record, pieces, tokenize, out);
    }
  }

  void describe(Fingerprint& f) const {
    f.add("demonstrations", max_tokens).add("", begin).add("", end).add("", turns);
  }

 private:
  template <class Tokenize>
  void add(const Record& record, const std::vector<Piece>& pieces, const Tokenize& tokenize,
           StoreBuilder& out) const {
    std::vector<std::pair<std::vector<Token>, bool>> runs = {{detail::begin_with(begin), false}};
    for (const Piece& piece : pieces) {
      if (piece.trained != runs.back().second && !runs.back().first.empty())
        runs.push_back({{}, piece.trained});
      runs.back().second = piece.trained;
      detail::append_tokens(runs.back().first, piece.text, tokenize);
    }
    if (end != no_token) runs.back().first.push_back(end);
    std::int64_t room = max_tokens, learnt = 0;
    bool cut = false;
    for (auto& [tokens, trained] : runs) {
      cut |= detail::cut_right(tokens, room);
      room -= static_cast<std::int64_t>(tokens.size());
      if (trained) learnt += static_cast<std::int64_t>(tokens.size());
    }
    // A sequence's first token has no predecessor and cannot be learnt.
    if (learnt - (runs.front().second ? 1 : 0) <= 0) {
      ++(cut ? out.tally.prompt_too_long : out.tally.without_answer);
      return;
    }
    ++out.tally.kept;
    out.tally.answers_cut += cut;
    out.begin_tree(record.id);
    std::int32_t parent = -1;
    for (const auto& [tokens, trained] : runs)
      if (!tokens.empty()) parent = out.add_node(parent, tokens, trained);
  }
};

// Stage 2, reward model and preference learning: every answer with its score.
//
// Tree: the prompt (empty without one) and a child for each answer. All pairs of a prompt are in
// one tree, so in one batch.
struct Rankings {
  std::int64_t max_tokens = 512;  // of prompt and one answer; the rest is cut off on the right
  Token begin = no_token;
  Token end = no_token;         // put after each answer
  float min_difference = 0.0f;  // answers whose scores differ by no more are no pair
  bool need_pair = true;        // false keeps records without a pair: labelled answers

  template <class Records, class Format, class Tokenize>
  void operator()(Records&& records, const Format& format, const Tokenize& tokenize,
                  StoreBuilder& out) const {
    out.min_difference = min_difference;
    for (const Record& record : records) {
      ++out.tally.read;
      if (record.answers.empty())
        ++out.tally.without_answer;
      else if (need_pair && pairs(scores(record), min_difference).empty())
        ++out.tally.without_pair;
      else
        add(record, format, tokenize, out);
    }
  }

  void describe(Fingerprint& f) const {
    f.add("rankings", max_tokens).add("", begin).add("", end);
    f.add("", min_difference).add("", need_pair);
  }

 private:
  template <class Format, class Tokenize>
  void add(const Record& record, const Format& format, const Tokenize& tokenize,
           StoreBuilder& out) const {
    std::vector<Token> prompt = detail::begin_with(begin);
    detail::append_tokens(prompt, prompt_text(format, record), tokenize);
    const std::int64_t room = max_tokens - static_cast<std::int64_t>(prompt.size());
    std::vector<std::vector<Token>> answers;
    std::uint64_t cut = 0;
    bool empty = false;
    for (const Answer& answer : record.answers) {
      std::vector<Token>& tokens = answers.emplace_back();
      for (const Piece& piece : answer_pieces(format, record, answer))
        detail::append_tokens(tokens, piece.text, tokenize);
      if (end != no_token) tokens.push_back(end);
      empty |= tokens.empty();
      cut += detail::cut_right(tokens, room);
    }
    if (room <= 0 || empty) {
      ++(empty ? out.tally.without_answer : out.tally.prompt_too_long);
      return;
    }
    ++out.tally.kept;
    out.tally.answers_cut += cut;
    out.tally.identical +=
        answers.size() > 1 && std::equal(answers.begin() + 1, answers.end(), answers.begin());
    out.begin_tree(record.id);
    out.add_node(-1, prompt, false);
    for (std::size_t i = 0; i < answers.size(); ++i)
      out.add_node(0, answers[i], true, record.answers[i].score);
  }
};

// Stage 3, reinforcement learning: prompts with what rewards want to know of them.
//
// Tree: the prompt alone.
struct Prompts {
  std::int64_t max_tokens = 256;  // the last tokens are kept, the head is cut off on the left
  Token begin = no_token;         // survives the cut

  template <class Records, class Format, class Tokenize>
  void operator()(Records&& records, const Format& format, const Tokenize& tokenize,
                  StoreBuilder& out) const {
    for (const Record& record : records) {
      ++out.tally.read;
      const std::vector<Token> head = detail::begin_with(begin);
      const std::string text = prompt_text(format, record);
      std::vector<Token> tokens;
      detail::append_tokens(tokens, text, tokenize);
      const std::int64_t room = max_tokens - static_cast<std::int64_t>(head.size());
      const std::int64_t excess = static_cast<std::int64_t>(tokens.size()) - std::max(room, {});
      if (excess > 0) tokens.erase(tokens.begin(), tokens.begin() + excess);
      tokens.insert(tokens.begin(), head.begin(), head.end());
      if (tokens.empty()) {
        ++out.tally.without_prompt;
        continue;
      }
      ++out.tally.kept;
      out.tally.prompts_cut += excess > 0;
      out.begin_tree(
          record.id,
          encode({.text = text, .messages = record.prompt.messages, .columns = record.columns}));
      out.add_node(-1, tokens, false);
    }
  }

  void describe(Fingerprint& f) const { f.add("prompts", max_tokens).add("", begin); }
};

// Unsupervised text (PTX): the records' texts end to end, cut into blocks. The last block is
// shorter; nothing is padded, and nothing dropped but a lone last token, which has no predecessor.
//
// Tree: one block, trained as a whole.
struct Blocks {
  std::int64_t tokens = 512;  // of a block
  Token end = no_token;       // put after each text
  bool join = true;           // false: a block never spans two texts

  template <class Records, class Format, class Tokenize>
  void operator()(Records&& records, const Format& format, const Tokenize& tokenize,
                  StoreBuilder& out) const {
    require(tokens >= 2, "Blocks: tokens is ", tokens, ", expected at least 2");
    std::vector<Token> run;
    const auto flush = [&](bool rest) {
      std::size_t at = 0;
      const auto block = static_cast<std::size_t>(tokens);
      for (; run.size() - at >= block || (rest && run.size() - at >= 2);) {
        const std::size_t length = std::min(block, run.size() - at);
        out.begin_tree(out.tally.kept++);
        out.add_node(-1, std::span<const Token>(run).subspan(at, length), true);
        at += length;
      }
      if (rest) at = run.size();
      run.erase(run.begin(), run.begin() + static_cast<std::ptrdiff_t>(at));
    };
    for (const Record& record : records) {
      ++out.tally.read;
      const int at = best(scores(record));
      std::string text = prompt_text(format, record);
      if (at >= 0)
        for (const Piece& piece :
             answer_pieces(format, record, record.answers[static_cast<std::size_t>(at)]))
          text += piece.text;
      const std::size_t before = run.size();
      detail::append_tokens(run, text, tokenize);
      if (run.size() == before) {
        ++out.tally.without_answer;
        continue;
      }
      if (end != no_token) run.push_back(end);
      flush(!join);
    }
    flush(true);
  }

  void describe(Fingerprint& f) const { f.add("blocks", tokens).add("", end).add("", join); }
};

// Runs a stage over a range of records.
template <class Records, class Stage, class Format, class Tokenize>
Store prepare(Records&& records, const Stage& stage, const Format& format,
              const Tokenize& tokenize) {
  StoreBuilder builder;
  stage(std::forward<Records>(records), format, tokenize, builder);
  return builder.finish();
}

}  // namespace data
}  // namespace v0
}  // namespace hone
