// L = L_policy + coef E_text[-log pi(token)]
//
// PPO-ptx (Ouyang et al., "Training language models to follow instructions with human feedback",
// 2022, eq. 2, with the sign of a loss; coef is their gamma, 27.8): next-token loss on pretraining
// text, in the optimiser step of every minibatch, so that the policy does not forget how to write.
// The loss is a mean over the batch's trained tokens, at temperature 1.
//
//   data::Loader text{data::prepare(records, data::Blocks{.tokens = 512}, ...), {.seed = 1}};
//   Algorithm ppo{.advantage = advantage::Gae{},
//                 .ptx = train::Ptx{.coef = 27.8f, .batch = [&](std::int64_t update) {
//                                     return text.batch(static_cast<std::uint64_t>(update)); }}};
#pragma once

#include <cstdint>

namespace hone {
inline namespace v0 {
namespace train {

// `batch(update)` is the text of optimiser step `update` = 0, 1, ...; a function of this number, so
// that a resumed run reads what the uninterrupted one would. It returns a data::Batch. With a coef
// of 0 no text is read.
template <class Source>
struct Ptx {
  float coef = 27.8f;
  Source batch;
};

template <class P>
concept PtxSource = requires(const P& ptx, std::int64_t update) {
  ptx.batch(update).trained;
};

}  // namespace train
}  // namespace v0
}  // namespace hone
