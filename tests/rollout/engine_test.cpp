// The engine's service: how answers end, who gets a place, what is refused. That its numbers are
// those of training is a law (tests/laws).
#include "hone/rollout/engine.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "../support/small_model.hpp"

namespace {

using namespace hone;
using rollout::GenerateOptions;
using rollout::Request;

class Engines : public testing::Test {
 protected:
  test::Llama model = test::trained_in_full(3);
  rollout::Engine<test::Llama> engine{model};

  rollout::Answer one(const GenerateOptions& options, std::vector<Token> prompt = {5, 6}) {
    const std::vector<Request> requests{{.prompt = std::move(prompt), .id = 1}};
    return engine.generate(requests, options, letters)[0];
  }
  // Two letters a token: "aa", "ab", ...
  static std::string letters(std::span<const Token> tokens) {
    std::string out;
    for (const Token t : tokens) {
      out += static_cast<char>('a' + t / 26);
      out += static_cast<char>('a' + t % 26);
    }
    return out;
  }
};

TEST_F(Engines, AnAnswerEndsWithItsStopTokenAtItsLimitOrWithThePositions) {
  const auto free = one({.max_new_tokens = 20});
  EXPECT_EQ(free.finish, FinishReason::length);
  ASSERT_EQ(free.tokens.size(), 20u);
  EXPECT_EQ(free.logprobs.size(), 20u);

  // The same draws, until the first of the ninth token.
  const Token stop = free.tokens[8];
  const auto first = std::find(free.tokens.begin(), free.tokens.end(), stop);
  const auto stopped = one({.max_new_tokens = 20, .stop_tokens = {stop}});
  EXPECT_EQ(stopped.finish, FinishReason::end_token);
  EXPECT_EQ(stopped.tokens, std::vector<Token>(free.tokens.begin(), first + 1));

  const auto positions = model.config().max_positions;
  const auto full = one({.max_new_tokens = 1000}, std::vector<Token>(120, 5));
  EXPECT_EQ(full.finish, FinishReason::length);
  EXPECT_EQ(static_cast<std::int64_t>(full.tokens.size()), positions - 120);
}

TEST_F(Engines, AStopStringMayBeginInOneTokenAndEndInAnother) {
  const auto free = one({.max_new_tokens = 20});
  const std::string text = letters(free.tokens);
  // The second letter of the seventh token, all of the eighth, the first letter of the ninth.
  const std::string stop = text.substr(13, 4);
  const std::size_t end = text.find(stop) + stop.size();
  const auto stopped = one({.max_new_tokens = 20, .stop_strings = {"never here", stop}});
  EXPECT_EQ(stopped.finish, FinishReason::stop_string);
  EXPECT_EQ(stopped.tokens.size(), (end + 1) / 2);
  EXPECT_NE(letters(stopped.tokens).find(stop), std::string::npos);
}

// With two places and answers of different length, a waiting request begins as soon as a place is
// free: the order of the tokens shows it.
TEST_F(Engines, AFinishedSequenceMakesRoomAtOnce) {
  const auto requests = test::prompts(3);
  GenerateOptions options{.max_new_tokens = 30, .max_batch = 2};
  const auto free = engine.generate(requests, options);
  // The first answer stops early, by a token that the others do not have till later.
  std::size_t early = 30;
  for (std::size_t i = 0; i + 5 < 30; ++i) {
    const auto has = [&](const rollout::Answer& a) {
      return std::find(a.tokens.begin(), a.tokens.begin() + static_cast<std::ptrdiff_t>(i) + 4,
                       free[0].tokens[i]) != a.tokens.begin() + static_cast<std::ptrdiff_t>(i) + 4;
    };
    const auto at = free[0].tokens.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(free[0].tokens.begin(), at, *at) == at && !has(free[1])) {
      early = i;
      break;
    }
  }
  ASSERT_LT(early, 25u);
  options.stop_tokens = {free[0].tokens[early]};
  std::vector<std::pair<std::int32_t, std::size_t>> seen;  // request, length so far
  const auto answers = engine.generate(requests, options, {}, [&](const rollout::Answer& a) {
    seen.emplace_back(a.request, a.tokens.size());
  });
  EXPECT_EQ(answers[0].tokens.size(), early + 1);
  const auto third = std::find(seen.begin(), seen.end(), std::pair{2, std::size_t{1}});
  const auto after = std::find(seen.begin(), seen.end(), std::pair{1, early + 2});
  ASSERT_NE(third, seen.end());
  ASSERT_NE(after, seen.end());
  EXPECT_LT(third, after) << "the third request begins before the second goes on";
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto n = static_cast<std::ptrdiff_t>(answers[i].tokens.size());
    EXPECT_EQ(answers[i].tokens,
              std::vector<Token>(free[i].tokens.begin(), free[i].tokens.begin() + n));
  }
}

TEST_F(Engines, RefusesWhatItCannotDoAndNamesIt) {
  const auto message = [&](const Request& request, const GenerateOptions& options) -> std::string {
    try {
      engine.generate(std::vector{request}, options);
      return "no error";
    } catch (const Error& e) {
      return e.what();
    }
  };
  const auto says = [&](const std::string& text, const Request& r, const GenerateOptions& o = {}) {
    const std::string got = message(r, o);
    EXPECT_NE(got.find(text), std::string::npos) << got;
  };
  says("request 0: the prompt has no token", {});
  says("samples is 0", {.prompt = {1}, .samples = 0});
  says("the prompt has 128 tokens", {.prompt = std::vector<Token>(128, 1)});
  says("stop token 61", {.prompt = {1}}, {.stop_tokens = {61}});
  says("decode", {.prompt = {1}}, {.stop_strings = {"x"}});
  says("temperature", {.prompt = {1}}, {.sampling = {.temperature = -1.0f}});
}

}  // namespace
