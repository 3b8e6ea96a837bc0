// The packed forest: what follows what, whole sequences, trees taken out and put together.
#include "hone/core/forest.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace {

using namespace hone;
using Tokens = std::vector<Token>;

// Tree 7: a prompt of two tokens, an empty child, under it an answer; beside it a second answer.
// Tree 3: one segment.
Forest two_trees() {
  Forest f;
  const auto root = f.add_root(Tokens{1, 2}, 7);
  const auto empty = f.add_child(root, Tokens{});
  f.add_child(empty, Tokens{3, 4, 5});
  f.add_child(root, Tokens{6});
  f.add_root(Tokens{8, 9}, 3);
  return f;
}

TEST(Forest, PacksWithoutPaddingAndCountsPositionsFromTheParent) {
  const Forest f = two_trees();
  EXPECT_EQ(Tokens(f.tokens().begin(), f.tokens().end()), (Tokens{1, 2, 3, 4, 5, 6, 8, 9}));
  ASSERT_EQ(f.segments().size(), 5u);
  EXPECT_EQ(f.segments()[1].position, 2);
  EXPECT_EQ(f.segments()[2].position, 2);
  EXPECT_EQ(f.segments()[3].position, 2);
  EXPECT_EQ(f.segments()[4].position, 0);
  EXPECT_EQ(f.trees(), 2);
  EXPECT_EQ(f.tree_begin(0), 0);
  EXPECT_EQ(f.tree_begin(1), 6);
  EXPECT_EQ(f.tree_begin(2), 8);
  EXPECT_EQ(f.tree_end(0), 4);
  EXPECT_EQ(f.tree_end(1), 5);
}

TEST(Forest, KnowsThePredecessorAcrossSegments) {
  const Forest f = two_trees();
  EXPECT_EQ(f.predecessor(0, 0), -1);
  EXPECT_EQ(f.predecessor(0, 1), 0);
  EXPECT_EQ(f.predecessor(2, 2), 1) << "past the empty segment";
  EXPECT_EQ(f.predecessor(2, 4), 3);
  EXPECT_EQ(f.predecessor(3, 5), 1) << "not the sibling's last token";
  EXPECT_EQ(f.predecessor(4, 6), -1) << "not the tree before";
}

TEST(Forest, GivesWholeSequences) {
  const Forest f = two_trees();
  EXPECT_EQ(f.sequence(2), (Tokens{1, 2, 3, 4, 5}));
  EXPECT_EQ(f.sequence(1), (Tokens{1, 2}));
  EXPECT_EQ(f.sequence(3), (Tokens{1, 2, 6}));
  EXPECT_EQ(f.sequence(4), (Tokens{8, 9}));
}

TEST(Forest, SlicesAndAppendsTreesUnchanged) {
  const Forest f = two_trees();
  const Forest second = f.slice(1, 2);
  EXPECT_EQ(second.sequence(0), (Tokens{8, 9}));
  EXPECT_EQ(second.segments()[0].id, 3u);
  Forest swapped;
  swapped.append_tree(f, 1);
  swapped.append_tree(f, 0);
  EXPECT_EQ(swapped.sequence(3), (Tokens{1, 2, 3, 4, 5}));
  EXPECT_EQ(swapped.canonical_order(), (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(f.canonical_order(), (std::vector<std::int64_t>{1, 0}));
  Forest back;
  for (const auto tree : {1, 0}) back.append_tree(swapped, tree);
  EXPECT_EQ(back, f);
}

TEST(Forest, RefusesAParentOfAnotherTree) {
  Forest f = two_trees();
  EXPECT_THROW(f.add_child(0, Tokens{1}), Error);
  EXPECT_THROW(f.add_child(5, Tokens{1}), Error);
  EXPECT_THROW(Forest{}.add_child(0, Tokens{1}), Error);
  EXPECT_EQ(f, two_trees());
}

}  // namespace
