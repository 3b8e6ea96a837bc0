// Records through a real model's tokenizer and its own chat template.
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

#include "hone/checkpoint/pretrained.hpp"
#include "hone/data/batch.hpp"
#include "hone/data/jsonl.hpp"
#include "hone/data/ratings.hpp"
#include "hone/data/stage.hpp"
#include "hone/text/chat_template.hpp"
#include "hone/text/tokenizer.hpp"

namespace {

using namespace hone;
using namespace hone::data;

class RealTokenizer : public testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("HONE_TEST_DATA");
    if (!folder) GTEST_SKIP() << "HONE_TEST_DATA names no folder with smollm2/";
    data = folder;
    tokenizer.emplace(
        checkpoint::Pretrained(data + "/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf").tokenizer());
  }
  auto tokenize() const {
    return [this](std::string_view text) { return tokenizer->encode(text); };
  }
  std::string words(std::span<const Token> tokens) const { return tokenizer->decode(tokens); }

  std::string data;
  std::optional<text::Tokenizer> tokenizer;
};

TEST_F(RealTokenizer, PiecesOfAConversationHaveTheTokensOfTheWhole) {
  const std::string line =
      R"({"messages":[{"role":"user","content":"What is 2 + 2?\nIn one word."},)"
      R"({"role":"assistant","content":"Four."},{"role":"user","content":"Thanks! \u4f60\u597d"},)"
      R"({"role":"assistant","content":"You're welcome \ud83d\ude42"}]})";
  const text::ChatTemplate chat = text::ChatTemplate::of(*tokenizer);
  JsonLines records(std::make_shared<std::istringstream>(line), "chat.jsonl");
  const Store store = prepare(records, Demonstrations{},
                              Format{.chat = chat, .end_of_turn = "<|im_end|>"}, tokenize());
  ASSERT_EQ(store.size(), 1u) << store.tally();
  Batch batch;
  add_tree(batch, store, {});
  const auto last = static_cast<std::int32_t>(batch.forest.segments().size()) - 1;
  const auto sequence = batch.forest.sequence(last);

  const std::vector<Message> turns = {{"user", "What is 2 + 2?\nIn one word."},
                                      {"assistant", "Four."},
                                      {"user", "Thanks! \u4f60\u597d"},
                                      {"assistant", "You're welcome \U0001F642"}};
  std::string whole = chat.render(turns);
  EXPECT_EQ(whole.back(), '\n') << "the template ends a turn with a line end, which is not trained";
  whole.pop_back();
  EXPECT_EQ(words(sequence), whole);
  EXPECT_EQ(sequence, tokenizer->encode(whole));
  std::vector<Token> learnt;
  for (std::size_t t = 0; t < batch.trained.size(); ++t)
    if (batch.trained[t]) learnt.push_back(batch.forest.tokens()[t]);
  EXPECT_EQ(words(learnt), "Four.<|im_end|>You're welcome \U0001F642<|im_end|>");
  EXPECT_EQ(learnt.back(), tokenizer->eos());
}

TEST_F(RealTokenizer, PreparesAllHumanRatings) {
  const auto ratings = read_ratings(data + "/vader/movieReviewSnippets_GroundTruth.txt");
  std::vector<Record> records;
  for (const Rating& r : ratings) records.push_back(demonstration(r, "Review:"));
  const Format format{.text = {.before_answer = " "}};
  const Store store = prepare(records, Demonstrations{.max_tokens = 64, .end = *tokenizer->eos()},
                              format, tokenize());
  std::ostringstream tally;
  tally << store.tally();
  std::printf("%s\n", tally.str().c_str());
  EXPECT_EQ(store.size() + store.tally().unusable(), 10605u);
  EXPECT_LT(store.tally().answers_cut, 100u);
  EXPECT_EQ(words(store.tokens(store.nodes(2)[0])), "Review:");
  EXPECT_EQ(words(store.tokens(store.nodes(2)[1])), " Effective but too tepid biopic<|im_end|>");
  for (std::uint64_t t = 0; t < store.size(); ++t) ASSERT_LE(store.length(t), 64);
}

}  // namespace
