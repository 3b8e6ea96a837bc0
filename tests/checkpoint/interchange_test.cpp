// What hone writes is loaded by the packages that own the formats: transformers, peft, safetensors.
#include "hone/checkpoint/generation_config.hpp"
#include "hone/checkpoint/hf_folder.hpp"
#include "hone/checkpoint/hf_folder_writer.hpp"
#include "hone/checkpoint/peft_folder.hpp"
#include "support.hpp"

namespace {

using namespace checkpoint_test;

TEST(Interchange, TransformersPeftAndSafetensorsLoadWhatHoneWrote) {
  HONE_GOLDENS(golden, goldens);
  const Scratch scratch;
  for (const char* kind : {"configs", "folders", "adapters", "safetensors"})
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

  const fs::path script = fs::path(HONE_TEST_SOURCE_DIR) / "goldens/checkpoint/check.py";
  const fs::path log = scratch / "log";
  const std::string command = "PYTHONDONTWRITEBYTECODE=1 '" +
                              hone_test::environment("HONE_TEST_PYTHON") + "' '" + script.string() +
                              "' '" + golden.string() + "' '" + scratch.path().string() + "' > '" +
                              log.string() + "' 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0) << hone_test::read_text(log);
}

}  // namespace
