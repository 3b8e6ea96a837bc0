#include "hone/checkpoint/tensor_files.hpp"

#include "hone/checkpoint/safetensors_writer.hpp"
#include "support.hpp"

namespace {

using namespace checkpoint_test;

void save(const fs::path& path, const std::string& name, float value) {
  fs::create_directories(path.parent_path());
  SafetensorsWriter file(path, {{name, {2}}});
  file.write(name, std::vector<float>{value, value});
  file.commit();
}

TEST(TensorFiles, ShardsOfTransformersReadAsOneFile) {
  HONE_GOLDENS(golden, goldens);
  const fs::path folder = golden / "folders/llama-sharded";
  int shards = 0;
  for (const auto& entry : fs::directory_iterator(folder))
    shards += entry.path().extension() == ".safetensors";
  EXPECT_GT(shards, 2);
  expect_same(TensorFiles(folder), golden / "folders/llama-sharded.safetensors");
  expect_same(TensorFiles(golden / "folders/llama"), golden / "folders/llama.safetensors");
}

TEST(TensorFiles, SaysWhatAFolderLacks) {
  const Scratch scratch;
  EXPECT_ERROR(TensorFiles(scratch.path()),
               "holds neither model.safetensors nor model.safetensors.index.json");
  put(scratch / "pytorch_model.bin", "x");
  EXPECT_ERROR(TensorFiles(scratch.path()), "holds pytorch_model.bin, which hone does not read");
}

TEST(TensorFiles, RefusesAnIndexThatDoesNotFit) {
  const Scratch scratch;
  const fs::path folder = scratch.path();
  save(folder / "one.safetensors", "a", 1);
  const auto with = [&](const std::string& index) {
    put(folder / "model.safetensors.index.json", index);
    return error_of([&] { TensorFiles files(folder); });
  };
  EXPECT_EQ(with(R"({"weight_map":{"a":"one.safetensors"}})"), "");
  for (const std::string& file : {std::string("../x.safetensors"), std::string("/etc/passwd"),
                                  std::string(".."), std::string("")})
    EXPECT_NE(
        with("{\"weight_map\":{\"a\":\"" + file + "\"}}").find("expected a file of this folder"),
        std::string::npos)
        << file;
  EXPECT_NE(with(R"({"weight_map":{"b":"one.safetensors"}})")
                .find("tensor \"b\" is not in \"one.safetensors\""),
            std::string::npos);
  EXPECT_NE(
      with(R"({"weight_map":{"a":"two.safetensors"}})").find("two.safetensors: cannot be opened"),
      std::string::npos);
  EXPECT_NE(with(R"({"weight_map":{"a":7}})").find("tensor \"a\" is in no file"),
            std::string::npos);
  EXPECT_NE(with(R"({"weight_map":[]})").find("field \"weight_map\" is missing"),
            std::string::npos);
  EXPECT_NE(with("{").find("model.safetensors.index.json: byte 1: not valid JSON"),
            std::string::npos);
}

}  // namespace
