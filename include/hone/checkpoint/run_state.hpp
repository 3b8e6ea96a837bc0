// The state of a run as named values and tensors, written to a folder and read back.
//
// A trainer lists what it carries once, in a function of a visitor `v`:
//
//   v.expect("options", options);                 // must be the same when the run goes on
//   v.value("step", step);                        // a number, or an aggregate of numbers
//   v.tensor("actor/weights/", parameter, span);  // in the layout of a parameter
//
// save_run() and load_run() bring the visitors. Values and descriptions go to run.json, tensors to
// run.safetensors in the shapes of a Hugging Face checkpoint. Loading checks everything before it
// changes anything, and its errors name the file, the field or tensor, the value and what was
// expected.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "hone/checkpoint/atomic_file.hpp"
#include "hone/checkpoint/described.hpp"
#include "hone/checkpoint/json.hpp"
#include "hone/checkpoint/run_folders.hpp"
#include "hone/checkpoint/safetensors.hpp"
#include "hone/checkpoint/safetensors_writer.hpp"
#include "hone/checkpoint/tensor_source.hpp"
#include "hone/core/error.hpp"
#include "hone/model/parameter.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

inline constexpr std::string_view run_format = "hone run 1";

namespace detail {

// Collects values and what the tensors will be, and then writes the tensors.
class RunWriter {
 public:
  static constexpr bool loading = false;
  Json json = {{"format", run_format}};
  std::vector<TensorSpec> tensors;
  SafetensorsWriter* file = nullptr;  // null: only collect

  void expect(const std::string& name, Json description) {
    json["expected"][name] = std::move(description);
  }
  template <class T>
  void value(const std::string& name, const T& value) {
    json["state"][name] = described(value);
  }
  void tensor(const std::string& prefix, const model::Parameter& layout,
              std::span<const float> storage) {
    const std::string name = prefix + layout.name();
    if (!file) {
      tensors.push_back({.name = name, .shape = layout.file_shape()});
    } else {
      rows_.resize(static_cast<std::size_t>(layout.count()));
      layout.to_file(rows_, storage);
      file->write(name, rows_);
    }
  }

 private:
  std::vector<float> rows_;
};

// Compares and collects what is expected, and then reads.
class RunReader {
 public:
  static constexpr bool loading = true;
  RunReader(const Json& json, std::string where, const Safetensors& file)
      : json_(&json), where_(std::move(where)), file_(&file) {}

  bool apply = false;  // false: only check
  std::vector<ExpectedTensor> tensors;

  void expect(const std::string& name, const Json& description) {
    if (!apply) check_described(part("expected", name), description, where_ + ": " + name);
  }
  template <class T>
  void value(const std::string& name, T& value) {
    T scratch = value;
    restore(scratch, part("state", name), where_ + ": " + name);
    if (apply) value = scratch;
  }
  // What a value will be once it is applied.
  std::int64_t stored(const std::string& name) const {
    std::int64_t value = 0;
    restore(value, part("state", name), where_ + ": " + name);
    return value;
  }
  void tensor(const std::string& prefix, const model::Parameter& layout, std::span<float> storage) {
    const std::string name = prefix + layout.name();
    if (!apply) {
      tensors.push_back({.name = name, .shape = layout.file_shape()});
    } else {
      rows_.resize(static_cast<std::size_t>(layout.count()));
      file_->read(name, layout.file_shape(), rows_);
      layout.from_file(rows_, storage);
    }
  }

 private:
  const Json& part(const char* section, const std::string& name) const {
    require(json_->contains(section) && (*json_)[section].contains(name), where_, ": field \"",
            section, ".", name, "\" is missing");
    return (*json_)[section][name];
  }

  const Json* json_;
  std::string where_;
  const Safetensors* file_;
  std::vector<float> rows_;
};

}  // namespace detail

// Writes what visit(v) lists to a new checkpoint of the run. Returns when it is on the disk.
template <class Visit>
void save_run(RunFolders& run, std::int64_t step, Visit&& visit) {
  detail::RunWriter state;
  visit(state);
  run.save(step, [&](const std::filesystem::path& folder) {
    SafetensorsWriter file(folder / "run.safetensors", state.tensors);
    state.file = &file;
    visit(state);
    file.commit();
    const auto target = folder / RunFolders::marker;
    write_file(target, json_text(state.json, target.string(), 1) + "\n");
  });
}

// Reads a checkpoint of save_run into what visit(v) lists. On an error nothing has changed.
template <class Visit>
void load_run(const std::filesystem::path& folder, Visit&& visit) {
  const std::string where = (folder / RunFolders::marker).string();
  const Json json = read_json(where);
  require(json.is_object(), where, ": expected a JSON object");
  const Json format = json.value("format", Json());
  require(format == run_format, where, ": field \"format\" is ", format.dump(), ", expected \"",
          run_format, "\"");
  const Safetensors file(folder / "run.safetensors");
  detail::RunReader state(json, where, file);
  visit(state);
  check_tensors(file, state.tensors);
  state.apply = true;
  visit(state);
}

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
