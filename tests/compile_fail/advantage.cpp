// Advantages that cannot be called, and a wrapper around the wrong kind.
//
// also: nvcc
// expect: an advantage is called in one of three ways; write .float operator\(\)
// expect: BaselineBeforeKl takes an advantage of whole answers: write \.inner =
#include "hone/advantage/estimate.hpp"
#include "hone/advantage/gae.hpp"
#include "hone/advantage/group_relative.hpp"
#include "hone/advantage/leave_one_out.hpp"
#include "hone/recipes/compat/baseline_before_kl.hpp"

using namespace hone;
using recipes::compat::BaselineBeforeKl;

struct Nothing {};

void f(const advantage::Trajectories& in, const advantage::Estimate& out) {
#if HONE_FAIL == 1
  advantage::estimate(Nothing{}, in, out);
#elif HONE_FAIL == 2
  advantage::estimate(BaselineBeforeKl<advantage::Gae>{}, in, out);
#else
  advantage::estimate(advantage::GroupRelative{}, in, out);
  advantage::estimate(BaselineBeforeKl<advantage::LeaveOneOut>{}, in, out);
#endif
}
