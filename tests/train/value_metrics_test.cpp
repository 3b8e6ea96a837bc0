#include "hone/train/value_metrics.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "hone/advantage/gae.hpp"
#include "hone/loss/value_clip.hpp"
#include "hone/loss/value_mse.hpp"
#include "hone/train/make_experience.hpp"

namespace {

using namespace hone;

TEST(ValueMetrics, CountSampledTokensOutsideTheRange) {
  static_assert(train::ClipsValues<loss::ValueClip> && !train::ClipsValues<loss::ValueMse>);
  const std::vector<float> value{0.5f, 1.5f, 0.75f, 9, -2}, old{0.5f, 1, 0.5f, 1, -1};
  const std::vector<std::uint8_t> mask{1, 1, 1, 0, 1};
  ValueInputs<loss::Column> columns;
  columns.value = value;
  columns.old_value = old;
  train::ValueMetrics seen;
  EXPECT_EQ(seen.clip_fraction(), 0.0);
  seen.add(loss::ValueClip{.value_clip = 0.25f}, columns, mask);
  EXPECT_EQ(seen.clip_fraction(), 0.5);
  seen.add(loss::ValueClip{.value_clip = 8.0f}, columns, mask);
  EXPECT_EQ(seen.clip_fraction(), 0.25);
}

// Returns 1, 2, 3 with errors 0, 0, 1 around their mean of 1/3: 1 - (2/3) / 2.
TEST(ExplainedVariance, ReadsSampledTokensAlone) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> returns{1, nan, 2, 1000, 3}, values{1, 7, 2, nan, 2};
  const std::vector<std::uint8_t> mask{1, 0, 1, 0, 1};
  EXPECT_NEAR(train::explained_variance(values, returns, mask), 2.0 / 3, 1e-12);
  const std::vector<float> same{1, 1};
  EXPECT_EQ(train::explained_variance(values, same, std::vector<std::uint8_t>{1, 1}), 0.0);
}

}  // namespace
