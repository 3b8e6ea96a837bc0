#include "hone/model/lora.hpp"

#include <gtest/gtest.h>

#include "hone/model/decoder.hpp"

namespace {

using namespace hone::model;

// What was computed at a version is used as long as the version stays.
TEST(Merged, EveryChangeOfTheWeightsIsANewVersion) {
  Decoder<Llama> decoder{{.vocab = 3,
                          .hidden = 8,
                          .layers = 1,
                          .heads = 2,
                          .kv_heads = 1,
                          .head_dim = 4,
                          .mlp = 16,
                          .max_positions = 32,
                          .embed_dim = 8}};
  attach(decoder, {.rank = 2});
  auto version = decoder.version();
  const auto changed = [&] {
    const auto before = version;
    version = decoder.version();
    return version > before;
  };
  {
    Merged merged{decoder};
    EXPECT_TRUE(changed()) << "merged";
  }
  EXPECT_TRUE(changed()) << "unmerged";
  Merged merged{decoder};
  EXPECT_TRUE(changed()) << "merged again";
  merged.keep();
  EXPECT_TRUE(changed()) << "kept: with adapters on, passes compute something else than before";
  EXPECT_FALSE(changed());
}

}  // namespace
