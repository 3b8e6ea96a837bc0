// What generation is asked for, and what comes back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hone/core/completion.hpp"
#include "hone/core/forest.hpp"
#include "hone/rollout/sampling.hpp"

namespace hone {
inline namespace v0 {
namespace rollout {

// One prompt, answered `samples` times. `id` names the prompt in random keys: the same id, seed and
// step give the same answers in any batch.
struct Request {
  std::vector<Token> prompt;  // at least one token
  std::int32_t samples = 1;
  std::uint64_t id = 0;
};

struct Answer {
  std::vector<Token> tokens;    // every sampled token, the stop token included
  std::vector<float> logprobs;  // log pi(tokens[t] | what came before), at the sampling temperature
  FinishReason finish = FinishReason::end_token;
  std::int32_t request = 0;  // which request, and which of its samples
  std::int32_t sample = 0;
};

struct GenerateOptions {
  Sampling sampling = {};
  std::int32_t max_new_tokens = 128;
  std::vector<Token> stop_tokens = {};         // a sampled one ends the answer and belongs to it
  std::vector<std::string> stop_strings = {};  // an answer ends when its text holds one
  std::uint64_t seed = 0, step = 0;            // of the random keys
  std::int32_t max_batch = 64;                 // sequences decoded at once
  std::int32_t prefill_tokens = 1024;          // prompt tokens computed in one pass, about
  bool adapters = true;                        // sample from the model with its adapters on
  bool cache = true;  // off: compute the whole sequence for every token; same bits, for checking
};

inline void check(const GenerateOptions& o) {
  check(o.sampling);
  require(o.max_new_tokens > 0, "GenerateOptions: max_new_tokens is ", o.max_new_tokens,
          ", expected a positive number");
  require(o.max_batch > 0, "GenerateOptions: max_batch is ", o.max_batch,
          ", expected a positive number");
  require(o.prefill_tokens > 0, "GenerateOptions: prefill_tokens is ", o.prefill_tokens,
          ", expected a positive number");
  for (const std::string& s : o.stop_strings)
    require(!s.empty(), "GenerateOptions: a stop string is empty");
}

}  // namespace rollout
}  // namespace v0
}  // namespace hone
