// Objectives on given answers, as values: what OfflineTrainer takes.
//
//   hone::train::OfflineTrainer trainer{model, hone::recipes::dpo(), options};
#pragma once

#include "hone/loss/bradley_terry.hpp"
#include "hone/loss/dpo.hpp"
#include "hone/loss/hinge_dpo.hpp"
#include "hone/loss/ipo.hpp"
#include "hone/loss/kto.hpp"
#include "hone/loss/nll.hpp"
#include "hone/loss/orpo.hpp"
#include "hone/loss/robust_dpo.hpp"
#include "hone/loss/simpo.hpp"

namespace hone {
inline namespace v0 {
namespace recipes {

// Supervised fine-tuning on answers.
inline constexpr auto sft() { return loss::Nll{}; }

// A reward model from pairs. Ouyang et al., 2022; with the centring that Eisenstein et al., 2023,
// propose.
inline constexpr auto reward_model() { return loss::BradleyTerry{.centring = 0.01f}; }

// DPO. Rafailov et al., 2023.
inline constexpr auto dpo() { return loss::Dpo{.beta = 0.1f}; }

// cDPO: labels are wrong with probability 0.1. Mitchell, 2023.
inline constexpr auto cdpo() { return loss::Dpo{.beta = 0.1f, .label_smoothing = 0.1f}; }

// Robust DPO: the same assumption, an unbiased loss. Chowdhury et al., 2024.
inline constexpr auto robust_dpo() {
  return loss::RobustDpo{.beta = 0.1f, .label_smoothing = 0.1f};
}

// IPO, on mean log-probabilities, as its authors ran it. Azar et al., 2023.
inline constexpr auto ipo() { return loss::Ipo{.beta = 0.1f, .token_mean = true}; }

// The hinge of SLiC. Zhao et al., 2023.
inline constexpr auto hinge_dpo() { return loss::HingeDpo{.beta = 0.1f}; }

// SimPO: no reference. Meng et al., 2024.
inline constexpr auto simpo() { return loss::SimPo{.beta = 2.0f, .gamma = 1.0f}; }

// KTO: answers that were liked or not, no pairs. Ethayarajh et al., 2024.
inline constexpr auto kto() { return loss::Kto{.beta = 0.1f}; }

// ORPO: SFT and preference in one, no reference. Hong et al., 2024.
inline constexpr auto orpo() { return loss::Orpo{.lambda = 0.1f}; }

}  // namespace recipes
}  // namespace v0
}  // namespace hone
