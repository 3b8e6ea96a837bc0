// The actor's forward and backward pass over experience: policy loss, and the KL term if it acts in
// the loss.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "hone/core/inputs.hpp"
#include "hone/core/order_free_sum.hpp"
#include "hone/core/reads.hpp"
#include "hone/loss/aggregation.hpp"
#include "hone/loss/importance_sampling.hpp"
#include "hone/loss/metrics.hpp"
#include "hone/loss/sequences.hpp"
#include "hone/train/algorithm.hpp"
#include "hone/train/experience.hpp"
#include "hone/train/reference.hpp"
#include "hone/train/sequence_pass.hpp"
#include "hone/train/token_pass.hpp"

namespace hone {
inline namespace v0 {
namespace train {

namespace detail {

// The sampled tokens of the answers. Those that others wrote are left out of the head's work.
struct SampledRows {
  std::vector<std::size_t> kept;  // rows of the experience
  SequenceRows sequences;         // the same as rows of the head, by answer

  explicit SampledRows(const rollout::Rollouts& rollouts) {
    const HeadRows every = answer_rows(rollouts);
    for (std::int64_t s = 0; s < rollouts.answers(); ++s) {
      for (std::int64_t r = rollouts.offsets[static_cast<std::size_t>(s)];
           r < rollouts.offsets[static_cast<std::size_t>(s) + 1]; ++r) {
        const auto row = static_cast<std::size_t>(r);
        if (!rollouts.mask[row]) continue;
        kept.push_back(row);
        sequences.rows.hidden.push_back(every.hidden[row]);
        sequences.rows.targets.push_back(every.targets[row]);
        sequences.rows.tokens.push_back(every.tokens[row]);
      }
      sequences.offsets.push_back(sequences.rows.size());
    }
  }

  // A column of the experience at these rows.
  std::vector<float> of(std::span<const float> column) const {
    std::vector<float> out;
    if (!column.empty())
      for (const std::size_t r : kept) out.push_back(column[r]);
    return out;
  }

  // Each row's sequence length.
  std::vector<float> lengths() const {
    std::vector<float> out;
    for (std::int64_t s = 0; s < sequences.size(); ++s)
      out.insert(out.end(), static_cast<std::size_t>(sequences.length(s)),
                 static_cast<float>(sequences.length(s)));
    return out;
  }
};

}  // namespace detail

// Adds the gradients; returns the loss. `counts` are those of the whole optimiser batch, `e` may be
// a part of it. `reference` is read by objectives of the exact KL over the vocabulary alone.
template <class Decoder, class A>
OrderFreeSum<> actor_pass(Decoder& actor, const Reference<Decoder>* reference,
                          const Experience<A>& e, const A& algorithm, const kl_state<A>& kl,
                          const loss_state<A>& steered, const loss::Counts& counts,
                          const PassSettings& settings, loss::PolicyMetrics& metrics) {
  const detail::SampledRows sampled(e.rollouts);
  const SequenceRows& sequences = sampled.sequences;
  const std::size_t n = sampled.kept.size();
  const std::vector<float> sampler = sampled.of(e.rollouts.logprobs),
                           old = sampled.of(e.actor_logprobs()),
                           advantages = sampled.of(e.advantages), lengths = sampled.lengths();
  std::vector<float> drift(n, 0.0f);  // 0 where the actor was the sampler
  if (!e.old_logprobs.empty()) loss::sequence_drift(sequences.offsets, {}, old, sampler, drift, {});
  std::vector<float> ref;
  if constexpr (needs_reference<A>) ref = sampled.of(e.ref_logprobs);
  std::vector<float> logprobs(n), entropies(n), kls(needs_full_kl<A> ? n : 0);
  TokenInputs<loss::Column> columns;
  columns.old_logprob = old;
  columns.rollout_logprob = sampler;
  columns.ref_logprob = ref;
  columns.advantage = advantages;
  columns.length = lengths;
  columns.drift = drift;
  const auto objective = actor_objective(algorithm, kl, steered);
  using F = std::remove_cvref_t<decltype(objective)>;
  std::optional<typename Reference<Decoder>::Beside> beside;
  if constexpr (needs_full_kl<A>) beside = reference->beside(e.rollouts.forest, settings.trunk);
  const kernel::HeadReference* head = beside ? &beside->head : nullptr;
  const RowResults seen{.logprobs = logprobs, .entropies = entropies, .kls = kls};
  OrderFreeSum<> total;
  if constexpr (level_of<F> == Level::token) {
    std::vector<float> weights(static_cast<std::size_t>(e.rollouts.rows()));
    loss::token_weights(algorithm.aggregation, counts, e.rollouts.offsets, e.rollouts.mask,
                        weights);
    total = token_pass(actor, e.rollouts.forest, sequences.rows, objective, columns,
                       sampled.of(weights), settings, seen, head);
  } else {
    static_assert(level_of<F> == Level::sequence,
                  "hone: the loss of an OnlineTrainer is of single tokens or of sequences");
    std::vector<float> weights(static_cast<std::size_t>(sequences.size()));
    loss::sequence_weights(algorithm.aggregation, counts, e.rollouts.offsets, e.rollouts.mask,
                           weights);
    loss::SequenceBatch given;
    given.tokens = columns;
    total = sequence_pass(actor, e.rollouts.forest, sequences, objective, given, weights, settings,
                          seen, head);
  }
  columns.logprob = logprobs;
  columns.entropy = entropies;
  columns.full_kl = kls;
  metrics.add(
      loss::policy_metrics(policy_loss(algorithm, steered), columns, std::vector<float>(n, 1.0f)));
  return total;
}

}  // namespace train
}  // namespace v0
}  // namespace hone
