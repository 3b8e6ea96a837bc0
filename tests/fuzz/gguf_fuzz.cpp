// Any bytes as a GGUF file: container, model and tokenizer, read whole or refused.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "hone/checkpoint/gguf_model.hpp"
#include "hone/checkpoint/gguf_tokenizer.hpp"
#include "hone/text/tokenizer.hpp"

namespace {

template <class Source>
void read_all(const Source& source) {
  for (const std::string& name : source.names()) {
    const hone::checkpoint::Shape shape = source.shape(name);
    std::vector<float> values(static_cast<std::size_t>(hone::checkpoint::count_of(shape)));
    try {
      source.read(name, shape, values);
    } catch (const hone::Error&) {  // a format that is known, but not read
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hone::checkpoint;
  try {
    Gguf file(MappedFile::borrow(std::as_bytes(std::span(data, size)), "fuzz"));
    read_all(file);
    for (const auto& [key, value] : file.metadata()) {
      if (value.type != GgufType::array) continue;
      if (value.element == GgufType::text)
        file.texts(key);
      else if (value.element == GgufType::f32 || value.element == GgufType::f64)
        file.numbers(key);
    }
    const GgufModel model(std::move(file));
    read_all(model);
    hone::text::Tokenizer::from_gguf(gguf_tokenizer(model.file()));
  } catch (const hone::Error&) {
  }
  return 0;
}
