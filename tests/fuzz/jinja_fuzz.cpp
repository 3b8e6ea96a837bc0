// Any text as a chat template: rendered or refused, in bounded time and memory.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "hone/text/chat_template.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hone::text;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  static const std::vector<Message> messages{
      {"system", "Be kind."}, {"user", " Hi <b>\n"}, {"assistant", "Hello!"}, {"user", "1 + 1?"}};
  try {
    const auto chat =
        ChatTemplate::jinja(input, "fuzz", {{"bos_token", "<s>"}, {"eos_token", "</s>"}});
    if (chat.render(messages, true) != chat.render(messages, true)) __builtin_trap();
  } catch (const hone::Error&) {
  }
  return 0;
}
