// Sums to do: a task whose answers can be verified, of any difficulty, without a file.
#pragma once

#include <cstdint>
#include <range/v3/view/iota.hpp>
#include <range/v3/view/transform.hpp>
#include <string>
#include <string_view>

#include "hone/core/error.hpp"
#include "hone/data/record.hpp"
#include "hone/data/shuffle.hpp"

namespace hone {
inline namespace v0 {
namespace reward {

// "12 + 7 - 3 =" with the column "answer" = 16, verified by NumberAnswer or ExactAnswer. Task
// number n is a function of n and the seed.
//
//     for (const data::Record& task : ChainSum{.terms_max = 3}.tasks(1000)) ...
struct ChainSum {
  int terms_min = 2, terms_max = 2;
  int digits_min = 1, digits_max = 2;  // of a term; its first digit is not 0 unless it is the only
  bool minus = false;                  // differences too; no intermediate sum is then negative
  std::string before = {}, after = " =";
  std::uint64_t seed = 0;

  data::Record task(std::uint64_t number) const {
    require(1 <= terms_min && terms_min <= terms_max && terms_max <= 1000, "ChainSum: terms are ",
            terms_min, " to ", terms_max, ", expected 1 to 1000");
    require(1 <= digits_min && digits_min <= digits_max && digits_max <= 15,
            "ChainSum: digits are ", digits_min, " to ", digits_max, ", expected 1 to 15");
    RandomStream random = data::random_stream(data::Stream::tasks, seed, 0, number);
    const int terms = between(terms_min, terms_max, random);
    std::int64_t sum = 0;
    std::string text;
    for (int i = 0; i < terms; ++i) {
      std::int64_t term = draw(random);
      const bool take = minus && i > 0 && term <= sum && random.below(2) == 1;
      if (i > 0) text += take ? " - " : " + ";
      text += std::to_string(term);
      sum += take ? -term : term;
    }
    data::Record out{.id = number,
                     .shape = data::Shape::completion,
                     .prompt = {.text = before + text + after},
                     .answers = {{.content = {.text = std::to_string(sum)}}}};
    out.columns.set("answer", sum);
    return out;
  }

  // A view of tasks [first, first + count).
  auto tasks(std::uint64_t count, std::uint64_t first = 0) const {
    return ranges::views::iota(first, first + count) |
           ranges::views::transform([*this](std::uint64_t n) { return task(n); });
  }

 private:
  static int between(int low, int high, RandomStream& random) {
    return low + static_cast<int>(random.below(static_cast<std::uint64_t>(high - low + 1)));
  }
  std::int64_t draw(RandomStream& random) const {
    const int digits = between(digits_min, digits_max, random);
    std::int64_t power = 1;  // the smallest number of so many digits
    for (int d = 1; d < digits; ++d) power *= 10;
    const std::int64_t low = digits > 1 ? power : 0, high = 10 * power;
    return low + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(high - low)));
  }
};

}  // namespace reward
}  // namespace v0
}  // namespace hone
