// A reward model as a folder: it comes back with the same scores, and transformers gives them too.
#include "hone/checkpoint/scorer.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "../support/source_folder.hpp"
#include "hone/checkpoint/save_model.hpp"
#include "hone/core/forest.hpp"
#include "hone/core/random.hpp"
#include "hone/model/decoder.hpp"
#include "hone/train/scalar_pass.hpp"
#include "support.hpp"

namespace {

using namespace checkpoint_test;
using namespace hone;
using Head = model::ScalarHead<model::Parameter>;

model::Config config_of(model::FamilyId family) {
  model::Config c{.family = family,
                  .vocab = 67,
                  .hidden = 32,
                  .layers = 2,
                  .heads = 4,
                  .kv_heads = 2,
                  .head_dim = 8,
                  .mlp = 48,
                  .max_positions = 40,
                  .embed_dim = 32,
                  .bos = 1,
                  .eos = 2,
                  .pad = 0};
  if (family == model::FamilyId::gpt2 || family == model::FamilyId::opt) c.kv_heads = 4;
  if (family == model::FamilyId::gpt2) c.activation = model::Activation::gelu_tanh;
  if (family == model::FamilyId::opt) {
    c.activation = model::Activation::relu;
    c.attention_bias = c.mlp_bias = true;
  }
  return c;
}

// OPT-350M: norms after the layers, none at the end, an embedding that is projected.
model::Config projected_opt() {
  model::Config c = config_of(model::FamilyId::opt);
  c.embed_dim = 24;
  c.norm_before = false;
  c.final_norm = false;
  return c;
}

// No parameter is what it would be anyway, biases and norms included.
template <class Decoder>
void fill(Decoder& decoder, std::uint64_t seed) {
  decoder.randomise(seed, 0.2f);
  std::vector<float> rows;
  decoder.for_each_parameter([&](auto& p) {
    if (p.is_matrix()) return;
    rows.resize(static_cast<std::size_t>(p.count()));
    p.to_file(rows);
    for (std::size_t i = 0; i < rows.size(); ++i)
      rows[i] += 0.4f * (uniform({.seed = seed, .sequence = i}) - 0.5f);
    p.from_file(rows);
  });
  decoder.touch();
}

// Sequences without the padding token, of many lengths.
Forest sequences() {
  Forest out;
  for (std::int32_t s = 0; s < 6; ++s) {
    std::vector<Token> tokens;
    for (std::int32_t t = 0; t < 3 + 5 * s; ++t) tokens.push_back(1 + (7 * s + 11 * t) % 66);
    out.add_root(tokens, static_cast<std::uint64_t>(s));
  }
  return out;
}

template <class Decoder>
std::vector<float> scores(Decoder& decoder, Head& head) {
  const Forest forest = sequences();
  const auto all = train::scalars(train::ScalarModel<Decoder>{&decoder, &head}, forest);
  std::vector<float> out;
  for (const std::int64_t t : train::end_tokens(forest, forest.roots()))
    out.push_back(all[static_cast<std::size_t>(t)]);
  return out;
}

// Saves a random scorer under `name`, loads it, and says in `answers` what it gave.
template <class Family>
void round_trip(const Scratch& scratch, const std::string& name, const model::Config& config,
                Json& answers) {
  SCOPED_TRACE(name);
  using Decoder = model::Decoder<Family>;
  Decoder decoder{config};
  fill(decoder, 3);
  Head head{decoder.width()};
  head.randomise(4);
  const std::vector<float> want = scores(decoder, head);
  save_scorer(scratch / name, decoder, head);

  const HfFolder folder(scratch / name);
  EXPECT_FALSE(folder.has("lm_head.weight"));
  const model::Config found = scorer_config(folder);
  EXPECT_EQ(found.embed_dim, config.embed_dim);
  Decoder loaded{found};
  Head loaded_head{loaded.width()};
  load_scorer(folder, loaded, loaded_head);
  EXPECT_TRUE(same_bits(scores(loaded, loaded_head), want));

  const Forest forest = sequences();
  for (const std::int32_t root : forest.roots()) {
    const auto tokens = forest.tokens(root);
    answers[name]["sequences"].push_back(std::vector<Token>(tokens.begin(), tokens.end()));
  }
  answers[name]["scores"] = want;
}

TEST(Scorer, ComesBackAndTransformersGivesTheSameScores) {
  using model::FamilyId;
  const Scratch scratch;
  Json answers;
  round_trip<model::Gpt2>(scratch, "gpt2", config_of(FamilyId::gpt2), answers);
  round_trip<model::Opt>(scratch, "opt", config_of(FamilyId::opt), answers);
  round_trip<model::Opt>(scratch, "opt-350m", projected_opt(), answers);
  round_trip<model::Llama>(scratch, "llama", config_of(FamilyId::llama), answers);
  model::Config untied = config_of(FamilyId::qwen2);
  untied.tied = false;
  round_trip<model::Qwen2>(scratch, "qwen2", untied, answers);
  write_file(scratch / "scores.json", answers.dump());

  const std::string python = hone_test::environment("HONE_TEST_PYTHON");
  if (python.empty())
    GTEST_SKIP() << "HONE_TEST_PYTHON names no Python with transformers to compare with";
  const fs::path script = hone_test::tests_folder() / "goldens/checkpoint/check_scorers.py";
  const fs::path log = scratch / "log";
  const std::string command = "PYTHONDONTWRITEBYTECODE=1 '" + python + "' '" + script.string() +
                              "' '" + scratch.path().string() + "' > '" + log.string() + "' 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0) << hone_test::read_text(log);
}

TEST(Scorer, WhatIsNoneIsRefused) {
  const Scratch scratch;
  model::Decoder<model::Llama> decoder{config_of(model::FamilyId::llama)};
  fill(decoder, 3);
  save_model(scratch / "policy", decoder);
  EXPECT_ERROR(scorer_config(HfFolder(scratch / "policy")), "is no reward model");
  Head biased{decoder.width(), true};
  EXPECT_ERROR(save_scorer(scratch / "biased", decoder, biased), "the scalar head has a bias");
  EXPECT_FALSE(fs::exists(scratch / "biased"));

  Head head{decoder.width()};
  head.randomise(4);
  save_scorer(scratch / "scorer", decoder, head);
  const HfFolder folder(scratch / "scorer");
  Head narrow{16};
  EXPECT_ERROR(load_scorer(folder, decoder, narrow), "score.weight");
}

}  // namespace
