// How a model is talked to.
#pragma once

#include <string>

#include "hone/core/error.hpp"
#include "hone/text/chat_template.hpp"
#include "hone/text/tokenizer.hpp"

namespace examples {

// One of hone's own templates by its name, for a model that has none; any other name stands for the
// model's own.
inline hone::text::ChatTemplate chat_template(const std::string& name,
                                              const hone::text::Tokenizer& tokenizer) {
  using namespace hone::text;
  if (name == "chatml") return ChatTemplate::chatml();
  if (name == "llama3") return ChatTemplate::llama3();
  if (name == "plain")
    return ChatTemplate::Form(
        PlainChat{.end = tokenizer.eos() ? tokenizer.spelling_of(*tokenizer.eos()) : ""});
  hone::require(!tokenizer.jinja_chat_template().empty(), tokenizer.source(),
                ": the model has no chat template; choose one with --template chatml, llama3 or "
                "plain");
  return ChatTemplate::of(tokenizer);
}

}  // namespace examples
