// Any text as tokenizer.json: read or refused; what is read encodes and decodes any text, and what
// is written again gives the same tokens.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "largest_request.hpp"
#include "use_tokenizer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hone::text;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const hone_fuzz::WatchedRequests watched(size);
  try {
    hone_fuzz::use(Tokenizer(parse_tokenizer_json(input, "tokenizer.json")), input);
  } catch (const hone::Error&) {
  }
  return 0;
}
