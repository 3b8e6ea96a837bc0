// Every GPU kernel, compiled for every architecture; ptxas says what registers they take.
#include "hone/advantage/gae.hpp"
#include "hone/kernel/cuda/advantage_scan.cuh"
#include "hone/kernel/cuda/head_rows.cuh"
#include "hone/kernel/cuda/moments.cuh"
#include "hone/kernel/cuda/token_losses.cuh"
#include "hone/kl/in_loss.hpp"
#include "hone/kl/k3.hpp"
#include "hone/loss/cispo.hpp"
#include "hone/loss/entropy_bonus.hpp"
#include "hone/loss/nll.hpp"
#include "hone/loss/policy_gradient.hpp"
#include "hone/loss/ppo_clip.hpp"
#include "hone/loss/sapo.hpp"
#include "hone/loss/sum.hpp"

namespace {

using namespace hone;

// A user's own loss: a struct of three lines goes into the kernels as it is.
struct Reinforce {
  template <class T>
  constexpr T operator()(const TokenInputs<T>& t) const {
    return -t.advantage * t.logprob;
  }
};

// A user's own KL estimator and advantage.
struct Squared {
  template <class T>
  constexpr T operator()(const TokenInputs<T>& t) const {
    return 0.5f * (t.logprob - t.ref_logprob) * (t.logprob - t.ref_logprob);
  }
};
struct Halving {
  template <class T>
  constexpr T operator()(const advantage::StepInputs<T>& t) const {
    return t.reward + 0.5f * t.next.advantage;
  }
};
using UsersOwn = loss::Sum<Reinforce, kl::InLoss<Squared, float>>;

using PpoWithAll =
    loss::Sum<loss::Sum<loss::PpoClip, kl::InLoss<kl::K3, float>>, loss::EntropyBonus>;

}  // namespace

template __global__ void hone::kernel::cuda::head_rows<loss::Nll>(
    const loss::Nll, const kernel::cuda::HeadRowsArguments);
template __global__ void hone::kernel::cuda::head_rows<PpoWithAll>(
    const PpoWithAll, const kernel::cuda::HeadRowsArguments);
template __global__ void hone::kernel::cuda::head_rows<Reinforce>(
    const Reinforce, const kernel::cuda::HeadRowsArguments);
template __global__ void hone::kernel::cuda::head_rows<UsersOwn>(
    const UsersOwn, const kernel::cuda::HeadRowsArguments);
template __global__ void hone::kernel::cuda::token_losses<UsersOwn>(
    const UsersOwn, const kernel::cuda::TokenLossArguments);
template __global__ void hone::kernel::cuda::advantage_scan<Halving>(
    const Halving, const kernel::cuda::ScanArguments);
template __global__ void hone::kernel::cuda::token_losses<PpoWithAll>(
    const PpoWithAll, const kernel::cuda::TokenLossArguments);
template __global__ void hone::kernel::cuda::token_losses<loss::Cispo>(
    const loss::Cispo, const kernel::cuda::TokenLossArguments);
template __global__ void hone::kernel::cuda::token_losses<loss::Sapo>(
    const loss::Sapo, const kernel::cuda::TokenLossArguments);
template __global__ void hone::kernel::cuda::token_losses<Reinforce>(
    const Reinforce, const kernel::cuda::TokenLossArguments);
template __global__ void hone::kernel::cuda::advantage_scan<advantage::Gae>(
    const advantage::Gae, const kernel::cuda::ScanArguments);
template __global__ void hone::kernel::cuda::advantage_scan<advantage::DecoupledGae>(
    const advantage::DecoupledGae, const kernel::cuda::ScanArguments);

template __global__ void hone::kernel::cuda::group_moments<0>(const float*, const std::uint8_t*,
                                                              const std::int64_t*, hone::Moments*);
template __global__ void hone::kernel::cuda::whiten<0>(const hone::kernel::cuda::WhitenArguments);
