// Any text as config.json, generation_config.json, adapter_config.json: read or refused, and what
// is read and written comes back the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "hone/checkpoint/generation_config.hpp"
#include "hone/checkpoint/hf_config_write.hpp"
#include "hone/checkpoint/peft_folder.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hone::checkpoint;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const HfConfig config = parse_hf_config(text, "config.json");
    std::string written;
    try {
      written = hf_config_text(config);
    } catch (const hone::Error&) {  // read, but not to be written: an odd query_pre_attn_scalar
    }
    if (!written.empty() && !(parse_hf_config(written, "again").model == config.model))
      __builtin_trap();
  } catch (const hone::Error&) {
  }
  try {
    const GenerationConfig config = parse_generation_config(text, "generation_config.json");
    if (!(parse_generation_config(generation_config_text(config), "again") == config))
      __builtin_trap();
  } catch (const hone::Error&) {
  }
  try {
    const PeftConfig config = parse_peft_config(text, "adapter_config.json");
    if (!(parse_peft_config(peft_config_text(config), "again") == config)) __builtin_trap();
  } catch (const hone::Error&) {
  }
  return 0;
}
