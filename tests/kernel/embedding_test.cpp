#include "hone/kernel/embedding.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "floats.hpp"
#include "hone/core/parallel.hpp"
#include "hone/core/random.hpp"
#include "hone/kernel/reference/embedding.hpp"

namespace {

using namespace hone_test;
namespace kernel = hone::kernel;
using hone::Token;

TEST(Embedding, RowsAndGradientsAreTheReferenceBitForBit) {
  const int before = hone::threads();
  for (const std::int64_t dim : {1, 16, 40, 300})
    for (const float scale : {1.0f, 17.3f}) {
      hone::set_threads(1 + static_cast<int>(dim % 4));
      const std::int64_t vocab = 37, rows = 500, panels = 3 * dim * 16;
      hone::RandomStream random({.seed = 3});
      std::vector<Token> tokens;
      for (std::int64_t t = 0; t < rows; ++t)
        tokens.push_back(static_cast<Token>(random.below(37)));
      const Floats table = random_floats(panels, 1), dy = random_floats(rows * dim, 2);
      const kernel::EmbeddingShape s = {.rows = rows, .vocab = vocab, .dim = dim, .scale = scale};
      Floats y(dy.size()), expected(dy.size());
      kernel::embed(s, table.data(), tokens.data(), y.data());
      kernel::reference::embed(rows, dim, scale, table.data(), tokens.data(), expected.data());
      expect_bits(y, expected, "y");
      Floats grad = table, grad_r = table;
      kernel::embed_backward(s, tokens.data(), dy.data(), grad.data());
      kernel::reference::embed_backward(rows, dim, scale, tokens.data(), dy.data(), grad_r.data());
      expect_bits(grad, grad_r, "gradient");
    }
  hone::set_threads(before);
}

TEST(Embedding, PositionsAddAndTheirGradientsChainInTokenOrder) {
  const std::int64_t rows = 90, vocab = 20, dim = 70, ld = 75;
  const Floats table = random_floats(vocab * dim, 1), start = random_floats(rows * ld, 2);
  std::vector<std::int32_t> index;
  for (std::int64_t t = 0; t < rows; ++t) index.push_back(static_cast<std::int32_t>(t * 7 % vocab));
  const kernel::EmbeddingShape s = {.rows = rows, .vocab = vocab, .dim = dim, .ld_y = ld};
  Floats y = start, expected = start, grad = table, grad_r = table;
  kernel::add_positions(s, table.data(), index.data(), y.data());
  kernel::add_positions_backward(s, index.data(), start.data(), grad.data());
  kernel::reference::add_positions(rows, dim, ld, table.data(), index.data(), expected.data());
  kernel::reference::add_positions_backward(rows, dim, ld, index.data(), start.data(),
                                            grad_r.data());
  expect_bits(y, expected, "y");
  expect_bits(grad, grad_r, "gradient");
}

TEST(Embedding, GradientsAreFiniteDifferencesInDouble) {
  const std::int64_t rows = 9, vocab = 20, dim = 5, ld = 7;
  const double scale = 1.7;
  const std::vector<std::int32_t> index = {3, 19, 0, 3, 16, 15, 3, 19, 7};
  const auto dy = doubles(random_floats(rows * dim, 1));
  auto table = doubles(random_floats(2 * dim * 16, 2));
  std::vector<double> gradient(table.size(), 0);
  kernel::reference::embed_backward(rows, dim, scale, index.data(), dy.data(), gradient.data());
  expect_slopes(
      table, gradient,
      [&] {
        std::vector<double> y(dy.size());
        kernel::reference::embed(rows, dim, scale, table.data(), index.data(), y.data());
        return inner(y, dy);
      },
      "table");

  const auto dy_apart = doubles(random_floats(rows * ld, 3));
  auto positions = doubles(random_floats(vocab * dim, 4));
  gradient.assign(positions.size(), 0);
  kernel::reference::add_positions_backward(rows, dim, ld, index.data(), dy_apart.data(),
                                            gradient.data());
  expect_slopes(
      positions, gradient,
      [&] {
        std::vector<double> y(dy_apart.size(), 0.5);
        kernel::reference::add_positions(rows, dim, ld, positions.data(), index.data(), y.data());
        return inner(y, dy_apart);
      },
      "positions");
}

TEST(Embedding, TokensOutsideTheTableAreErrors) {
  Floats table(16 * 4), y(4);
  for (const Token token : {-1, 10}) {
    try {
      kernel::embed({.rows = 1, .vocab = 10, .dim = 4}, table.data(), &token, y.data());
      FAIL() << "token " << token << " was accepted";
    } catch (const hone::Error& e) {
      EXPECT_NE(std::string(e.what()).find("token of row 0 is " + std::to_string(token)),
                std::string::npos)
          << e.what();
    }
  }
}

}  // namespace
