// An objective over a batch: sum over rows of weight * f(row), and the derivative of it by each row
//
// A row is a token, a value or a pair of scores: whatever one evaluation of the functor reads from
// one place in each column. Rows run in packs of 16, the last one padded, so a row's result does
// not depend on where it stands. The sum is free of order, and so of threads and micro-batches.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hone/core/differentiate.hpp"
#include "hone/core/error.hpp"
#include "hone/core/order_free_sum.hpp"
#include "hone/core/pack.hpp"
#include "hone/core/parallel.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

using Column = std::span<const float>;  // [rows]
using Derivative = std::span<float>;    // [rows]

namespace detail {

// Throws unless every column that f reads has one entry per row.
template <class F>
void check_columns(const inputs_of<F, Column>& columns, std::size_t rows) {
  int field = 0;
  columns.each(
      [&](const Column& column, bool read) {
        require(!read || column.size() == rows, "loss: column ", columns.names[field], " has ",
                column.size(), " entries, but this objective reads it for ", rows, " rows");
        ++field;
      },
      columns, reads<F>);
}

// Sixteen rows, or the first n of them: what is past the end is 0 and is not touched.
struct FullRows {
  pack load(const float* p) const { return pack::load(p); }
  void store(float* p, const pack& x) const { x.store(p); }
};
struct FirstRows {
  int n;
  pack load(const float* p) const { return pack::load(p, n); }
  void store(float* p, const pack& x) const { x.store(p, n); }
};

// One pack of rows; returns their weighted losses. A field that is not read is 0, and never loaded.
template <bool Add, class F, class Rows>
[[gnu::always_inline]] inline pack evaluate_pack(const F& f,
                                                 const inputs_of<F, const float*>& columns,
                                                 const float* weights, std::int64_t row,
                                                 const inputs_of<F, float*>& slopes, Rows rows) {
  inputs_of<F, dual<pack, 0>> in;
  in.each([&](dual<pack, 0>& to, const float* from,
              bool read) { to = read ? rows.load(from + row) : pack(0.0f); },
          in, columns, reads<F>);
  const auto result = run(f, in);
  const pack weight = rows.load(weights + row);
  const pack_mask counts = weight != pack(0);
  int slot = 0;
  slopes.each(
      [&](float* to, bool wanted) {
        if (!wanted) return;
        const pack slope = derivative(result, slot++);
        if (!to) return;
        pack out = keep(counts, weight * slope);
        if constexpr (Add) out += rows.load(to + row);
        rows.store(to + row, out);
      },
      slopes, differentiates<F>);
  return keep(counts, weight * result.value);
}

template <bool Add, class F>
[[gnu::always_inline]] inline void evaluate_blocks(
    const F& f, const inputs_of<F, const float*>& columns, const float* weights, std::int64_t begin,
    std::int64_t end, const inputs_of<F, float*>& slopes, OrderFreeSum<>& total) {
  constexpr std::int64_t block = 512;
  float losses[block];
  for (std::int64_t first = begin; first < end; first += block) {
    const std::int64_t last = first + block < end ? first + block : end;
    const std::int64_t full = first + (last - first) / 16 * 16;
    for (std::int64_t row = first; row < full; row += 16)
      evaluate_pack<Add>(f, columns, weights, row, slopes, FullRows{})
          .store(losses + (row - first));
    if (full < last)
      evaluate_pack<Add>(f, columns, weights, full, slopes,
                         FirstRows{static_cast<int>(last - full)})
          .store(losses + (full - first));
    total.add(losses, last - first);
  }
}

template <bool Add, class F>
[[gnu::flatten]] void evaluate_rows(const F& functor, const inputs_of<F, const float*>& columns,
                                    const float* weights, std::int64_t begin, std::int64_t end,
                                    const inputs_of<F, float*>& slopes, OrderFreeSum<>& total) {
  F f = functor;  // a copy that no store to a column can change
  if constexpr (!Add && requires { f.limits_off(); })
    if (f.limits_off()) {
      const bool* const option = hone::option(f);
      if (option && !*option)  // a loop of its own, in which the option is a constant
        return evaluate_blocks<Add>(f, columns, weights, begin, end, slopes, total);
      return evaluate_blocks<Add>(f, columns, weights, begin, end, slopes, total);
    }
  evaluate_blocks<Add>(f, columns, weights, begin, end, slopes, total);
}

}  // namespace detail

// Whether evaluate overwrites the derivatives or adds to what stands there.
enum class Write { replace, add };

// Returns the weighted sum. A row of weight 0 is masked: whatever stands there, NaN included, its
// loss and its derivatives are 0. `slopes` are written where the objective has a derivative by the
// field and the span is not empty; the others are not touched.
template <class F>
OrderFreeSum<> evaluate(const F& f, const inputs_of<F, Column>& columns, Column weights,
                        const inputs_of<F, Derivative>& slopes, Write write = Write::replace) {
  detail::check_columns<F>(columns, weights.size());
  inputs_of<F, const float*> from;
  inputs_of<F, float*> to;
  from.each(
      [&](const float*& p, float*& q, const Column& column, const Derivative& slope) {
        p = column.data();
        q = slope.empty() ? nullptr : slope.data();
        require(slope.empty() || slope.size() == weights.size(), "loss: a derivative has ",
                slope.size(), " entries, expected ", weights.size());
      },
      from, to, columns, slopes);

  const auto rows = static_cast<std::int64_t>(weights.size());
  constexpr std::int64_t chunk = 16384;
  const std::int64_t chunks = (rows + chunk - 1) / chunk;
  std::vector<OrderFreeSum<>> parts(static_cast<std::size_t>(chunks));
  parallel_for(chunks, [&](std::int64_t c) {
    const std::int64_t begin = c * chunk;
    const std::int64_t end = begin + chunk < rows ? begin + chunk : rows;
    auto& part = parts[static_cast<std::size_t>(c)];
    if (write == Write::add)
      detail::evaluate_rows<true>(f, from, weights.data(), begin, end, to, part);
    else
      detail::evaluate_rows<false>(f, from, weights.data(), begin, end, to, part);
  });
  OrderFreeSum<> total;
  for (const auto& part : parts) total.add(part);
  return total;
}

}  // namespace loss
}  // namespace v0
}  // namespace hone
