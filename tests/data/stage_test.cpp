#include "hone/data/stage.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "hone/data/batch.hpp"
#include "support.hpp"

namespace {

using namespace hone;
using namespace hone::data;
using data_test::bytes;
using data_test::text_of;

constexpr Token begin_token = 256, end_token = 257;

std::string plain(const Store& store, std::uint64_t tree, std::size_t node) {
  return text_of(store.tokens(store.nodes(tree)[node]));
}

TEST(Format, PutsTheTemplateAroundPromptAndAnswer) {
  const Format format{.text = human_assistant()};
  const Record r = demonstration(1, "Hi", "Hello");
  EXPECT_EQ(prompt_text(format, r), "Human: Hi Assistant:");
  EXPECT_EQ(answer_pieces(format, r, r.answers[0]), (std::vector<Piece>{{" Hello", true}}));
  const Record alone{.shape = Shape::text, .answers = {{.content = {.text = "just text"}}}};
  EXPECT_EQ(prompt_text(format, alone), "");
  EXPECT_EQ(record_pieces(format, alone, alone.answers[0]),
            (std::vector<Piece>{{"just text", true}}));
}

TEST(Format, RendersConversationsTurnByTurn) {
  const Format format{.chat = data_test::chatml, .end_of_turn = "<|im_end|>"};
  const Record r{
      .shape = Shape::messages,
      .prompt = {.messages = {{"system", "S"}, {"user", "a"}, {"assistant", "b"}, {"user", "c"}}},
      .answers = {{.content = {.messages = {{"assistant", "d"}}}}}};
  EXPECT_EQ(prompt_text(format, r),
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\na<|im_end|>\n"
            "<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n"
            "<|im_start|>assistant\n");
  EXPECT_EQ(answer_pieces(format, r, r.answers[0]), (std::vector<Piece>{{"d<|im_end|>", true}}));
  EXPECT_EQ(record_pieces(format, r, r.answers[0]),
            (std::vector<Piece>{{"<|im_start|>system\nS<|im_end|>\n<|im_start|>user\na<|im_end|>\n"
                                 "<|im_start|>assistant\n",
                                 false},
                                {"b<|im_end|>", true},
                                {"\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n", false},
                                {"d<|im_end|>", true}}));
  const auto last = record_pieces(format, r, r.answers[0], Turns::last);
  ASSERT_EQ(last.size(), 2u);
  EXPECT_EQ(last[0].text, prompt_text(format, r));

  // Two continuations of which one begins with the user: both follow the same root.
  const Record fork{.shape = Shape::preference,
                    .prompt = {.messages = {{"user", "a"}}},
                    .answers = {{.content = {.messages = {{"assistant", "b"}}}},
                                {.content = {.messages = {{"user", "x"}, {"assistant", "y"}}}}}};
  std::string one = prompt_text(format, fork), two = one;
  for (const Piece& p : answer_pieces(format, fork, fork.answers[0])) one += p.text;
  for (const Piece& p : answer_pieces(format, fork, fork.answers[1])) two += p.text;
  EXPECT_EQ(one, "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>");
  EXPECT_EQ(two,
            "<|im_start|>user\na<|im_end|>\n<|im_start|>user\nx<|im_end|>\n"
            "<|im_start|>assistant\ny<|im_end|>");
}

TEST(Format, RefusesAConversationWithoutAChatTemplate) {
  const Record r{.prompt = {.messages = {{"user", "a"}}}};
  EXPECT_THROW(prompt_text(Format{}, r), Error);
  const auto forgets = [](std::span<const Message> turns, bool) {
    return std::string(turns.empty() ? "" : turns.back().content);
  };
  const Record chat{.shape = Shape::messages,
                    .prompt = {.messages = {{"user", "a"}}},
                    .answers = {{.content = {.messages = {{"assistant", "b"}}}}}};
  EXPECT_THROW(answer_pieces(Format{.chat = forgets}, chat, chat.answers[0]), Error);
}

TEST(Demonstrations, KeepChosenOnlyWithTheEndToken) {
  const std::vector<Record> records = {preference(5, "q", "good", "bad")};
  const Store store = prepare(records, Demonstrations{.begin = begin_token, .end = end_token},
                              Format{.text = human_assistant()}, bytes);
  ASSERT_EQ(store.size(), 1u);
  EXPECT_EQ(store.id(0), 5u);
  ASSERT_EQ(store.nodes(0).size(), 2u);
  EXPECT_EQ(plain(store, 0, 0), "<256>Human: q Assistant:");
  EXPECT_EQ(plain(store, 0, 1), " good<257>");
  EXPECT_FALSE(store.nodes(0)[0].trained);
  EXPECT_TRUE(store.nodes(0)[1].trained);
  EXPECT_EQ(store.nodes(0)[1].parent, 0);
}

TEST(Demonstrations, CutOnTheRightAndCountWhatIsUnusable) {
  const std::vector<Record> records = {
      demonstration(1, "0123456789", "abc"),    // fits exactly with its end token
      demonstration(2, "0123456789", "abcd"),   // loses its end token
      demonstration(3, "0123456789abcd", "x"),  // no room for an answer
      demonstration(4, "q", ""),                // no answer
      {.id = 5, .shape = Shape::prompt, .prompt = {.text = "only a prompt"}},
      {.id = 6, .shape = Shape::text, .answers = {{.content = {.text = "plain"}}}},
      {.id = 7, .shape = Shape::text, .answers = {{.content = {.text = "p"}}}}};
  const Store store =
      prepare(records, Demonstrations{.max_tokens = 14, .end = end_token}, Format{}, bytes);
  const Tally expected{.read = 7,
                       .kept = 4,
                       .tokens = 14 + 14 + 6 + 2,
                       .answers_cut = 1,
                       .without_answer = 2,
                       .prompt_too_long = 1};
  EXPECT_EQ(store.tally(), expected) << store.tally();
  EXPECT_EQ(plain(store, 0, 1), "abc<257>");
  EXPECT_EQ(plain(store, 1, 1), "abcd");
  EXPECT_EQ(plain(store, 2, 0), "plain<257>");
  std::ostringstream words;
  words << store.tally();
  EXPECT_EQ(words.str(),
            "7 records read, 4 kept, 36 tokens; unusable: 2 without an answer, 1 with too long a "
            "prompt; 1 answers cut");

  // One lonely token can be predicted from nothing: unusable without an end token.
  const Store none =
      prepare(std::vector<Record>{records.back()}, Demonstrations{}, Format{}, bytes);
  EXPECT_EQ(none.size(), 0u);
  EXPECT_EQ(none.tally().without_answer, 1u);
}

TEST(Demonstrations, LearnAllAssistantTurnsOfAConversation) {
  const std::vector<Record> records = {
      {.id = 1,
       .shape = Shape::messages,
       .prompt = {.messages = {{"user", "a"}, {"assistant", "b"}, {"user", "c"}}},
       .answers = {{.content = {.messages = {{"assistant", "d"}}}}}}};
  const Format format{.chat = data_test::chatml, .end_of_turn = "<|im_end|>"};
  const Store store = prepare(records, Demonstrations{.begin = begin_token}, format, bytes);
  ASSERT_EQ(store.nodes(0).size(), 4u);
  Batch batch;
  add_tree(batch, store, {});
  std::string learnt;
  for (std::size_t t = 0; t < batch.trained.size(); ++t)
    if (batch.trained[t]) learnt += static_cast<char>(batch.forest.tokens()[t]);
  EXPECT_EQ(learnt, "b<|im_end|>d<|im_end|>");
  EXPECT_EQ(text_of(batch.forest.sequence(3)),
            "<256>" + data_test::chatml(
                          std::vector<Message>{
                              {"user", "a"}, {"assistant", "b"}, {"user", "c"}, {"assistant", "d"}},
                          false)
                          .substr(0, text_of(batch.forest.sequence(3)).size() - 5));
}

TEST(Rankings, PutAllAnswersOfAPromptInOneTree) {
  Record ranked{.id = 9, .shape = Shape::ranked, .prompt = {.text = "q"}};
  for (int i = 0; i < 5; ++i)
    ranked.answers.push_back({.content = {.text = std::string(1, static_cast<char>('a' + i))},
                              .score = static_cast<float>(-i)});
  const Store store =
      prepare(std::vector<Record>{ranked}, Rankings{.end = end_token}, Format{}, bytes);
  Batch batch;
  add_tree(batch, store, {});
  EXPECT_EQ(batch.forest.trees(), 1);
  EXPECT_EQ(batch.forest.segments().size(), 6u);
  EXPECT_EQ(batch.pairs.size(), 5u * 4u / 2u);
  for (const auto& [better, worse] : batch.pairs) {
    EXPECT_GT(batch.scores[static_cast<std::size_t>(better)],
              batch.scores[static_cast<std::size_t>(worse)]);
    EXPECT_EQ(batch.forest.segments()[static_cast<std::size_t>(better)].parent, 0);
  }
  EXPECT_EQ(batch.trained, (std::vector<std::uint8_t>{0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}));

  const Store strict = prepare(std::vector<Record>{ranked},
                               Rankings{.end = end_token, .min_difference = 2.5f}, Format{}, bytes);
  Batch few;
  add_tree(few, strict, {});
  EXPECT_EQ(few.pairs.size(), 3u);  // 0-3, 0-4, 1-4
}

TEST(Rankings, CountWhatGivesNoPair) {
  const std::vector<Record> records = {
      preference(1, "q", "same tail A", "same tail B"),  // equal once cut
      preference(2, "q", "", "b"),
      preference(3, "qqqqqqqqqqqq", "a", "b"),
      {.id = 4,
       .shape = Shape::completion,
       .prompt = {.text = "q"},
       .answers = {{.content = {.text = "alone"}}}},
      {.id = 5, .shape = Shape::prompt, .prompt = {.text = "q"}}};
  const Store store = prepare(records, Rankings{.max_tokens = 11}, Format{}, bytes);
  const Tally expected{.read = 5,
                       .kept = 1,
                       .tokens = 21,
                       .answers_cut = 2,
                       .identical = 1,
                       .without_answer = 2,
                       .without_pair = 1,
                       .prompt_too_long = 1};
  EXPECT_EQ(store.tally(), expected) << store.tally();

  Record labelled = records[3];
  labelled.answers[0].score = 1.0f;
  const Store kto =
      prepare(std::vector<Record>{labelled}, Rankings{.need_pair = false}, Format{}, bytes);
  ASSERT_EQ(kto.size(), 1u);
  EXPECT_EQ(kto.nodes(0)[1].score, 1.0f);
}

TEST(Rankings, WithoutAPromptHaveAnEmptyRoot) {
  const Store store = prepare(std::vector<Record>{preference(1, "", "aa", "bb")},
                              Rankings{.end = end_token}, Format{}, bytes);
  Batch batch;
  add_tree(batch, store, {});
  EXPECT_EQ(batch.forest.segments()[0].length, 0);
  EXPECT_EQ(batch.trained, (std::vector<std::uint8_t>{0, 1, 1, 0, 1, 1}));
}

TEST(Prompts, KeepTheLastTokensAndWhatRewardsNeed) {
  Record r{.id = 3, .shape = Shape::prompt, .prompt = {.text = "0123456789"}};
  r.columns.set("answer", std::int64_t{42});
  r.columns.set("hint", std::string("x"));
  r.columns.set("deep", JsonText{"[1]"});
  r.columns.set("none", std::monostate{});
  r.columns.set("half", 0.5);
  r.columns.set("yes", true);
  const std::vector<Record> records = {r, {.id = 4, .shape = Shape::prompt}};
  const Store store =
      prepare(records, Prompts{.max_tokens = 5, .begin = begin_token}, Format{}, bytes);
  EXPECT_EQ(plain(store, 0, 0), "<256>6789");
  EXPECT_EQ(plain(store, 1, 0), "<256>");
  EXPECT_EQ(store.info(0).text, "0123456789");
  EXPECT_EQ(store.info(0).columns, r.columns);
  EXPECT_EQ(store.tally().prompts_cut, 1u);

  const Store bare = prepare(records, Prompts{.max_tokens = 5}, Format{}, bytes);
  EXPECT_EQ(plain(bare, 0, 0), "56789");
  EXPECT_EQ(bare.tally().without_prompt, 1u);
  EXPECT_EQ(bare.size(), 1u);
}

TEST(Blocks, CutJoinedTextsAndLoseNothing) {
  std::vector<Record> records;
  std::string all;
  for (int i = 0; i < 16; ++i) {
    const std::string text(static_cast<std::size_t>(3 + i % 7), static_cast<char>('a' + i));
    records.push_back({.shape = Shape::text, .answers = {{.content = {.text = text}}}});
    all += text + "<257>";
  }
  records.push_back({.shape = Shape::text});
  const Store store = prepare(records, Blocks{.tokens = 8, .end = end_token}, Format{}, bytes);
  std::string back;
  for (std::uint64_t t = 0; t < store.size(); ++t) {
    EXPECT_EQ(store.length(t), t + 1 < store.size() ? 8 : store.length(t));
    EXPECT_TRUE(store.nodes(t)[0].trained);
    back += plain(store, t, 0);
  }
  EXPECT_EQ(back, all);
  EXPECT_EQ(store.tally().without_answer, 1u);
  EXPECT_EQ(store.tally().kept, store.size());

  const Store apart =
      prepare(records, Blocks{.tokens = 8, .end = end_token, .join = false}, Format{}, bytes);
  std::string again;
  for (std::uint64_t t = 0; t < apart.size(); ++t) again += plain(apart, t, 0);
  EXPECT_EQ(plain(apart, 0, 0), "aaa<257>");
  // Two texts have 9 tokens each; their ninth would stand alone, with nothing to predict it from.
  EXPECT_EQ(store.tally().tokens, apart.tally().tokens + 2);
}

}  // namespace
