#include "models.hpp"

namespace examples {

using namespace hone;

checkpoint::HfFolderOptions folder_options(const std::string& model,
                                           const checkpoint::Pretrained& source,
                                           const text::Tokenizer& tokenizer) {
  checkpoint::HfFolderOptions options{.overwrite = true};
  if (source.is_gguf())
    options.files = {{"tokenizer.json", to_tokenizer_json(tokenizer.parts())},
                     {"tokenizer_config.json", to_tokenizer_config(tokenizer.parts())}};
  else
    options.tokenizer_from = model;
  return options;
}

}  // namespace examples
