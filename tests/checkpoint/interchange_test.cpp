// What hone writes is loaded by the packages that own the formats: transformers, peft, safetensors.
#include "../support/source_folder.hpp"
#include "hone/checkpoint/adapter.hpp"
#include "hone/checkpoint/generation_config.hpp"
#include "hone/checkpoint/hf_folder.hpp"
#include "hone/checkpoint/hf_folder_writer.hpp"
#include "hone/checkpoint/load_model.hpp"
#include "hone/checkpoint/peft_folder.hpp"
#include "hone/checkpoint/save_model.hpp"
#include "hone/model/decoder.hpp"
#include "hone/model/lora.hpp"
#include "support.hpp"

namespace {

using namespace checkpoint_test;

// f(decoder), where the decoder holds the weights of a folder.
template <class F>
void with_decoder(const fs::path& folder, const F& f) {
  const HfFolder source(folder);
  hone::model::visit_family(source.config().family, [&](auto family) {
    hone::model::Decoder<decltype(family)> decoder{source.config()};
    load(decoder, source);
    f(decoder);
  });
}

TEST(Interchange, TransformersPeftAndSafetensorsLoadWhatHoneWrote) {
  HONE_GOLDENS(golden, goldens);
  const Scratch scratch;
  for (const char* kind : {"configs", "folders", "models", "adapters", "tuned", "safetensors"})
    fs::create_directory(scratch / kind);

  const Json configs = read_json(golden / "configs.json");
  for (const auto& [name, answer] : configs.items())
    write_file(scratch / ("configs/" + name + ".json"),
               hf_config_text(read_hf_config(golden / "configs" / (name + ".json"))));

  // A backbone alone has no class of its own in config.json as hone writes it.
  const Json folders = read_json(golden / "folders.json");
  for (const auto& [name, answer] : folders.items()) {
    if (name.ends_with("-bare")) continue;
    const HfFolder source(golden / "folders" / name);
    save_hf_folder(scratch / ("folders/" + name), source.file_config(), source);
  }

  for (const std::string name : {"llama", "llama-rs", "llama-pattern", "llama-reward", "gpt2"}) {
    const PeftFolder source(golden / "adapters" / name);
    std::vector<ExpectedTensor> tensors;
    for (const std::string& tensor : source.names())
      tensors.push_back({tensor, source.shape(tensor)});
    PeftConfig config = source.config();
    if (name == "llama-pattern") config.target_modules = source.modules();
    PeftFolderWriter writer(scratch / ("adapters/" + name), config, tensors);
    for (const ExpectedTensor& t : tensors) writer.write(t.name, values_of(source, t.name));
    writer.commit();
  }

  // The same through decoders, in which the weights lie otherwise than in the files. Of a reward
  // model they are the backbone.
  for (const auto& [name, answer] : folders.items())
    if (!name.ends_with("-bare") && !name.ends_with("-reward"))
      with_decoder(golden / "folders" / name,
                   [&](const auto& decoder) { save_model(scratch / ("models/" + name), decoder); });

  for (const std::string name : {"llama", "llama-rs", "llama-pattern", "gpt2", "opt", "opt-350m",
                                 "mistral", "qwen2", "qwen3", "gemma2"}) {
    const PeftFolder source(golden / "adapters" / name);
    const PeftConfig& config = source.config();
    const hone::model::Lora lora{
        .rank = config.r,
        .alpha = static_cast<float>(config.alpha),
        .rank_stabilised = config.use_rslora,
        .targets = name == "llama-pattern" ? source.modules() : config.target_modules};
    const std::string base = name.starts_with("llama") ? "llama" : name;
    with_decoder(golden / "folders" / base, [&](auto& decoder) {
      load_adapter(decoder, source);
      save_adapter(scratch / ("tuned/" + name), decoder, lora, base);
    });
  }

  const auto floats = values_of(Safetensors(golden / "numbers.safetensors"), "floats");
  for (const auto& [name, dtype] :
       {std::pair("f32", DType::f32), {"f16", DType::f16}, {"bf16", DType::bf16}}) {
    std::vector<float> fits;
    for (float x : floats) {
      const float stored = dtype == DType::f16    ? half_to_float(float_to_half(x))
                           : dtype == DType::bf16 ? bfloat16_to_float(float_to_bfloat16(x))
                                                  : x;
      if (std::isfinite(stored) || !std::isfinite(x)) fits.push_back(x);
    }
    SafetensorsWriter writer(scratch / (std::string("safetensors/") + name + ".safetensors"),
                             {{"floats", {static_cast<std::int64_t>(fits.size())}, dtype},
                              {"scalar", {}, dtype},
                              {"empty", {0, 3}, dtype}});
    writer.write("floats", fits);
    writer.write("scalar", std::vector<float>{1});
    writer.commit();
  }

  const fs::path script = hone_test::tests_folder() / "goldens/checkpoint/check.py";
  const fs::path log = scratch / "log";
  const std::string command = "PYTHONDONTWRITEBYTECODE=1 '" +
                              hone_test::environment("HONE_TEST_PYTHON") + "' '" + script.string() +
                              "' '" + golden.string() + "' '" + scratch.path().string() + "' > '" +
                              log.string() + "' 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0) << hone_test::read_text(log);
}

}  // namespace
