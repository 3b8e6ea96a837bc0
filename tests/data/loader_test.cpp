#include "hone/data/loader.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "hone/data/stage.hpp"
#include "support.hpp"

namespace {

using namespace hone;
using namespace hone::data;

// `count` preferences of differing lengths; ids from `first`.
Store sample(std::uint64_t count, std::uint64_t first = 0) {
  std::vector<Record> records;
  for (std::uint64_t i = 0; i < count; ++i)
    records.push_back(preference(first + i, "prompt " + std::to_string(i),
                                 std::string(i * 7 % 23 + 1, 'c'),
                                 std::string(i * 5 % 17 + 1, 'r')));
  return prepare(records, Rankings{.end = 257}, Format{}, data_test::bytes);
}

void expect_equal(const Batch& a, const Batch& b) {
  EXPECT_TRUE(a.forest == b.forest);
  EXPECT_EQ(a.trained, b.trained);
  EXPECT_EQ(a.scores, b.scores);
  EXPECT_EQ(a.pairs, b.pairs);
  EXPECT_EQ(a.picks, b.picks);
}

TEST(Batch, HoldsTreesAsTheyWerePrepared) {
  const Store store = sample(5);
  Batch batch;
  add_tree(batch, store, {.index = 3});
  add_tree(batch, store, {.index = 1});
  ASSERT_EQ(batch.forest.trees(), 2);
  EXPECT_EQ(batch.trained.size(), static_cast<std::size_t>(batch.forest.size()));
  EXPECT_EQ(batch.scores.size(), batch.forest.segments().size());
  EXPECT_EQ(data_test::text_of(batch.forest.sequence(4)),
            "prompt 1" + std::string(8, 'c') + "<257>");
  EXPECT_EQ(batch.pairs, (std::vector<std::array<std::int32_t, 2>>{{1, 2}, {4, 5}}));
  EXPECT_EQ(batch.trained_tokens(), batch.forest.size() - 16);
  EXPECT_NE(batch.forest.segments()[0].id, batch.forest.segments()[3].id);

  Batch again;  // the same prompt in another epoch: other random numbers
  add_tree(again, store, {.index = 3});
  add_tree(again, store, {.index = 3, .epoch = 1});
  EXPECT_NE(again.forest.segments()[0].id, again.forest.segments()[3].id);
}

TEST(Loader, GivesEveryTreeOncePerEpochInFullBatches) {
  Loader loader(sample(10), {.size = {.trees = 4}, .seed = 1});
  std::map<std::uint64_t, std::multiset<std::uint64_t>> epochs;
  for (std::uint64_t step = 0; step < 10; ++step) {
    const Batch batch = loader.batch(step);
    ASSERT_EQ(batch.forest.trees(), 4);
    for (const Pick& pick : batch.picks) epochs[pick.epoch].insert(pick.index);
  }
  ASSERT_EQ(epochs.size(), 4u);
  for (const auto& [epoch, members] : epochs)
    EXPECT_EQ(members, (std::multiset<std::uint64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})) << epoch;
}

TEST(Loader, FillsATokenBudgetWithWholeTrees) {
  const Store store = sample(40);
  constexpr std::int64_t budget = 120;
  Loader loader(store, {.size = {.tokens = budget}, .seed = 2});
  std::map<std::uint64_t, std::multiset<std::uint64_t>> epochs;
  std::int64_t total = 0;
  Batch batch = loader.batch(0);
  for (std::uint64_t step = 0; step < 60; ++step) {
    ASSERT_LE(batch.forest.size(), budget);
    Batch next = loader.batch(step + 1);
    ASSERT_GT(batch.forest.size() + next.forest.tree_begin(1), budget) << "one more tree would fit";
    for (const Pick& pick : batch.picks) epochs[pick.epoch].insert(pick.index);
    total += batch.forest.size();
    batch = std::move(next);
  }
  for (const auto& [epoch, members] : epochs)
    if (epoch + 1 < epochs.size()) {
      EXPECT_EQ(members.size(), 40u) << epoch;
    }
  EXPECT_GT(total, 60 * budget * 3 / 4);

  Loader small(store, {.size = {.trees = 2, .tokens = budget}, .seed = 2});
  for (std::uint64_t step = 0; step < 30; ++step) EXPECT_LE(small.batch(step).forest.trees(), 2);
  EXPECT_THROW(Loader(store, {.size = {.tokens = 20}}).batch(0), Error);
  EXPECT_THROW(Loader(store, {.size = {}}), Error);
}

TEST(Loader, ResumesAtAnyStep) {
  for (const BatchSize size : {BatchSize{.trees = 3}, BatchSize{.tokens = 150}}) {
    const std::vector<Source> sources = {{sample(11), 2.0}, {sample(6, 100), 1.0}};
    const LoaderOptions options{.size = size, .seed = 9};
    Loader whole(sources, options);
    std::vector<Batch> run;
    for (std::uint64_t step = 0; step < 40; ++step) run.push_back(whole.batch(step));
    for (const std::uint64_t stop : {0, 1, 17, 39}) {
      Loader resumed(sources, options);
      for (std::uint64_t step = stop; step < 40; ++step)
        expect_equal(resumed.batch(step), run[step]);
    }
    expect_equal(whole.batch(5), run[5]);
  }
}

TEST(Loader, MixesSourcesByWeight) {
  Loader loader({{sample(10), 3.0}, {sample(10, 100), 1.0}}, {.size = {.trees = 8}, .seed = 1});
  for (std::uint64_t step = 0; step < 5; ++step) {
    int first = 0;
    for (const Pick& pick : loader.batch(step).picks) {
      first += pick.source == 0;
      EXPECT_EQ(loader.id(pick), pick.source * 100 + pick.index);
    }
    EXPECT_EQ(first, 6);
  }
  EXPECT_EQ(loader.size(), 20u);
}

TEST(Batches, PassOverAStoreOnceInOrder) {
  const Store store = sample(25);
  for (const BatchSize size :
       {BatchSize{.trees = 4}, BatchSize{.tokens = 130}, BatchSize{.trees = 99}}) {
    std::vector<std::uint64_t> seen;
    for (const Batch& batch : batches(store, size)) {
      EXPECT_FALSE(batch.picks.empty());
      for (const Pick& pick : batch.picks) seen.push_back(pick.index);
    }
    ASSERT_EQ(seen.size(), 25u);
    for (std::uint64_t i = 0; i < 25; ++i) EXPECT_EQ(seen[i], i);
  }
  EXPECT_EQ(ranges::distance(batches(StoreBuilder().finish(), {.trees = 1})), 0);
}

}  // namespace
