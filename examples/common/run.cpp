#include "run.hpp"

#include "hone/data/fingerprint.hpp"
#include "hone/report/text.hpp"

namespace examples {

namespace {

std::string fingerprint(const std::vector<DataFile>& files) {
  hone::data::Fingerprint out;
  for (const DataFile& f : files) {
    out.add_file(f.path);
    if (files.size() > 1) out.add("weight", f.weight);
  }
  return out.name();
}

}  // namespace

RunPlan run_plan(const Settings& s, const std::string& name) {
  RunPlan plan{.name = name,
               .steps = s.steps,
               .saving = s.saving,
               .checkpoints = s.out + "/checkpoints",
               .about = {{"data", fingerprint(s.data)},
                         {"template", s.text.form},
                         {"seed", std::to_string(s.seed)},
                         {"batch", std::to_string(s.batch)},
                         {"max_tokens", std::to_string(s.max_tokens)},
                         {"lora_rank", std::to_string(s.lora_rank)},
                         {"lora_alpha", hone::report::exact(static_cast<double>(s.lora_alpha))}}};
  require_unused(s.saving, plan.checkpoints);
  return plan;
}

}  // namespace examples
