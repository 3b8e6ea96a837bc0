// A tabular softmax policy: one row of logits per prefix. Its parameters are the logits.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "hone/core/random.hpp"
#include "hone/oracle/space.hpp"

namespace hone {
inline namespace v0 {
namespace oracle {

using Gradient = std::vector<double>;  // [R, V] by the logits

class Policy {
 public:
  // logits: [R, V]
  Policy(const Space& space, std::vector<double> logits)
      : vocabulary_(space.vocabulary()), logits_(std::move(logits)), logprobs_(logits_.size()) {
    const auto size = static_cast<std::size_t>(space.rows() * vocabulary_);
    require(logits_.size() == size, "oracle: ", logits_.size(), " logits, expected ", size);
    for (std::size_t first = 0; first < size; first += static_cast<std::size_t>(vocabulary_)) {
      const auto row = std::span(logits_).subspan(first, static_cast<std::size_t>(vocabulary_));
      const double top = *std::max_element(row.begin(), row.end());
      double sum = 0;
      for (const double z : row) sum += std::exp(z - top);
      for (std::size_t v = 0; v < row.size(); ++v)
        logprobs_[first + v] = row[v] - top - std::log(sum);
    }
  }

  // Logits drawn uniformly from [-spread, spread].
  static Policy random(const Space& space, std::uint64_t seed, double spread = 1) {
    RandomStream stream({.seed = seed});
    std::vector<double> logits(static_cast<std::size_t>(space.rows() * space.vocabulary()));
    for (double& z : logits) z = spread * (2 * stream.uniform() - 1);
    return Policy(space, std::move(logits));
  }

  int vocabulary() const { return vocabulary_; }
  const std::vector<double>& logits() const { return logits_; }
  double logprob(int row, Token v) const { return logprobs_[index(row, v)]; }
  double prob(int row, Token v) const { return std::exp(logprob(row, v)); }

  double logprob(const Answer& a) const {
    double sum = 0;
    for (std::size_t i = 0; i < a.tokens.size(); ++i) sum += logprob(a.rows[i], a.tokens[i]);
    return sum;
  }
  double prob(const Answer& a) const { return std::exp(logprob(a)); }

  double entropy(int row) const {
    double sum = 0;
    for (Token v = 0; v < vocabulary_; ++v) sum -= prob(row, v) * logprob(row, v);
    return sum;
  }
  // KL(this(. | row), other(. | row))
  double kl(const Policy& other, int row) const {
    double sum = 0;
    for (Token v = 0; v < vocabulary_; ++v)
      sum += prob(row, v) * (logprob(row, v) - other.logprob(row, v));
    return sum;
  }

  // gradient += weight * d logprob(row, token) / d logits
  void add_logprob_gradient(int row, Token token, double weight, Gradient& gradient) const {
    for (Token v = 0; v < vocabulary_; ++v)
      gradient[index(row, v)] += weight * ((v == token) - prob(row, v));
  }
  // gradient += weight * d entropy(row) / d logits
  void add_entropy_gradient(int row, double weight, Gradient& gradient) const {
    const double h = entropy(row);
    for (Token v = 0; v < vocabulary_; ++v)
      gradient[index(row, v)] -= weight * prob(row, v) * (logprob(row, v) + h);
  }
  // gradient += weight * d KL(this(. | row), other(. | row)) / d logits
  void add_kl_gradient(const Policy& other, int row, double weight, Gradient& gradient) const {
    const double k = kl(other, row);
    for (Token v = 0; v < vocabulary_; ++v)
      gradient[index(row, v)] +=
          weight * prob(row, v) * (logprob(row, v) - other.logprob(row, v) - k);
  }
  // gradient += weight * d KL(other(. | row), this(. | row)) / d logits
  void add_reverse_kl_gradient(const Policy& other, int row, double weight,
                               Gradient& gradient) const {
    for (Token v = 0; v < vocabulary_; ++v)
      gradient[index(row, v)] += weight * (prob(row, v) - other.prob(row, v));
  }

 private:
  std::size_t index(int row, Token v) const {
    return static_cast<std::size_t>(row * vocabulary_ + v);
  }

  int vocabulary_;
  std::vector<double> logits_, logprobs_;
};

}  // namespace oracle
}  // namespace v0
}  // namespace hone
