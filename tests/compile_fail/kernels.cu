// What a kernel refuses: lambdas, and numbers that it does not have.
//
// expect: a CUDA kernel cannot take a lambda: write the formula as a struct
// expect: a CUDA kernel cannot take a lambda: write the formula as a struct
// expect: this kernel has no logits of a reference, so the loss cannot read full_kl: write kl::K3
// expect: this kernel compares the answers to a prompt: write a struct with .HONE_HD float operator
// expect: this kernel runs from the end of each sequence: write a struct with .template <class T>
#include "hone/advantage/gae.hpp"
#include "hone/advantage/group_relative.hpp"
#include "hone/kernel/cuda/advantage_scan.cuh"
#include "hone/kernel/cuda/group_advantages.cuh"
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

#if HONE_FAIL == 4
using Compared = advantage::Gae;
using Recursive = advantage::Gae;
#elif HONE_FAIL == 5
using Compared = advantage::GroupRelative;
using Recursive = advantage::GroupRelative;
#else
using Compared = advantage::GroupRelative;
using Recursive = advantage::Gae;
#endif
template __global__ void hone::kernel::cuda::group_advantages<Compared>(
    const Compared, const kernel::cuda::GroupArguments);
template __global__ void hone::kernel::cuda::advantage_scan<Recursive>(
    const Recursive, const kernel::cuda::ScanArguments);
