// A place in a JSON file that knows its name: every error says file, field, what was found and what
// was expected.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "hone/core/error.hpp"
#include "hone/text/parse_json.hpp"

namespace hone {
inline namespace v0 {
namespace text {

// The whole of a file.
inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  require(in.good(), path.string(), ": cannot be opened for reading");
  std::string content{std::istreambuf_iterator<char>(in), {}};
  require(!in.bad(), path.string(), ": reading failed");
  return content;
}

// Writes beside the file and renames: whoever reads sees the old file or the new one.
inline void write_file(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::path beside = path;
  beside += ".part";
  {
    std::ofstream out(beside, std::ios::binary | std::ios::trunc);
    require(out.good(), beside.string(), ": cannot be opened for writing");
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
    out.close();
    require(!out.fail(), beside.string(), ": writing ", content.size(), " bytes failed");
  }
  std::error_code error;
  std::filesystem::rename(beside, path, error);
  require(!error, path.string(), ": cannot be replaced: ", error.message());
}

namespace detail {

// A number as it stands, the kind of anything else: what a message says of a value.
inline std::string brief(const nlohmann::json& value) {
  return value.is_number() ? value.dump() : value.type_name();
}

}  // namespace detail

class JsonView {
 public:
  JsonView(const nlohmann::json& root, std::string file) : value_(&root), file_(std::move(file)) {}

  const nlohmann::json& value() const { return *value_; }
  std::string where() const { return path_.empty() ? file_ : file_ + ": " + path_; }
  const std::string& file() const { return file_; }

  // The member, which has to be there.
  JsonView operator[](std::string_view key) const {
    const auto found = object().find(std::string(key));
    if (found == value_->end()) fail(where(), ": field \"", key, "\" is missing");
    return {*found, file_, member(key)};
  }

  // The member if it is there and not null.
  std::optional<JsonView> find(std::string_view key) const {
    const auto found = object().find(std::string(key));
    if (found == value_->end() || found->is_null()) return std::nullopt;
    return JsonView{*found, file_, member(key)};
  }

  std::size_t size() const { return array().size(); }
  JsonView element(std::size_t i) const {
    require(i < array().size(), where(), " has ", array().size(), " elements, expected more than ",
            i);
    return {array()[i], file_, path_ + "[" + std::to_string(i) + "]"};
  }

  const nlohmann::json& object() const { return expect(value_->is_object(), "an object"); }
  const nlohmann::json& array() const { return expect(value_->is_array(), "a list"); }
  const std::string& string() const {
    return expect(value_->is_string(), "a string").get_ref<const std::string&>();
  }
  bool boolean() const { return expect(value_->is_boolean(), "true or false").get<bool>(); }
  std::int64_t integer(std::int64_t least, std::int64_t most) const {
    const std::int64_t i =
        expect(value_->is_number_integer(), "a whole number").get<std::int64_t>();
    const bool wrapped = value_->is_number_unsigned() && i < 0;
    require(!wrapped && i >= least && i <= most, where(), " is ", value_->dump(), ", expected ",
            least, " to ", most);
    return i;
  }

  // A member that may be missing or null.
  bool boolean_or(std::string_view key, bool otherwise) const {
    const auto found = find(key);
    return found ? found->boolean() : otherwise;
  }
  std::string string_or(std::string_view key, std::string otherwise) const {
    const auto found = find(key);
    return found ? found->string() : std::move(otherwise);
  }

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail(where(), ": ", parts...);
  }

 private:
  JsonView(const nlohmann::json& value, std::string file, std::string path)
      : value_(&value), file_(std::move(file)), path_(std::move(path)) {}

  std::string member(std::string_view key) const {
    return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
  }

  const nlohmann::json& expect(bool holds, const char* what) const {
    if (!holds) fail(where(), " is ", value_->type_name(), ", expected ", what);
    return *value_;
  }

  const nlohmann::json* value_;
  std::string file_;
  std::string path_;
};

}  // namespace text
}  // namespace v0
}  // namespace hone
