// Where a composition trains no critic, and so has no value loss.
#pragma once

#include "hone/core/config.hpp"

namespace hone {
inline namespace v0 {
namespace loss {

struct None {
  bool operator==(const None&) const = default;
};

}  // namespace loss
}  // namespace v0
}  // namespace hone
