#include "hone/advantage/company.hpp"

#include <gtest/gtest.h>

#include "hone/advantage/gae.hpp"
#include "hone/advantage/gdpo.hpp"
#include "hone/advantage/group_relative.hpp"
#include "hone/advantage/leave_one_out.hpp"
#include "hone/advantage/max_rl.hpp"
#include "hone/advantage/opo.hpp"
#include "hone/advantage/reinforce_plus_plus.hpp"

namespace hone {
namespace {

using advantage::needs_company;

TEST(Company, BaselinesOfAGroupNeedAnotherAnswer) {
  EXPECT_TRUE(needs_company(advantage::GroupRelative{}));
  EXPECT_TRUE(needs_company(advantage::GroupRelative{.scale_by_std = false}));
  EXPECT_TRUE(needs_company(advantage::GroupRelative{.scale = advantage::Scale::batch}));
  EXPECT_TRUE(needs_company(advantage::LeaveOneOut{}));
  EXPECT_TRUE(needs_company(advantage::Opo{}));
  EXPECT_TRUE(needs_company(advantage::Opo{.leave_one_out = true}));
  EXPECT_TRUE(needs_company(advantage::MaxRl{}));
  EXPECT_TRUE(needs_company(advantage::Gdpo{}));
  EXPECT_TRUE(needs_company(advantage::reinforce_plus_plus_baseline)) << "as its inner policy";
}

TEST(Company, OthersDoNot) {
  EXPECT_FALSE(needs_company(advantage::Gae{}));
  EXPECT_FALSE(needs_company(advantage::ReinforcePlusPlus{}));
  EXPECT_FALSE(needs_company(advantage::GroupRelative{.singleton_keeps_reward = true}));
  EXPECT_FALSE(needs_company(advantage::LeaveOneOut{.singleton_keeps_reward = true}));
  EXPECT_FALSE(needs_company(
      advantage::Whitened<advantage::LeaveOneOut>{.inner = {.singleton_keeps_reward = true}}));
}

TEST(Company, AUsersLambdaIsAskedWhatItDoes) {
  EXPECT_FALSE(needs_company([](const advantage::Sample& s) { return s.score - 0.5f; }));
  EXPECT_TRUE(needs_company(
      [](const advantage::Sample& s) { return static_cast<float>(s.score - s.group.mean()); }));
}

}  // namespace
}  // namespace hone
