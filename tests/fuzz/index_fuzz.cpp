// Any text as model.safetensors.index.json: refused, or every file that it names is one of the
// index's own folder.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "hone/checkpoint/tensor_files.hpp"
#include "largest_request.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const hone_fuzz::WatchedRequests watched(size);
  try {
    for (const auto& [tensor, file] :
         hone::checkpoint::parse_tensor_index(text, "model.safetensors.index.json")) {
      const auto path = (std::filesystem::path("folder") / file).lexically_normal();
      if (path.parent_path() != "folder" || path.filename() != file || file.find('\0') != file.npos)
        __builtin_trap();
    }
  } catch (const hone::Error& error) {
    if (!std::string_view(error.what()).starts_with("model.safetensors.index.json"))
      __builtin_trap();
  }
  return 0;
}
