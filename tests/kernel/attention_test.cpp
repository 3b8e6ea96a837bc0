#include "hone/kernel/attention.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>
#include <string>
#include <vector>

#include "floats.hpp"
#include "hone/core/forest.hpp"
#include "hone/core/parallel.hpp"
#include "hone/core/random.hpp"
#include "hone/kernel/reference/attention.hpp"

namespace {

using namespace hone_test;
using hone::Forest;
using hone::Segment;
using hone::Token;
using hone::kernel::AttentionShape;
using hone::kernel::CachedQuery;
using hone::kernel::KvCache;
using hone::kernel::KvPiece;

// Trees of one to four levels with empty segments and lengths around multiples of 16.
Forest random_forest(std::uint64_t seed, std::int64_t trees, std::int64_t longest = 50) {
  hone::RandomStream random({.seed = seed, .stream = 1});
  Forest forest;
  const auto length = [&] {
    const auto kind = random.below(6);
    if (kind == 0) return std::size_t{0};
    if (kind == 1)
      return static_cast<std::size_t>(16 * (1 + random.below(2)) + random.below(3) - 1);
    return static_cast<std::size_t>(1 + random.below(static_cast<std::uint64_t>(longest)));
  };
  for (std::int64_t i = 0; i < trees; ++i) {
    std::vector<std::int32_t> nodes = {
        forest.add_root(std::vector<Token>(length()), static_cast<std::uint64_t>(i))};
    const auto children = random.below(6);
    for (std::uint64_t c = 0; c < children; ++c)
      nodes.push_back(
          forest.add_child(nodes[random.below(nodes.size())], std::vector<Token>(length())));
  }
  return forest;
}

struct Case {
  AttentionShape shape;
  std::string name;
};

std::vector<Case> cases() {
  std::vector<Case> out;
  const auto add = [&](std::int64_t heads, std::int64_t kv_heads, std::int64_t dim, float cap,
                       std::int64_t window) {
    out.push_back({{.heads = heads,
                    .kv_heads = kv_heads,
                    .head_dim = dim,
                    .scale = 1.0f / std::sqrt(static_cast<float>(dim)),
                    .softcap = cap,
                    .window = window},
                   "heads " + std::to_string(heads) + "/" + std::to_string(kv_heads) + " dim " +
                       std::to_string(dim) + " cap " + std::to_string(cap) + " window " +
                       std::to_string(window)});
  };
  add(1, 1, 16, 0, 0);
  add(4, 4, 32, 0, 0);
  add(4, 2, 64, 0, 0);
  add(9, 3, 64, 0, 0);
  add(6, 1, 8, 0, 0);
  add(4, 2, 40, 2.0f, 0);
  add(2, 2, 20, 0, 5);
  add(4, 1, 80, 0, 17);
  add(2, 1, 128, 5.0f, 24);
  add(7, 1, 96, 0, 1);
  add(64, 1, 4, 0, 0);
  return out;
}

struct Pass {
  Floats q, k, v, o, row_max, row_sum;
};

Pass inputs(const AttentionShape& s, std::int64_t tokens, std::uint64_t seed, float width = 1.0f) {
  Pass p;
  p.q = random_floats(tokens * s.heads * s.head_dim, seed, 3 * width);
  p.k = random_floats(tokens * s.kv_heads * s.head_dim, seed + 1, width);
  p.v = random_floats(tokens * s.kv_heads * s.head_dim, seed + 2, width);
  return p;
}

void forward(const AttentionShape& s, std::span<const Segment> segments, Pass& p) {
  const std::int64_t tokens = static_cast<std::int64_t>(p.q.size()) / (s.heads * s.head_dim);
  p.o.assign(p.q.size(), -7.0f);
  p.row_max.assign(static_cast<std::size_t>(tokens * s.heads), -7.0f);
  p.row_sum = p.row_max;
  hone::kernel::attend_forest(
      s, segments, {.q = p.q.data(), .k = p.k.data(), .v = p.v.data()},
      {.o = p.o.data(), .row_max = p.row_max.data(), .row_sum = p.row_sum.data()});
}

struct Grads {
  Floats dq, dk, dv;
};

Grads backward(const AttentionShape& s, std::span<const Segment> segments, Pass& p,
               const Floats& d_o, Grads start) {
  hone::kernel::attend_forest_backward(
      s, segments, {.q = p.q.data(), .k = p.k.data(), .v = p.v.data()},
      {.o = p.o.data(), .row_max = p.row_max.data(), .row_sum = p.row_sum.data()}, d_o.data(),
      {.dq = start.dq.data(), .dk = start.dk.data(), .dv = start.dv.data()});
  return start;
}

Floats token_rows(const Floats& x, std::int64_t width, std::int64_t begin, std::int64_t end) {
  return Floats(x.begin() + begin * width, x.begin() + end * width);
}

TEST(Attention, ForwardAndBackwardAreTheReferenceBitForBit) {
  for (const Case& c : cases()) {
    const AttentionShape& s = c.shape;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      const Forest forest = random_forest(seed, 3, seed == 4 ? 150 : 50);
      Pass p = inputs(s, forest.size(), 10 * seed);
      forward(s, forest.segments(), p);
      Pass r = p;
      hone::kernel::reference::attend_forest<float>(
          s, forest.segments(),
          {p.q.data(), p.k.data(), p.v.data(), r.o.data(), r.row_max.data(), r.row_sum.data()});
      expect_bits(p.o, r.o, c.name + " o");
      expect_bits(p.row_max, r.row_max, c.name + " max");
      expect_bits(p.row_sum, r.row_sum, c.name + " sum");

      const Floats d_o = random_floats(static_cast<std::int64_t>(p.o.size()), 77 + seed);
      Grads start = {random_floats(static_cast<std::int64_t>(p.q.size()), 5),
                     random_floats(static_cast<std::int64_t>(p.k.size()), 6),
                     random_floats(static_cast<std::int64_t>(p.v.size()), 7)};
      const Grads g = backward(s, forest.segments(), p, d_o, start);
      hone::kernel::reference::attend_forest_backward<float>(
          s, forest.segments(),
          {p.q.data(), p.k.data(), p.v.data(), r.o.data(), r.row_max.data(), r.row_sum.data()},
          d_o.data(), start.dq.data(), start.dk.data(), start.dv.data());
      expect_bits(g.dq, start.dq, c.name + " dq");
      expect_bits(g.dk, start.dk, c.name + " dk");
      expect_bits(g.dv, start.dv, c.name + " dv");
      if (HasFailure()) return;
    }
  }
}

// Loss = <d_o, o>, in double.
double loss(const AttentionShape& s, std::span<const Segment> segments,
            const std::vector<double>& q, const std::vector<double>& k,
            const std::vector<double>& v, const Floats& d_o) {
  std::vector<double> o(q.size()), row(q.size()), sum(q.size());
  hone::kernel::reference::attend_forest<double>(
      s, segments, {q.data(), k.data(), v.data(), o.data(), row.data(), sum.data()});
  double total = 0;
  for (std::size_t i = 0; i < o.size(); ++i) total += o[i] * static_cast<double>(d_o[i]);
  return total;
}

TEST(Attention, GradientsAreFiniteDifferencesInDouble) {
  for (const Case& c : cases()) {
    const AttentionShape& s = c.shape;
    if (s.heads > 9) continue;
    Forest forest;
    const auto root = forest.add_root(std::vector<Token>(7));
    const auto child = forest.add_child(root, std::vector<Token>(12));
    forest.add_child(root, std::vector<Token>(3));
    forest.add_child(child, std::vector<Token>(5));
    forest.add_root(std::vector<Token>(4));
    Pass p = inputs(s, forest.size(), 3);
    forward(s, forest.segments(), p);
    const Floats d_o = random_floats(static_cast<std::int64_t>(p.o.size()), 4);
    const Grads g =
        backward(s, forest.segments(), p, d_o,
                 {Floats(p.q.size(), 0.0f), Floats(p.k.size(), 0.0f), Floats(p.v.size(), 0.0f)});
    std::vector<double> q(p.q.begin(), p.q.end()), k(p.k.begin(), p.k.end()),
        v(p.v.begin(), p.v.end());
    hone::RandomStream random({.seed = 9});
    double worst = 0, largest = 0;
    for (int trial = 0; trial < 40; ++trial) {
      auto& x = trial % 3 == 0 ? q : trial % 3 == 1 ? k : v;
      const Floats& gradient = trial % 3 == 0 ? g.dq : trial % 3 == 1 ? g.dk : g.dv;
      const std::size_t i = random.below(x.size());
      const double kept = x[i], step = 1e-5;
      x[i] = kept + step;
      const double up = loss(s, forest.segments(), q, k, v, d_o);
      x[i] = kept - step;
      const double down = loss(s, forest.segments(), q, k, v, d_o);
      x[i] = kept;
      const double expected = (up - down) / (2 * step);
      worst = std::max(worst, std::abs(expected - static_cast<double>(gradient[i])));
      largest = std::max(largest, std::abs(expected));
    }
    EXPECT_LT(worst, 2e-6 * std::max(1.0, largest)) << c.name << ": largest " << largest;
  }
}

TEST(Attention, DoubleReferenceAgreesWithFloatToRounding) {
  const AttentionShape s = {.heads = 4, .kv_heads = 2, .head_dim = 64, .scale = 0.125f};
  const Forest forest = random_forest(3, 3);
  Pass p = inputs(s, forest.size(), 1);
  forward(s, forest.segments(), p);
  std::vector<double> q(p.q.begin(), p.q.end()), k(p.k.begin(), p.k.end()),
      v(p.v.begin(), p.v.end()), o(q.size()), row(p.row_max.size()), sum(p.row_max.size());
  hone::kernel::reference::attend_forest<double>(
      s, forest.segments(), {q.data(), k.data(), v.data(), o.data(), row.data(), sum.data()});
  double worst = 0;
  for (std::size_t i = 0; i < o.size(); ++i)
    worst = std::max(worst, std::abs(o[i] - static_cast<double>(p.o[i])));
  EXPECT_LT(worst, 2e-6);
}

// Law 7 for attention: a branch of a tree equals the same sequence alone.
TEST(Attention, TreeIsItsFlattenedSequences) {
  for (const Case& c : cases()) {
    const AttentionShape& s = c.shape;
    const std::int64_t wide = s.heads * s.head_dim, narrow = s.kv_heads * s.head_dim;
    const Forest forest = random_forest(21, 4);
    Pass p = inputs(s, forest.size(), 8);
    forward(s, forest.segments(), p);
    for (std::int32_t leaf = 0; leaf < static_cast<std::int32_t>(forest.segments().size());
         ++leaf) {
      std::vector<std::int32_t> path;
      for (std::int32_t a = leaf; a >= 0; a = forest.segments()[static_cast<std::size_t>(a)].parent)
        path.insert(path.begin(), a);
      Pass flat;
      Floats expected;
      const auto append = [&](Floats& to, const Floats& from, std::int64_t width, std::int32_t a) {
        const Segment& g = forest.segments()[static_cast<std::size_t>(a)];
        const Floats rows = token_rows(from, width, g.begin, g.end());
        to.insert(to.end(), rows.begin(), rows.end());
      };
      for (std::int32_t a : path) {
        append(flat.q, p.q, wide, a);
        append(flat.k, p.k, narrow, a);
        append(flat.v, p.v, narrow, a);
        append(expected, p.o, wide, a);
      }
      Forest alone;
      alone.add_root(forest.sequence(leaf));
      forward(s, alone.segments(), flat);
      expect_bits(flat.o, expected, c.name + " leaf " + std::to_string(leaf));
      if (HasFailure()) return;
    }
  }
}

TEST(Attention, PermutedTreesAndThreadCountsChangeNoBit) {
  const int before = hone::threads();
  for (const Case& c : cases()) {
    const AttentionShape& s = c.shape;
    const std::int64_t wide = s.heads * s.head_dim, narrow = s.kv_heads * s.head_dim;
    const Forest forest = random_forest(5, 5);
    Pass p = inputs(s, forest.size(), 2);
    const Floats d_o = random_floats(static_cast<std::int64_t>(p.q.size()), 4);
    hone::set_threads(1);
    forward(s, forest.segments(), p);
    const Grads zero = {Floats(p.q.size(), 0.0f), Floats(p.k.size(), 0.0f),
                        Floats(p.v.size(), 0.0f)};
    const Grads g = backward(s, forest.segments(), p, d_o, zero);

    for (int threads = 2; threads <= 4; ++threads) {
      hone::set_threads(threads);
      Pass again = p;
      forward(s, forest.segments(), again);
      expect_bits(again.o, p.o, c.name + " threads");
      const Grads h = backward(s, forest.segments(), again, d_o, zero);
      expect_bits(h.dq, g.dq, c.name + " threads dq");
      expect_bits(h.dk, g.dk, c.name + " threads dk");
      expect_bits(h.dv, g.dv, c.name + " threads dv");
    }

    Forest shuffled;
    Pass moved;
    Floats moved_do, o, dq, dk, dv;
    for (std::int64_t tree : {3, 0, 4, 2, 1}) {
      shuffled.append_tree(forest, tree);
      const std::int64_t b = forest.tree_begin(tree), e = forest.tree_begin(tree + 1);
      const auto append = [&](Floats& to, const Floats& from, std::int64_t width) {
        const Floats rows = token_rows(from, width, b, e);
        to.insert(to.end(), rows.begin(), rows.end());
      };
      append(moved.q, p.q, wide);
      append(moved.k, p.k, narrow);
      append(moved.v, p.v, narrow);
      append(moved_do, d_o, wide);
      append(o, p.o, wide);
      append(dq, g.dq, wide);
      append(dk, g.dk, narrow);
      append(dv, g.dv, narrow);
    }
    forward(s, shuffled.segments(), moved);
    const Grads h = backward(s, shuffled.segments(), moved, moved_do, zero);
    expect_bits(moved.o, o, c.name + " permuted");
    expect_bits(h.dq, dq, c.name + " permuted dq");
    expect_bits(h.dk, dk, c.name + " permuted dk");
    expect_bits(h.dv, dv, c.name + " permuted dv");
    if (HasFailure()) break;
  }
  hone::set_threads(before);
}

// Threads that outnumber trees and heads share them, each output in one hand.
TEST(Attention, OneTreeSplitsOverThreadsWithoutChangingABit) {
  const int before = hone::threads();
  for (const Case& c : cases()) {
    const AttentionShape& s = c.shape;
    const Forest forest = random_forest(13, 1, 300);
    Pass p = inputs(s, forest.size(), 2);
    const Floats d_o = random_floats(static_cast<std::int64_t>(p.q.size()), 4);
    const Grads start = {random_floats(static_cast<std::int64_t>(p.q.size()), 5),
                         random_floats(static_cast<std::int64_t>(p.k.size()), 6),
                         random_floats(static_cast<std::int64_t>(p.v.size()), 7)};
    hone::set_threads(1);
    forward(s, forest.segments(), p);
    const Grads g = backward(s, forest.segments(), p, d_o, start);
    for (const int threads : {2, 3, 4, 16}) {
      hone::set_threads(threads);
      Pass again = p;
      forward(s, forest.segments(), again);
      expect_bits(again.o, p.o, c.name + " o");
      const Grads h = backward(s, forest.segments(), again, d_o, start);
      expect_bits(h.dq, g.dq, c.name + " dq");
      expect_bits(h.dk, g.dk, c.name + " dk");
      expect_bits(h.dv, g.dv, c.name + " dv");
    }
    if (HasFailure()) break;
  }
  hone::set_threads(before);
}

// Rows [begin, end) of the tokens of `segment` go into a cache.
void append(KvCache& cache, const AttentionShape& s, const Pass& p, std::int64_t begin,
            std::int64_t end) {
  const std::int64_t narrow = s.kv_heads * s.head_dim;
  cache.append(end - begin, p.k.data() + begin * narrow, p.v.data() + begin * narrow, narrow);
}

// Prefill in random chunks and decoding in batches, over caches that are shared as the tree is.
TEST(Attention, CachesGiveTheBitsOfTheTrainingPass) {
  const int before = hone::threads();
  for (const Case& c : cases()) {
    const AttentionShape& s = c.shape;
    const std::int64_t wide = s.heads * s.head_dim;
    for (std::uint64_t seed = 31; seed < 34; ++seed) {
      hone::set_threads(1 + static_cast<int>(seed % 4));
      const Forest forest = random_forest(seed, 4);
      Pass p = inputs(s, forest.size(), 8);
      forward(s, forest.segments(), p);
      const auto segments = forest.segments();
      hone::RandomStream random({.seed = seed, .stream = 7});
      std::vector<KvCache> caches(segments.size(), KvCache(s));
      std::vector<std::int64_t> done(segments.size(), 0);
      Floats o(p.o.size(), -7.0f);
      // Every round takes some new tokens of every segment whose ancestors are complete; decoding
      // rounds take one of each, prefill rounds a random number.
      for (bool more = true; more;) {
        more = false;
        const bool decode = random.below(3) > 0;
        std::deque<std::vector<KvPiece>> pieces;
        std::vector<CachedQuery> queries;
        std::vector<std::pair<std::size_t, std::int64_t>> rows;
        std::vector<std::int64_t> taken = done;
        Floats q, out;
        for (std::size_t i = 0; i < segments.size(); ++i) {
          const std::int32_t parent = segments[i].parent;
          bool ready = true;
          for (std::int32_t a = parent; a >= 0; a = segments[static_cast<std::size_t>(a)].parent)
            ready = ready && done[static_cast<std::size_t>(a)] ==
                                 segments[static_cast<std::size_t>(a)].length;
          const std::int64_t rest = segments[i].length - done[i];
          more = more || rest > 0;
          if (!ready || rest == 0) continue;
          const std::int64_t n =
              decode
                  ? 1
                  : 1 + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(rest)));
          const std::int64_t begin = segments[i].begin + done[i];
          append(caches[i], s, p, begin, begin + n);
          taken[i] += n;
          std::vector<KvPiece> path;
          for (std::int32_t a = static_cast<std::int32_t>(i); a >= 0;
               a = segments[static_cast<std::size_t>(a)].parent)
            path.insert(path.begin(), caches[static_cast<std::size_t>(a)].piece());
          pieces.push_back(path);
          queries.push_back({.pieces = pieces.back(),
                             .begin = static_cast<std::int64_t>(q.size()) / wide,
                             .rows = n});
          const Floats some = token_rows(p.q, wide, begin, begin + n);
          q.insert(q.end(), some.begin(), some.end());
          for (std::int64_t t = begin; t < begin + n; ++t) rows.push_back({i, t});
        }
        out.assign(q.size(), -7.0f);
        hone::kernel::attend_cached(s, queries, q.data(), wide, out.data(), wide);
        for (std::size_t r = 0; r < rows.size(); ++r)
          std::copy_n(out.begin() + static_cast<std::int64_t>(r) * wide, wide,
                      o.begin() + rows[r].second * wide);
        done = taken;
      }
      expect_bits(o, p.o, c.name + " seed " + std::to_string(seed));
      if (HasFailure()) break;
    }
    if (HasFailure()) break;
  }
  hone::set_threads(before);
}

TEST(Attention, RowStridesAndOneBufferForAllAreReadAsTheyAre) {
  const AttentionShape s = {.heads = 4, .kv_heads = 2, .head_dim = 24, .scale = 0.2f};
  const Forest forest = random_forest(11, 2);
  Pass p = inputs(s, forest.size(), 1);
  forward(s, forest.segments(), p);
  const std::int64_t ld = 96 + 48 + 48 + 5;
  Floats all(static_cast<std::size_t>(forest.size() * ld), NAN), o(all.size(), 3.0f);
  for (std::int64_t t = 0; t < forest.size(); ++t) {
    std::copy_n(p.q.begin() + t * 96, 96, all.begin() + t * ld);
    std::copy_n(p.k.begin() + t * 48, 48, all.begin() + t * ld + 96);
    std::copy_n(p.v.begin() + t * 48, 48, all.begin() + t * ld + 144);
  }
  hone::kernel::attend_forest(
      s, forest.segments(),
      {.q = all.data(), .k = all.data() + 96, .v = all.data() + 144, .ld_q = ld, .ld_kv = ld},
      {.o = o.data(), .ld_o = ld});
  for (std::int64_t t = 0; t < forest.size(); ++t) {
    expect_bits(
        token_rows(o, ld, t, t + 1),
        [&] {
          Floats row = token_rows(p.o, 96, t, t + 1);
          row.resize(static_cast<std::size_t>(ld), 3.0f);
          return row;
        }(),
        "strided");
  }
}

// Law 5: what a query may not see does not reach it, not even NaN.
TEST(Attention, LaterTokensAndOtherTreesNeverLeak) {
  for (const Case& c : cases()) {
    const AttentionShape& s = c.shape;
    Forest forest;
    forest.add_root(std::vector<Token>(40));
    forest.add_root(std::vector<Token>(30));
    Pass p = inputs(s, forest.size(), 1);
    forward(s, forest.segments(), p);
    Pass bad = p;
    const std::int64_t narrow = s.kv_heads * s.head_dim, wide = s.heads * s.head_dim;
    for (std::int64_t i = 21 * narrow; i < 40 * narrow; ++i) {
      bad.k[static_cast<std::size_t>(i)] = NAN;
      bad.v[static_cast<std::size_t>(i)] = INFINITY;
    }
    forward(s, forest.segments(), bad);
    expect_bits(token_rows(bad.o, wide, 0, 21), token_rows(p.o, wide, 0, 21), c.name);
    expect_bits(token_rows(bad.o, wide, 40, 70), token_rows(p.o, wide, 40, 70), c.name);
  }
}

TEST(Attention, TruncatedCacheGoesOnAsIfNothingHappened) {
  const AttentionShape s = {.heads = 2, .kv_heads = 1, .head_dim = 32, .scale = 0.2f};
  Forest forest;
  forest.add_root(std::vector<Token>(45));
  Pass p = inputs(s, 45, 1);
  forward(s, forest.segments(), p);
  KvCache cache(s, 10);
  append(cache, s, p, 0, 45);
  cache.truncate(21);
  append(cache, s, p, 21, 30);
  const KvPiece piece = cache.piece();
  EXPECT_EQ(piece.length, 30);
  EXPECT_GE(cache.capacity(), 45);
  const CachedQuery query = {.pieces = std::span(&piece, 1), .begin = 0, .rows = 30};
  Floats o(30 * 64);
  hone::kernel::attend_cached(s, std::span(&query, 1), p.q.data(), 64, o.data(), 64);
  expect_bits(o, token_rows(p.o, 64, 0, 30), "truncated");
}

TEST(Attention, ImpossibleNumbersAreErrors) {
  EXPECT_THROW(check(AttentionShape{.heads = 3, .kv_heads = 2, .head_dim = 4}), hone::Error);
  EXPECT_THROW(check(AttentionShape{.heads = 2, .kv_heads = 2, .head_dim = 0}), hone::Error);
  KvCache cache(AttentionShape{.heads = 2, .kv_heads = 2, .head_dim = 4}, 3);
  EXPECT_THROW(cache.truncate(1), hone::Error);
  const KvPiece piece = cache.piece();
  const CachedQuery query = {.pieces = std::span(&piece, 1), .begin = 0, .rows = 1};
  EXPECT_THROW(hone::kernel::attend_cached({.heads = 2, .kv_heads = 2, .head_dim = 4},
                                           std::span(&query, 1), nullptr, 8, nullptr, 8),
               hone::Error);
}

}  // namespace
