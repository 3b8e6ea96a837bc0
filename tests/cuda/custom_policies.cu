// The parts that examples/05_custom_policies defines, in every kernel that takes such parts.
#include "../../examples/05_custom_policies/policies.hpp"

#include "hone/kernel/cuda/advantage_scan.cuh"
#include "hone/kernel/cuda/head_rows.cuh"
#include "hone/kernel/cuda/token_losses.cuh"
#include "hone/kl/in_loss.hpp"
#include "hone/loss/sum.hpp"

using namespace hone;

using Penalised = loss::Sum<CappedReinforce, kl::InLoss<ChiSquared, float>>;

template __global__ void hone::kernel::cuda::head_rows<Penalised>(
    const Penalised, const kernel::cuda::HeadRowsArguments);
template __global__ void hone::kernel::cuda::token_losses<Penalised>(
    const Penalised, const kernel::cuda::TokenLossArguments);
template __global__ void hone::kernel::cuda::advantage_scan<RecentCredit>(
    const RecentCredit, const kernel::cuda::ScanArguments);
