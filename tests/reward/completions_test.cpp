#include "hone/reward/completions.hpp"

#include <gtest/gtest.h>

#include "hone/data/stage.hpp"
#include "hone/reward/answer.hpp"
#include "hone/reward/chain_sum.hpp"
#include "hone/reward/scale.hpp"

namespace {

using namespace hone;

constexpr auto decode = [](std::span<const Token> tokens) {
  std::string out;
  for (const Token t : tokens)
    if (t < 256) out += static_cast<char>(t);
  return out;
};

constexpr auto encode = [](std::string_view text) {
  return std::vector<Token>(text.begin(), text.end());
};

rollout::Answer answer(const std::string& text, FinishReason finish = FinishReason::end_token) {
  rollout::Answer a;
  a.tokens = encode(text);
  if (finish == FinishReason::end_token) a.tokens.push_back(300);
  a.logprobs.assign(a.tokens.size(), -1.0f);
  a.finish = finish;
  return a;
}

// Records without ids of their own would be judged by each other's answers.
TEST(Completions, PromptsWithOneIdAreRefusedUnlessTheyAreOne) {
  std::vector<data::Record> tasks;
  for (const data::Record& task : reward::ChainSum{.seed = 2}.tasks(2)) tasks.push_back(task);
  tasks[1].id = tasks[0].id;
  const auto prompts = [&] {
    data::Loader loader(data::prepare(tasks, data::Prompts{}, data::Format{}, encode),
                        {.size = {.trees = 2}, .seed = 1});
    return reward::prompts_of(loader, loader.batch(0)).size();
  };
  EXPECT_THROW(prompts(), Error);
  tasks[1] = tasks[0];
  EXPECT_EQ(prompts(), 1u) << "a record that was repeated";
}

// From a generated task to its score: the record's column travels with the prompt.
TEST(Completions, CarryWhatTheRecordSaid) {
  const data::Store store =
      data::prepare(reward::ChainSum{.seed = 2}.tasks(6), data::Prompts{}, data::Format{}, encode);
  data::Loader loader(store, {.size = {.trees = 3}, .seed = 1});
  for (std::uint64_t step = 0; step < 4; ++step) {
    const data::Batch batch = loader.batch(step);
    rollout::Rollouts rollouts;
    for (std::int64_t t = 0; t < 3; ++t) {
      const auto root = batch.forest.roots()[static_cast<std::size_t>(t)];
      const auto info = loader.info(batch.picks[static_cast<std::size_t>(t)]);
      const std::string right = std::to_string(static_cast<int>(info.columns.number("answer")));
      rollouts.add(batch.forest.tokens(root),
                   std::vector{answer(" " + right), answer(" " + right + "0" + "1"),
                               answer("", FinishReason::length)},
                   batch.forest.segments()[static_cast<std::size_t>(root)].id);
    }
    reward::OnText judge{reward::NumberAnswer{}, decode};
    judge.prompts = reward::prompts_of(loader, batch);
    EXPECT_EQ(judge(rollouts), (std::vector<float>{1, 0, 0, 1, 0, 0, 1, 0, 0}));
    ASSERT_EQ(judge.last().size(), 9u);
    const Completion& c = judge.last()[4];
    EXPECT_EQ(c.index, 1);
    EXPECT_EQ(c.tokens.size(), c.text.size() + 1) << "the end token counts, and is no text";
    EXPECT_TRUE(c.prompt.ends_with(" =")) << c.prompt;
    EXPECT_TRUE(truncated(judge.last()[5].finish));
    EXPECT_TRUE(judge.last()[5].tokens.empty());
  }
}

TEST(Completions, LeaveOutTokensThatWereNotSampled) {
  rollout::Rollouts rollouts;
  rollouts.add(encode("ask"), std::vector{answer("abcd", FinishReason::length)}, 9);
  rollouts.mask = {1, 0, 0, 1};
  const auto all = reward::completions(rollouts, decode);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].text, "abcd");
  EXPECT_EQ(all[0].tokens, (std::vector<Token>{'a', 'd'}));
  EXPECT_EQ(all[0].prompt, "ask");
  EXPECT_EQ(all[0].id, 9u);
}

TEST(OnText, OwnsTheStateOfItsReward) {
  const auto length = [](const Completion& c) { return c.tokens.size(); };
  reward::OnText judge{reward::RunningNorm{.reward = length}, decode};
  rollout::Rollouts rollouts;
  rollouts.add(encode("q"), std::vector{answer("a"), answer("abc")}, 1);
  judge(rollouts);
  judge(rollouts);
  EXPECT_EQ(judge.state().moments.count, 4);
  EXPECT_EQ(judge.scores().size(), 2u);
}

}  // namespace
