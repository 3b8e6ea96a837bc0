#include "hone/checkpoint/generation_config.hpp"

#include "support.hpp"

namespace {

using namespace checkpoint_test;

TEST(GenerationConfig, KeepsWhatTheFileSays) {
  const std::string text = R"({"bos_token_id": 1, "eos_token_id": [2, 7], "pad_token_id": null,
      "do_sample": true, "temperature": 0.6, "top_p": 0.9, "top_k": 20, "repetition_penalty": 1.05,
      "max_new_tokens": 64, "transformers_version": "4.40.0", "min_p": 0.1})";
  const GenerationConfig g = parse_generation_config(text, "generation_config.json");
  EXPECT_EQ(g.bos, 1);
  EXPECT_EQ(g.pad, -1);
  EXPECT_EQ(g.eos, (std::vector<std::int64_t>{2, 7}));
  EXPECT_EQ(g.do_sample, true);
  EXPECT_EQ(g.temperature, 0.6);
  EXPECT_EQ(g.top_k, 20);
  EXPECT_FALSE(g.max_length.has_value());
  EXPECT_EQ(parse_generation_config(generation_config_text(g), "again"), g);
  EXPECT_EQ(generation_config_text({}), "{}\n");
  EXPECT_EQ(generation_config_text({.eos = {2}}), "{\n  \"eos_token_id\": 2\n}\n");
}

TEST(GenerationConfig, NamesAFieldOfTheWrongType) {
  EXPECT_ERROR(parse_generation_config(std::string_view(R"({"temperature": "hot"})"), "g.json"),
               "g.json: field \"temperature\" is \"hot\", expected a number");
  EXPECT_ERROR(parse_generation_config(std::string_view(R"({"bos_token_id": -5})"), "g.json"),
               "g.json: field \"bos_token_id\" is -5, expected a token's id");
  EXPECT_ERROR(parse_generation_config(std::string_view(R"({"eos_token_id": [1, -1]})"), "g.json"),
               "g.json: field \"eos_token_id\" is -1, expected a token's id");
  EXPECT_EQ(parse_generation_config(std::string_view(R"({"pad_token_id": -1, "eos_token_id": -1})"),
                                    "g.json"),
            GenerationConfig{});
}

}  // namespace
