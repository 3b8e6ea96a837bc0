// What a kernel refuses: lambdas, and numbers that it does not have.
//
// expect: a CUDA kernel cannot take a lambda: write the formula as a struct
// expect: a CUDA kernel cannot take a lambda: write the formula as a struct
// expect: this kernel has no logits of a reference, so the loss cannot read full_kl: write kl::K3
#include "hone/kernel/cuda/head_rows.cuh"
#include "hone/kernel/cuda/token_losses.cuh"
#include "hone/kl/full_vocabulary.hpp"

using namespace hone;

struct Reinforce {
  template <class T>
  constexpr T operator()(const TokenInputs<T>& t) const {
    return -t.advantage * t.logprob;
  }
};

void launch(const kernel::cuda::TokenLossArguments& tokens,
            const kernel::cuda::HeadRowsArguments& rows) {
  [[maybe_unused]] const auto closure = [](const auto& t) { return -t.advantage * t.logprob; };
#if HONE_FAIL == 1
  kernel::cuda::launch_token_losses(closure, tokens);
#elif HONE_FAIL == 2
  kernel::cuda::launch_head_rows(closure, rows, 4);
#elif HONE_FAIL == 3
  kernel::cuda::launch_head_rows(kl::FullVocabulary{}, rows, 4);
#else
  kernel::cuda::launch_token_losses(Reinforce{}, tokens);
  kernel::cuda::launch_head_rows(Reinforce{}, rows, 4);
#endif
}
