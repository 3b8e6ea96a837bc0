// Parts of a record that only some compositions have.
//
//   struct Experience : part_if<needs_critic<A>, CriticColumns>, ...
//
// Where the condition does not hold there is no such member: code that named it would not compile.
#pragma once

#include <type_traits>

#include "hone/core/config.hpp"

namespace hone {
inline namespace v0 {
namespace train {

// Stands where a part is not; one type for each part, so that a record can lack several.
template <class Part>
struct Without {};

template <bool Has, class Part>
using part_if = std::conditional_t<Has, Part, Without<Part>>;

}  // namespace train
}  // namespace v0
}  // namespace hone
