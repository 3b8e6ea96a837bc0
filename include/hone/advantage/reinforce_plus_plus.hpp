// A_t = whitened G_t,   G_t = r_t + gamma G_{t+1}, r_t with the KL penalty in it
//
// Hu, Liu, Xu, Shen: "REINFORCE++: stabilizing critic-free policy optimization with global
// advantage normalization", 2025. The moments are those of the whole batch, not of a prompt's
// group, so their bias vanishes as the batch grows. The variant with baseline subtracts the group's
// mean first.
//
// Defaults ddof 1 and epsilon 1e-8 (verl); OpenRLHF and NeMo RL: {.ddof = 0, .epsilon = 0,
// .variance_floor = 1e-8f}.
#pragma once

#include "hone/advantage/group_relative.hpp"
#include "hone/advantage/monte_carlo.hpp"
#include "hone/advantage/whitened.hpp"

namespace hone {
inline namespace v0 {
namespace advantage {

using ReinforcePlusPlus = Whitened<MonteCarlo>;

inline constexpr Whitened<GroupRelative> reinforce_plus_plus_baseline{
    .inner = {.scale_by_std = false}};

}  // namespace advantage
}  // namespace v0
}  // namespace hone
