// What the command line says, and the call that depends on the model's family.
#pragma once

#include <string>

#include "hone/checkpoint/pretrained.hpp"
#include "hone/rollout/request.hpp"

namespace generate {

using namespace hone;

struct Settings {
  std::string model, adapter, chat, complete, system;
  std::string form;  // chatml, llama3 or plain; empty: the model's own chat template
  int samples = 1, threads = 0;
  rollout::GenerateOptions options{.max_new_tokens = 256};
};

// Defined in family.hpp, compiled in a file of its own for each family.
template <class Family>
void run(const checkpoint::Pretrained& source, const Settings& settings);

}  // namespace generate
