// The tensors of a checkpoint folder, in one safetensors file or in shards under an index.
//
// Single: model.safetensors. Sharded: model.safetensors.index.json, whose weight_map tells for each
// tensor the file that holds it. Both look the same from outside.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "hone/checkpoint/json.hpp"
#include "hone/checkpoint/mapped_file.hpp"
#include "hone/checkpoint/safetensors.hpp"
#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

// What an index says, judged before any file of it is opened: the file that holds each tensor.
inline std::map<std::string, std::string> parse_tensor_index(std::string_view text,
                                                             const std::string& where) {
  const Json json = parse_json(text, where);
  const Fields fields(json, where);
  const Json* map = fields.find({"weight_map"});
  require(map && map->is_object(), where,
          ": field \"weight_map\" is missing, expected a map from tensors to files");
  std::map<std::string, std::string> files;
  for (const auto& [name, value] : map->items()) {
    require(value.is_string(), where, ": tensor ", in_quotes(name), " is in no file");
    const auto& file = value.get_ref<const std::string&>();
    // An index may name files of its own folder only.
    require(!file.empty() && file.find_first_of("/\\") == std::string::npos && file != "." &&
                file != ".." && file.find('\0') == std::string::npos,
            where, ": tensor ", in_quotes(name), " is in ", in_quotes(file),
            ", expected a file of this folder");
    files.emplace(name, file);
  }
  return files;
}

class TensorFiles {
 public:
  // Opens `folder`/`stem`.safetensors, or else the shards of
  // `folder`/`stem`.safetensors.index.json.
  explicit TensorFiles(const std::filesystem::path& folder, const std::string& stem = "model")
      : where_(folder.string()) {
    std::error_code error;
    const auto single = folder / (stem + ".safetensors");
    const auto index = folder / (stem + ".safetensors.index.json");
    if (std::filesystem::exists(single, error)) {
      add(single);
      const Safetensors& file = files_.front();
      names_ = file.names();
      for (const std::string& name : names_) owner_.emplace(name, 0);
    } else if (std::filesystem::exists(index, error)) {
      open_index(folder, index);
    } else if (std::filesystem::exists(folder / "pytorch_model.bin", error) ||
               std::filesystem::exists(folder / "pytorch_model.bin.index.json", error)) {
      fail(where_, ": holds pytorch_model.bin, which hone does not read (a pickle can run code); ",
           "load it with transformers and save_pretrained() it as safetensors");
    } else {
      fail(where_, ": holds neither ", stem, ".safetensors nor ", stem, ".safetensors.index.json");
    }
  }

  const std::vector<std::string>& names() const { return names_; }
  bool has(std::string_view name) const { return owner_.contains(name); }
  const TensorInfo& info(std::string_view name) const { return file_of(name).info(name); }
  const Shape& shape(std::string_view name) const { return file_of(name).shape(name); }
  std::span<const std::byte> bytes(std::string_view name) const {
    return file_of(name).bytes(name);
  }
  std::string_view where() const { return where_; }
  void check_readable(std::string_view name) const { file_of(name).check_readable(name); }
  void read(std::string_view name, std::span<const std::int64_t> expected,
            std::span<float> out) const {
    file_of(name).read(name, expected, out);
  }

 private:
  void add(const std::filesystem::path& path) { files_.emplace_back(path); }

  void open_index(const std::filesystem::path& folder, const std::filesystem::path& index) {
    const MappedFile text(index);
    std::map<std::string, std::size_t> opened;
    for (const auto& [name, file] : parse_tensor_index(text.text(), text.name())) {
      const auto [it, fresh] = opened.emplace(file, files_.size());
      if (fresh) add(folder / file);
      require(files_[it->second].has(name), text.name(), ": tensor ", in_quotes(name),
              " is not in ", in_quotes(file));
      names_.push_back(name);
      owner_.emplace(name, it->second);
    }
  }

  const Safetensors& file_of(std::string_view name) const {
    const auto it = owner_.find(name);
    require(it != owner_.end(), where_, ": holds no tensor ", in_quotes(name));
    return files_[it->second];
  }

  std::string where_;
  std::vector<Safetensors> files_;
  std::vector<std::string> names_;
  std::map<std::string, std::size_t, std::less<>> owner_;
};

static_assert(TensorSource<TensorFiles>);

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
