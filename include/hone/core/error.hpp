// The one exception that hone throws, and a way to build its sentence.
//
// A message names the place (file, line, field, tensor or argument), the value that was found and
// what was expected, in this order: "data/pairs.jsonl:17: field \"chosen\" is a number, expected a
// string".
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

#include "hone/core/config.hpp"

namespace hone {
inline namespace v0 {

// Bad input, an impossible request or a failed system call. Whoever catches it may go on: no
// operation of hone leaves a half-written file or a half-updated model behind it.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws Error with all parts written one after the other.
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  throw Error(text.str());
}

// Throws unless the condition holds; the parts are formatted only on failure.
template <class... Parts>
void require(bool condition, const Parts&... parts) {
  if (!condition) [[unlikely]]
    fail(parts...);
}

}  // namespace v0
}  // namespace hone
