#include "hone/text/chat_template.hpp"

#include <gtest/gtest.h>

#include <iostream>
#include <string>
#include <vector>

#include "reference_cases.hpp"

namespace {

using namespace hone::text;

const std::vector<Message> chat{{"system", "Be kind."}, {"user", " Hi\n"}, {"assistant", "Hello!"}};

TEST(ChatTemplate, ChatMl) {
  EXPECT_EQ(ChatTemplate::chatml().render(chat, true),
            "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\n Hi\n<|im_end|>\n"
            "<|im_start|>assistant\nHello!<|im_end|>\n<|im_start|>assistant\n");
  const std::vector<Message> bare{{"user", "Hi"}};
  EXPECT_EQ(ChatTemplate::chatml("You help.").render(bare),
            "<|im_start|>system\nYou help.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n");
  EXPECT_EQ(ChatTemplate::chatml().render(bare), "<|im_start|>user\nHi<|im_end|>\n");
}

TEST(ChatTemplate, Llama3) {
  EXPECT_EQ(ChatTemplate::llama3().render(chat, true),
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\nHello!<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n");
}

TEST(ChatTemplate, Plain) {
  EXPECT_EQ(ChatTemplate::plain().render(chat, true),
            "Be kind.\n\nHuman:  Hi\n\n\nAssistant: Hello!\n\nAssistant:");
  const ChatTemplate line =
      ChatTemplate::Form(PlainChat{.human = "Q:", .assistant = "A:", .gap = " ", .end = "</s>"});
  const std::vector<Message> two{{"user", "1+1?"}, {"assistant", "2"}, {"user", "2+2?"}};
  EXPECT_EQ(line(two, true), "Q: 1+1? A: 2</s> Q: 2+2? A:");
  const std::vector<Message> tool{{"tool", "x"}};
  EXPECT_THROW(ChatTemplate::plain().render(tool), hone::Error);
}

// What follows a rendering continues it: data preparation relies on that.
TEST(ChatTemplate, LongerConversationsBeginWithShorterOnes) {
  for (const ChatTemplate& t :
       {ChatTemplate::chatml("Help."), ChatTemplate::llama3(), ChatTemplate::plain()}) {
    const std::span<const Message> all(chat);
    for (std::size_t n = 1; n < all.size(); ++n)
      EXPECT_TRUE(t.render(all.first(n + 1)).starts_with(t.render(all.first(n))));
    EXPECT_TRUE(t.render(all).starts_with(t.render(all.first(2), true)));
  }
}

TokenizerParts parts_with(const std::string& source) {
  TokenizerParts parts;
  parts.source = "model/tokenizer.json";
  parts.vocabulary = Vocabulary({{0, "<s>"}, {1, "</s>"}}, Alphabet::bytes, 10, "test");
  parts.pre_tokenizers = {ByteLevel{}};
  parts.added_tokens = {{0, "<s>"}, {1, "</s>"}};
  parts.bos = 0;
  parts.eos = 1;
  parts.chat_template = source;
  return parts;
}

TEST(ChatTemplate, OfATokenizer) {
  const Tokenizer tokenizer(
      parts_with("{{ bos_token }}{% for m in messages %}{{ m['role'] }}: {{ m['content'] | trim "
                 "}}{{ eos_token "
                 "}}{% endfor %}{% if add_generation_prompt %}go{% endif %}"));
  EXPECT_EQ(ChatTemplate::of(tokenizer).render(chat, true),
            "<s>system: Be kind.</s>user: Hi</s>assistant: Hello!</s>go");
}

TEST(ChatTemplate, AnUnknownTemplateSaysSo) {
  const auto error = [](const std::string& source) {
    try {
      ChatTemplate::of(Tokenizer(parts_with(source)));
    } catch (const hone::Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_EQ(error(""),
            "model/tokenizer.json: the model has no chat template; choose one, such as "
            "ChatTemplate::chatml() or ChatTemplate::plain()");
  EXPECT_EQ(
      error("\n{% import 'x' as y %}"),
      "model/tokenizer.json: chat template:2: \"{% import %}\" is not among the statements that "
      "hone's templates know");
}

// Renders every case and compares; where transformers refuses, hone must.
void expect_equal_to_transformers(const nlohmann::ordered_json& cases) {
  std::size_t equal = 0;
  std::size_t refused = 0;
  std::size_t native = 0;
  for (const auto& test : cases) {
    const std::string name = test["name"];
    std::vector<Message> messages;
    for (const auto& m : test["messages"])
      messages.push_back({m["role"].get<std::string>(), m["content"].get<std::string>()});
    const bool open = test["add_generation_prompt"];
    std::string got;
    std::string error;
    try {
      got = ChatTemplate::jinja(test["template"].get<std::string>(), name, test["variables"])
                .render(messages, open);
    } catch (const hone::Error& e) {
      error = e.what();
    }
    if (!test.contains("expected")) {
      EXPECT_NE(error, "") << name << " renders to " << got << ", but transformers refuses it";
      ++refused;
      continue;
    }
    const std::string expected = test["expected"];
    EXPECT_EQ(error, "") << name;
    EXPECT_EQ(got, expected) << name;
    ++equal;
    // The forms written in C++ are the templates that they stand for.
    const auto same = [&](const ChatTemplate& form) {
      EXPECT_EQ(form.render(messages, open), expected) << name;
      ++native;
    };
    if (name.starts_with("SmolLM2,") && !messages.empty())
      same(ChatTemplate::chatml(
          "You are a helpful AI assistant named SmolLM, trained by Hugging Face"));
    if (name.starts_with("trl/qwen2_5.jinja,") && !messages.empty())
      same(ChatTemplate::chatml(
          "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."));
    if (name.starts_with("trl/llama3.jinja,") && !messages.empty())
      same(ChatTemplate::Form(Llama3Chat{.begin = "<s>"}));
  }
  std::cout << equal << " renderings equal, " << refused << " refused by both, " << native
            << " equal in C++ forms\n";
}

TEST(ChatTemplate, EqualsTransformersOnTheCommittedCases) {
  const auto path = reference::committed() / "chat.json";
  const auto cases = nlohmann::ordered_json::parse(read_file(path));
  EXPECT_GE(cases.size(), 40u);
  expect_equal_to_transformers(cases);
}

TEST(ChatTemplate, EqualsTransformersOnRealModelsTemplates) {
  HONE_GOLDENS(folder, "tokenizer/make_chat_cases.py");
  expect_equal_to_transformers(nlohmann::ordered_json::parse(read_file(folder / "chat.json")));
}

}  // namespace
