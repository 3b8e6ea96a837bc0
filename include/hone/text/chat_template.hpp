// How a conversation becomes the text that a chat model was trained on.
//
//   const auto chat = ChatTemplate::of(tokenizer);         // the model's own
//   const std::string prompt = chat.render(messages, true);  // ends where the assistant speaks
//   const auto ids = tokenizer.encode(prompt);
//
// The text holds all special tokens already, a beginning-of-text token too where the template puts
// one: encode it without add_special.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/message.hpp"
#include "hone/text/jinja_template.hpp"
#include "hone/text/tokenizer.hpp"

namespace hone {
inline namespace v0 {
namespace text {

using hone::Message;

// <|im_start|>role\ncontent<|im_end|>\n, as in Qwen and SmolLM2. A conversation that does not begin
// with a system message gets `default_system`, unless that is empty.
struct ChatMl {
  std::string default_system;

  std::string operator()(std::span<const Message> messages, bool add_generation_prompt) const {
    std::string out;
    const auto turn = [&](std::string_view role, std::string_view content) {
      out.append("<|im_start|>").append(role).append("\n").append(content).append("<|im_end|>\n");
    };
    const bool has_system = !messages.empty() && messages.front().role == "system";
    if (!has_system && !default_system.empty()) turn("system", default_system);
    for (const Message& m : messages) turn(m.role, m.content);
    if (add_generation_prompt) out += "<|im_start|>assistant\n";
    return out;
  }
};

// <|start_header_id|>role<|end_header_id|>\n\ncontent<|eot_id|>, after `begin`. Contents are
// stripped of white space at both ends.
struct Llama3Chat {
  std::string begin = "<|begin_of_text|>";

  std::string operator()(std::span<const Message> messages, bool add_generation_prompt) const {
    std::string out = messages.empty() ? "" : begin;
    const auto header = [&](std::string_view role) {
      out.append("<|start_header_id|>").append(role).append("<|end_header_id|>\n\n");
    };
    for (const Message& m : messages) {
      header(m.role);
      out.append(jinja::strip(m.content, true, true)).append("<|eot_id|>");
    }
    if (add_generation_prompt) header("assistant");
    return out;
  }
};

// "Human: ...\n\nAssistant: ...", plain text for models without special tokens. A system message
// stands without a label. `end` follows each of the assistant's turns.
struct PlainChat {
  std::string human = "Human:";
  std::string assistant = "Assistant:";
  std::string gap = "\n\n";  // between turns
  std::string end;

  std::string operator()(std::span<const Message> messages, bool add_generation_prompt) const {
    std::string out;
    const auto label = [&](std::string_view text) {
      if (!out.empty()) out += gap;
      out += text;
    };
    for (const Message& m : messages) {
      const bool says = m.role == "assistant";
      require(says || m.role == "user" || m.role == "system", "a plain chat has the roles system, ",
              "user and assistant, not \"", m.role, '"');
      if (m.role == "system") {
        label(m.content);
        continue;
      }
      label(says ? assistant : human);
      out.append(" ").append(m.content);
      if (says) out += end;
    }
    if (add_generation_prompt) label(assistant);
    return out;
  }
};

// A template in Jinja, as models carry it. The variables are those that transformers gives it:
// messages, add_generation_prompt, tools and documents (none), bos_token, eos_token, pad_token;
// more can be set by name (enable_thinking, date_string, ...).
struct JinjaChat {
  JinjaTemplate source;
  jinja::Value variables = jinja::Value::object();

  std::string operator()(std::span<const Message> messages, bool add_generation_prompt) const {
    jinja::Value all = {{"tools", nullptr}, {"documents", nullptr}};
    all.update(variables);
    all["add_generation_prompt"] = add_generation_prompt;
    all["messages"] = jinja::Value::array();
    for (const Message& m : messages)
      all["messages"].push_back({{"role", m.role}, {"content", m.content}});
    return source.render(all);
  }
};

// One of the forms above. Copies share what is large.
class ChatTemplate {
 public:
  using Form = std::variant<ChatMl, Llama3Chat, PlainChat, JinjaChat>;

  ChatTemplate(Form form) : form_(std::move(form)) {}  // NOLINT: a form is a template

  static ChatTemplate chatml(std::string default_system = {}) {
    return Form(ChatMl{std::move(default_system)});
  }
  static ChatTemplate llama3() { return Form(Llama3Chat{}); }
  static ChatTemplate plain() { return Form(PlainChat{}); }

  // `where` is the file, named in errors. Fails, and says on what line and why, if the template
  // uses what hone's Jinja does not know.
  static ChatTemplate jinja(std::string_view source, std::string where,
                            jinja::Value variables = jinja::Value::object()) {
    return Form(JinjaChat{JinjaTemplate(source, std::move(where)), std::move(variables)});
  }

  // The template that the model's files hold.
  static ChatTemplate of(const Tokenizer& tokenizer) {
    const std::string& source = tokenizer.jinja_chat_template();
    require(!source.empty(), tokenizer.source(), ": the model has no chat template; choose one, ",
            "such as ChatTemplate::chatml() or ChatTemplate::plain()");
    jinja::Value variables = jinja::Value::object();
    const auto name = [&](const char* variable, std::optional<Token> id) {
      if (id) variables[variable] = tokenizer.spelling_of(*id);
    };
    name("bos_token", tokenizer.bos());
    name("eos_token", tokenizer.eos());
    name("pad_token", tokenizer.pad());
    return jinja(source, tokenizer.source() + ": chat template", std::move(variables));
  }

  // With add_generation_prompt the text ends where the assistant's words begin.
  std::string render(std::span<const Message> messages, bool add_generation_prompt = false) const {
    return std::visit([&](const auto& form) { return form(messages, add_generation_prompt); },
                      form_);
  }
  std::string operator()(std::span<const Message> messages, bool add_generation_prompt) const {
    return render(messages, add_generation_prompt);
  }

  const Form& form() const { return form_; }

 private:
  Form form_;
};

}  // namespace text
}  // namespace v0
}  // namespace hone
