// A tabular softmax policy: one row of logits per prefix. Its parameters are the logits.
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "hone/core/random.hpp"
#include "hone/oracle/space.hpp"

namespace hone {
inline namespace v0 {
namespace oracle {

// By the logits, [R, V].
using Gradient = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

class Policy {
 public:
  explicit Policy(Gradient logits) : logits_(std::move(logits)), logprobs_(logits_) {
    const Eigen::ArrayXd top = logits_.rowwise().maxCoeff();
    logprobs_.colwise() -= top;
    const Eigen::ArrayXd sum = logprobs_.exp().rowwise().sum();
    logprobs_.colwise() -= sum.log();
    probs_ = logprobs_.exp();
  }
  // logits: [R, V], row by row
  Policy(const Space& space, const std::vector<double>& logits) : Policy(shaped(space, logits)) {}

  // Logits drawn uniformly from [-spread, spread].
  static Policy random(const Space& space, std::uint64_t seed, double spread = 1) {
    RandomStream stream({.seed = seed});
    Gradient logits(space.rows(), space.vocabulary());
    for (double& z : logits.reshaped<Eigen::RowMajor>()) z = spread * (2 * stream.uniform() - 1);
    return Policy(std::move(logits));
  }

  int vocabulary() const { return static_cast<int>(logits_.cols()); }
  const Gradient& logits() const { return logits_; }
  Gradient no_gradient() const { return Gradient::Zero(logits_.rows(), logits_.cols()); }

  double logprob(int row, Token v) const { return logprobs_(row, v); }
  double prob(int row, Token v) const { return probs_(row, v); }

  double logprob(const Answer& a) const {
    double sum = 0;
    for (std::size_t i = 0; i < a.tokens.size(); ++i) sum += logprob(a.rows[i], a.tokens[i]);
    return sum;
  }
  double prob(const Answer& a) const { return std::exp(logprob(a)); }

  double entropy(int row) const { return -(probs_.row(row) * logprobs_.row(row)).sum(); }
  // KL(this(. | row), other(. | row))
  double kl(const Policy& other, int row) const {
    return (probs_.row(row) * (logprobs_.row(row) - other.logprobs_.row(row))).sum();
  }

  // gradient += weight * d logprob(row, token) / d logits
  void add_logprob_gradient(int row, Token token, double weight, Gradient& gradient) const {
    gradient.row(row).array() -= weight * probs_.row(row);
    gradient(row, token) += weight;
  }
  // gradient += weight * d entropy(row) / d logits
  void add_entropy_gradient(int row, double weight, Gradient& gradient) const {
    gradient.row(row).array() -= weight * probs_.row(row) * (logprobs_.row(row) + entropy(row));
  }
  // gradient += weight * d KL(this(. | row), other(. | row)) / d logits
  void add_kl_gradient(const Policy& other, int row, double weight, Gradient& gradient) const {
    gradient.row(row).array() +=
        weight * probs_.row(row) * (logprobs_.row(row) - other.logprobs_.row(row) - kl(other, row));
  }
  // gradient += weight * d KL(other(. | row), this(. | row)) / d logits
  void add_reverse_kl_gradient(const Policy& other, int row, double weight,
                               Gradient& gradient) const {
    gradient.row(row).array() += weight * (probs_.row(row) - other.probs_.row(row));
  }

 private:
  using Table = Eigen::Array<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  static Gradient shaped(const Space& space, const std::vector<double>& logits) {
    const auto size = static_cast<std::size_t>(space.rows() * space.vocabulary());
    require(logits.size() == size, "oracle: ", logits.size(), " logits, expected ", size);
    return Eigen::Map<const Gradient>(logits.data(), space.rows(), space.vocabulary());
  }

  Gradient logits_;
  Table logprobs_, probs_;
};

}  // namespace oracle
}  // namespace v0
}  // namespace hone
