// How a record becomes the text that a model reads: a template around plain text, or the chat
// template of the model around a conversation.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/message.hpp"
#include "hone/data/record.hpp"

namespace hone {
inline namespace v0 {
namespace data {

// What stands around a prompt and an answer of plain text.
struct PromptTemplate {
  std::string before_prompt = {};
  std::string after_prompt = {};
  std::string before_answer = {};
  std::string after_answer = {};
  bool operator==(const PromptTemplate&) const = default;
  template <class Fingerprint>
  void describe(Fingerprint& f) const {
    f.add("template", before_prompt).add("", after_prompt);
    f.add("", before_answer).add("", after_answer);
  }
};

// "Human: <prompt> Assistant: <answer>", as DeepSpeed-Chat writes its data sets.
inline PromptTemplate human_assistant() {
  return {.before_prompt = "Human: ", .after_prompt = " Assistant:", .before_answer = " "};
}

// Stands for the chat template of a model without one.
struct NoChat {
  std::string operator()(std::span<const Message>, bool) const {
    fail(
        "the record is a conversation and the format has no chat template: give Format a callable "
        "std::string(std::span<const hone::Message>, bool open_answer) as its member chat");
  }
};

// Both ways side by side; a record takes the one that it needs. `chat(messages, open_answer)`
// renders a conversation; with open_answer it ends where the assistant's words begin. A rendering
// must begin with the rendering of the turns before (all chat templates that cut no turn do).
template <class Chat = NoChat>
struct Format {
  PromptTemplate text = {};
  Chat chat = {};
  std::string end_of_turn = {};  // "<|im_end|>": the last characters of an answer that are trained
};

// A run of text that is trained on as a whole or not at all.
struct Piece {
  std::string text = {};
  bool trained = false;
  bool operator==(const Piece&) const = default;
};

// Which turns of a conversation carry the loss of stage 1.
enum class Turns : std::uint8_t { all, last };

namespace detail {

// Pieces of one kind lie together, none is empty.
inline void add_piece(std::vector<Piece>& pieces, std::string_view text, bool trained) {
  if (text.empty()) return;
  if (!pieces.empty() && pieces.back().trained == trained)
    pieces.back().text += text;
  else
    pieces.push_back({std::string(text), trained});
}

inline std::string_view continuation(std::string_view whole, std::string_view head) {
  require(whole.starts_with(head),
          "the chat template renders the first turns of a conversation as ", '"', head,
          "\" and the longer conversation as \"", whole,
          "\", expected a text that begins with the first");
  return whole.substr(head.size());
}

// The turns [from, turns.size()) after `so_far`, the rendering of those before.
template <class Chat>
void add_turns(std::vector<Piece>& pieces, const Format<Chat>& format,
               std::span<const Message> turns, std::size_t from, std::string so_far, Turns which) {
  for (std::size_t i = from; i < turns.size(); ++i) {
    const auto before = turns.first(i);
    const bool assistant = turns[i].role == "assistant";
    const bool trained = assistant && (which == Turns::all || i + 1 == turns.size());
    if (assistant) {
      std::string opened = format.chat(before, true);
      add_piece(pieces, continuation(opened, so_far), false);
      so_far = std::move(opened);
    }
    std::string closed = format.chat(turns.first(i + 1), false);
    std::string_view said = continuation(closed, so_far);
    std::size_t end = said.size();
    if (trained && !format.end_of_turn.empty()) {
      const std::size_t at = said.rfind(format.end_of_turn);
      if (at != std::string_view::npos) end = at + format.end_of_turn.size();
    }
    add_piece(pieces, said.substr(0, end), trained);
    add_piece(pieces, said.substr(end), false);
    so_far = std::move(closed);
  }
}

// Every answer begins with the assistant's words, so the prompt ends where they begin.
inline bool assistant_next(const Record& record) {
  for (const Answer& a : record.answers)
    if (a.content.messages.front().role != "assistant") return false;
  return true;
}

}  // namespace detail

// The prompt as the model reads it, up to where its answer begins. Without a prompt it is empty: an
// answer to nothing stands alone, without a template.
template <class Chat>
std::string prompt_text(const Format<Chat>& format, const Record& record) {
  if (record.prompt.empty()) return {};
  if (record.prompt.conversation())
    return format.chat(record.prompt.messages, detail::assistant_next(record));
  return format.text.before_prompt + record.prompt.text + format.text.after_prompt;
}

// The answer as the model should have written it after prompt_text. Of a conversation the last
// piece ends with the end of the assistant's turn.
template <class Chat>
std::vector<Piece> answer_pieces(const Format<Chat>& format, const Record& record,
                                 const Answer& answer) {
  std::vector<Piece> pieces;
  if (answer.content.conversation()) {
    std::vector<Message> turns = record.prompt.messages;
    const std::size_t from = turns.size();
    turns.insert(turns.end(), answer.content.messages.begin(), answer.content.messages.end());
    detail::add_turns(pieces, format, turns, from, prompt_text(format, record), Turns::all);
  } else if (record.prompt.empty()) {
    detail::add_piece(pieces, answer.content.text, true);
  } else if (!answer.content.text.empty()) {
    detail::add_piece(
        pieces, format.text.before_answer + answer.content.text + format.text.after_answer, true);
  }
  while (!pieces.empty() && !pieces.back().trained) pieces.pop_back();
  return pieces;
}

// A whole record with one answer, for stage 1: what is read and what is learnt, in turn.
template <class Chat>
std::vector<Piece> record_pieces(const Format<Chat>& format, const Record& record,
                                 const Answer& answer, Turns which = Turns::all) {
  std::vector<Piece> pieces;
  if (answer.content.conversation() && which == Turns::all) {
    std::vector<Message> turns = record.prompt.messages;
    turns.insert(turns.end(), answer.content.messages.begin(), answer.content.messages.end());
    detail::add_turns(pieces, format, turns, 0, "", Turns::all);
    while (!pieces.empty() && !pieces.back().trained) pieces.pop_back();
    return pieces;
  }
  detail::add_piece(pieces, prompt_text(format, record), false);
  for (const Piece& p : answer_pieces(format, record, answer))
    detail::add_piece(pieces, p.text, p.trained);
  return pieces;
}

}  // namespace data
}  // namespace v0
}  // namespace hone
