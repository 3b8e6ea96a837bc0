// What a forward pass keeps and which parts of a model are switched on, on every backend.
#pragma once

#include "hone/core/config.hpp"

namespace hone {
inline namespace v0 {
namespace model {

struct PassOptions {
  bool record = false;      // keep what the backward pass needs
  bool checkpoint = false;  // recompute each layer in the backward pass instead of keeping it
  bool adapters = true;     // low-rank adapters are on (off: the model they were added to)
};

}  // namespace model
}  // namespace v0
}  // namespace hone
