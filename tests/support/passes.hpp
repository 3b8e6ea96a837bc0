// Random forests, passes over them, and the comparison of what they leave, bit by bit.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "hone/core/forest.hpp"
#include "hone/core/random.hpp"
#include "hone/model/decoder.hpp"
#include "hone/model/lora.hpp"

namespace hone::test {

inline std::vector<Token> random_tokens(RandomStream& stream, std::size_t n, std::int64_t vocab) {
  std::vector<Token> out(n);
  for (Token& t : out) t = static_cast<Token>(stream.below(static_cast<std::uint64_t>(vocab)));
  return out;
}

template <class T>
void shuffle(RandomStream& stream, std::vector<T>& items) {
  for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[stream.below(i)]);
}

// Trees of up to six segments; empty segments among them.
inline Forest random_forest(RandomStream& stream, int trees, std::int64_t vocab) {
  Forest f;
  for (int t = 0; t < trees; ++t) {
    const auto root = f.add_root(random_tokens(stream, 1 + stream.below(40), vocab),
                                 static_cast<std::uint64_t>(t));
    std::vector<std::int32_t> parents{root};
    for (std::uint64_t i = 0, n = stream.below(6); i < n; ++i)
      parents.push_back(f.add_child(parents[stream.below(parents.size())],
                                    random_tokens(stream, stream.below(30), vocab)));
  }
  return f;
}

// Hidden states of all tokens.
template <class Decoder>
std::vector<float> hidden_of(Decoder& d, const Forest& f) {
  model::Native::Pass pass;
  const model::Tensor h = d.run(pass, f);
  return {h.data(), h.data() + h.rows() * h.cols()};
}

// The gradients of all parameters, one after the other; zero from then on.
template <class Decoder>
std::vector<float> take_gradients(Decoder& d) {
  std::vector<float> out;
  auto take = [&out](model::Parameter& p) {
    out.insert(out.end(), p.gradient().begin(), p.gradient().end());
    p.zero_gradient();
  };
  d.for_each_parameter(take);
  model::for_each_adapter_parameter(d, take);
  return out;
}

template <class T>
::testing::AssertionResult same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size())
    return ::testing::AssertionFailure() << a.size() << " and " << b.size() << " elements";
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::memcmp(&a[i], &b[i], sizeof(T)) != 0)
      return ::testing::AssertionFailure() << "element " << i << ": " << a[i] << " and " << b[i];
  return ::testing::AssertionSuccess();
}

}  // namespace hone::test
