#include "run.hpp"

#include "hone/data/fingerprint.hpp"
#include "hone/report/text.hpp"

namespace examples {

RunPlan run_plan(const Settings& s, const std::string& name) {
  RunPlan plan{.name = name,
               .steps = s.steps,
               .saving = s.saving,
               .checkpoints = s.out + "/checkpoints",
               .about = {{"data", hone::data::Fingerprint().add_file(s.data).name()},
                         {"seed", std::to_string(s.seed)},
                         {"batch", std::to_string(s.batch)},
                         {"max_tokens", std::to_string(s.max_tokens)},
                         {"lora_rank", std::to_string(s.lora_rank)},
                         {"lora_alpha", hone::report::exact(static_cast<double>(s.lora_alpha))}}};
  require_unused(s.saving, plan.checkpoints);
  return plan;
}

}  // namespace examples
