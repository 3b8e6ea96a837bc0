// What a run takes for granted: weights that it reads and never changes. A checkpoint does not hold
// them, it names them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "hone/data/fingerprint.hpp"
#include "hone/model/lora.hpp"
#include "hone/model/parameter.hpp"

namespace hone {
inline namespace v0 {
namespace train {

struct FrozenWeights {
  std::int64_t parameters = 0;
  std::int64_t elements = 0;
  std::string fingerprint = {};  // of their names, shapes and bytes
};

class FrozenTally {
 public:
  // Counts a parameter unless it is trained.
  void add(const model::Parameter& p) {
    if (p.trainable()) return;
    ++sum_.parameters;
    sum_.elements += p.count();
    hash_.add(p.name(), p.file_shape());
    hash_.add("", std::string_view(reinterpret_cast<const char*>(p.value().data()),
                                   p.value().size() * sizeof(float)));
  }
  template <class Decoder>
  void add_model(Decoder& decoder) {
    const auto take = [this](const model::Parameter& p) { add(p); };
    decoder.for_each_parameter(take);
    model::for_each_adapter_parameter(decoder, take);
  }
  // A decoder under a scalar head.
  template <class Scalar>
  void add_scalar_model(const Scalar& model) {
    add_model(*model.decoder);
    model.head->for_each_parameter([this](const auto& p) { add(p); });
  }
  FrozenWeights sum() const {
    FrozenWeights out = sum_;
    out.fingerprint = hash_.name();
    return out;
  }

 private:
  FrozenWeights sum_;
  data::Fingerprint hash_;
};

}  // namespace train
}  // namespace v0
}  // namespace hone
