// One turn of a conversation.
#pragma once

#include <string>

#include "hone/core/config.hpp"

namespace hone {
inline namespace v0 {

// What one side said. `role` is "system", "user", "assistant", "tool" or whatever the chat template
// at hand knows; `content` is plain text.
struct Message {
  std::string role = {};
  std::string content = {};
  bool operator==(const Message&) const = default;
};

}  // namespace v0
}  // namespace hone
