// A backend without numbers: Decoder<Family, Outline> knows the names and shapes of the weights
// that a config asks for, and takes no memory by their measure.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "hone/model/config.hpp"
#include "hone/model/parameter.hpp"

namespace hone {
inline namespace v0 {
namespace model {

struct Outline {
  class Parameter {
   public:
    Parameter() = default;
    explicit Parameter(ParameterSpec spec) : spec_(std::move(spec)) {}

    const std::string& name() const { return spec_.name; }
    std::vector<std::int64_t> file_shape() const { return spec_.file_shape(); }

   private:
    ParameterSpec spec_;
  };
  struct Tensor {};
  struct Pass {};
  struct Rotary {};

  static Rotary make_rotary(const Config&) { return {}; }
};

}  // namespace model
}  // namespace v0
}  // namespace hone
