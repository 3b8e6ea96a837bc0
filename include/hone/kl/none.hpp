// No penalty: no reference model is loaded and no reference pass runs.
#pragma once

#include "hone/core/config.hpp"

namespace hone {
inline namespace v0 {
namespace kl {

struct None {
  bool operator==(const None&) const = default;
};

}  // namespace kl
}  // namespace v0
}  // namespace hone
