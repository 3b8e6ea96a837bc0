// Any bytes as a safetensors file: read whole or refused.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "hone/checkpoint/safetensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hone::checkpoint;
  try {
    const Safetensors file(MappedFile::borrow(std::as_bytes(std::span(data, size)), "fuzz"));
    for (const std::string& name : file.names()) {
      const TensorInfo& info = file.info(name);
      if (info.end - info.begin != file.bytes(name).size()) __builtin_trap();
      if (!is_readable(info.dtype)) continue;
      std::vector<float> values(static_cast<std::size_t>(count_of(info.shape)));
      file.read(name, info.shape, values);
    }
  } catch (const hone::Error&) {
  }
  return 0;
}
