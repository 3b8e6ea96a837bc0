// Every GPU kernel, compiled for every architecture; ptxas says what registers they take.
#include "functors.hpp"

#include "hone/advantage/gae.hpp"
#include "hone/advantage/group_relative.hpp"
#include "hone/advantage/leave_one_out.hpp"
#include "hone/advantage/max_rl.hpp"
#include "hone/advantage/opo.hpp"
#include "hone/advantage/remax.hpp"
#include "hone/advantage/vapo_gae.hpp"
#include "hone/kernel/cuda/advantage_scan.cuh"
#include "hone/kernel/cuda/gradient_rows.cuh"
#include "hone/kernel/cuda/group_advantages.cuh"
#include "hone/kernel/cuda/head_rows.cuh"
#include "hone/kernel/cuda/moments.cuh"
#include "hone/kernel/cuda/score_rows.cuh"
#include "hone/kernel/cuda/token_losses.cuh"
#include "hone/loss/cispo.hpp"
#include "hone/loss/nll.hpp"
#include "hone/loss/sapo.hpp"

using namespace hone;
using namespace hone_test;

template __global__ void hone::kernel::cuda::head_rows<loss::Nll>(
    const loss::Nll, const kernel::cuda::HeadRowsArguments);
template __global__ void hone::kernel::cuda::head_rows<PpoWithAll>(
    const PpoWithAll, const kernel::cuda::HeadRowsArguments);
template __global__ void hone::kernel::cuda::head_rows<Reinforce>(
    const Reinforce, const kernel::cuda::HeadRowsArguments);
template __global__ void hone::kernel::cuda::head_rows<UsersOwn>(
    const UsersOwn, const kernel::cuda::HeadRowsArguments);
template __global__ void hone::kernel::cuda::score_rows<false>(
    const kernel::cuda::ScoreRowsArguments);
template __global__ void hone::kernel::cuda::score_rows<true>(
    const kernel::cuda::ScoreRowsArguments);
template __global__ void hone::kernel::cuda::gradient_rows<false>(
    const kernel::cuda::GradientRowsArguments);
template __global__ void hone::kernel::cuda::gradient_rows<true>(
    const kernel::cuda::GradientRowsArguments);

template __global__ void hone::kernel::cuda::token_losses<UsersOwn>(
    const UsersOwn, const kernel::cuda::TokenLossArguments);
template __global__ void hone::kernel::cuda::token_losses<PpoWithAll>(
    const PpoWithAll, const kernel::cuda::TokenLossArguments);
template __global__ void hone::kernel::cuda::token_losses<loss::Cispo>(
    const loss::Cispo, const kernel::cuda::TokenLossArguments);
template __global__ void hone::kernel::cuda::token_losses<loss::Sapo>(
    const loss::Sapo, const kernel::cuda::TokenLossArguments);
template __global__ void hone::kernel::cuda::token_losses<Reinforce>(
    const Reinforce, const kernel::cuda::TokenLossArguments);

template __global__ void hone::kernel::cuda::advantage_scan<Halving>(
    const Halving, const kernel::cuda::ScanArguments);
template __global__ void hone::kernel::cuda::advantage_scan<advantage::Gae>(
    const advantage::Gae, const kernel::cuda::ScanArguments);
template __global__ void hone::kernel::cuda::advantage_scan<advantage::ReMax>(
    const advantage::ReMax, const kernel::cuda::ScanArguments);
template __global__ void hone::kernel::cuda::advantage_scan<advantage::DecoupledGae>(
    const advantage::DecoupledGae, const kernel::cuda::ScanArguments);
template __global__ void hone::kernel::cuda::advantage_scan<advantage::VapoGae>(
    const advantage::VapoGae, const kernel::cuda::ScanArguments);

template __global__ void hone::kernel::cuda::answer_totals<0>(const kernel::cuda::AnswerArguments);
template __global__ void hone::kernel::cuda::score_moments<0>(const float*, std::int64_t,
                                                              hone::Moments*);
template __global__ void hone::kernel::cuda::group_advantages<advantage::GroupRelative>(
    const advantage::GroupRelative, const kernel::cuda::GroupArguments);
template __global__ void hone::kernel::cuda::group_advantages<advantage::LeaveOneOut>(
    const advantage::LeaveOneOut, const kernel::cuda::GroupArguments);
template __global__ void hone::kernel::cuda::group_advantages<advantage::Opo>(
    const advantage::Opo, const kernel::cuda::GroupArguments);
template __global__ void hone::kernel::cuda::group_advantages<advantage::MaxRl>(
    const advantage::MaxRl, const kernel::cuda::GroupArguments);
template __global__ void hone::kernel::cuda::group_advantages<AboveTheBest>(
    const AboveTheBest, const kernel::cuda::GroupArguments);
template __global__ void hone::kernel::cuda::spread_advantages<0>(
    const kernel::cuda::SpreadArguments);

template __global__ void hone::kernel::cuda::group_moments<0>(const float*, const std::uint8_t*,
                                                              const std::int64_t*, hone::Moments*);
template __global__ void hone::kernel::cuda::whiten<0>(const hone::kernel::cuda::WhitenArguments);
