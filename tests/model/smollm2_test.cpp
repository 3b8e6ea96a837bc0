// The real SmolLM2-135M from its GGUF file, through hone's reader, tokenizer, decoder and engine,
// against transformers in fp32 on the same file: ids, logits, log-probabilities, greedy
// continuations.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "../support/goldens.hpp"
#include "hone/checkpoint/pretrained.hpp"
#include "hone/checkpoint/safetensors.hpp"
#include "hone/core/math.hpp"
#include "hone/model/decoder.hpp"
#include "hone/rollout/engine.hpp"
#include "hone/text/chat_template.hpp"
#include "hone/train/token_pass.hpp"

namespace {

using namespace hone;

std::vector<float> floats(const checkpoint::Safetensors& file, const std::string& name) {
  const auto shape = file.shape(name);
  std::vector<float> out(static_cast<std::size_t>(checkpoint::count_of(shape)));
  file.read(name, shape, out);
  return out;
}

TEST(SmolLm2, AnswersAsTransformersDoes) {
  const std::string data = hone_test::environment("HONE_TEST_DATA");
  if (data.empty()) GTEST_SKIP() << "HONE_TEST_DATA names no folder with the SmolLM2 file";
  HONE_GOLDENS(golden, "families/smollm2.py");
  const checkpoint::Safetensors expected((golden / "golden.safetensors").string());
  const auto texts = nlohmann::json::parse(hone_test::read_text(golden / "text.json"));

  const checkpoint::Pretrained source{data + "/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"};
  model::Decoder<model::Llama> decoder{source.config()};
  source.load(decoder);
  const text::Tokenizer tokenizer = source.tokenizer();
  const auto vocab = static_cast<std::size_t>(decoder.config().vocab);

  for (const std::string name : {"question", "story"}) {
    SCOPED_TRACE(name);
    const std::string prompt = texts[name][0];
    const auto wanted = floats(expected, name + ".prompt");
    const std::vector<Token> ids = tokenizer.encode(prompt, {.add_special = false});
    ASSERT_EQ(ids, std::vector<Token>(wanted.begin(), wanted.end()));

    Forest forest;
    forest.add_root(ids);
    model::Native::Pass pass;
    const auto hidden = decoder.run(pass, forest);
    const auto logits = pass.linear(hidden, decoder.head(), nullptr);
    const auto reference = floats(expected, name + ".logits");
    double worst = 0, most = 0;
    std::size_t row = 0;
    for (std::size_t t = 0; t < ids.size(); ++t) {
      if (t % 8 != 0 && t + 1 != ids.size()) continue;
      const float* ours = logits.data() + static_cast<std::int64_t>(t) * logits.stride();
      for (std::size_t v = 0; v < vocab; ++v) {
        const double theirs = static_cast<double>(reference.at(row * vocab + v));
        worst = std::max(worst, std::fabs(static_cast<double>(ours[v]) - theirs));
        most = std::max(most, std::fabs(theirs));
      }
      ++row;
    }
    EXPECT_EQ(row * vocab, reference.size());
    EXPECT_LE(worst, 1e-4 * most) << "largest logit " << most;

    const auto logprobs = floats(expected, name + ".logprobs");
    for (std::size_t t = 1; t < ids.size(); ++t) {
      const float* z = logits.data() + static_cast<std::int64_t>(t - 1) * logits.stride();
      const auto stats = kernel::log_softmax_stats(z, static_cast<std::int64_t>(vocab));
      EXPECT_NEAR(kernel::logprob(stats, z[ids[t]]), logprobs[t - 1], 1e-4 * most) << t;
    }

    rollout::Engine engine{decoder};
    const auto greedy = floats(expected, name + ".greedy");
    const std::vector<rollout::Request> requests{{.prompt = ids}};
    const auto answer = engine.generate(requests, {.sampling = {.temperature = 0.0f},
                                                   .max_new_tokens = 32,
                                                   .stop_tokens = {*tokenizer.eos()}})[0];
    EXPECT_EQ(answer.tokens, std::vector<Token>(greedy.begin(), greedy.end()));
    EXPECT_EQ(tokenizer.decode(answer.tokens, {.skip_special = true}),
              texts[name][1].get<std::string>());
  }
  EXPECT_NE(texts["question"][1].get<std::string>().find("Paris"), std::string::npos);

  // The file's own template makes the question's prompt.
  const std::vector<Message> messages{{"user", "What is the capital of France?"}};
  EXPECT_EQ(text::ChatTemplate::of(tokenizer).render(messages, true),
            texts["question"][0].get<std::string>());
}

}  // namespace
