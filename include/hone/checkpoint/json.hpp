// JSON files and their fields, with errors that name the place.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "hone/checkpoint/mapped_file.hpp"
#include "hone/core/error.hpp"
#include "hone/text/parse_json.hpp"

namespace hone {
inline namespace v0 {
namespace checkpoint {

using Json = nlohmann::json;

// A name from a file as it may stand in a message: in quotes, cut, without control characters.
inline std::string in_quotes(std::string_view name) {
  constexpr std::size_t limit = 120;
  std::string out = "\"";
  for (char c : name.substr(0, limit)) {
    const auto u = static_cast<unsigned char>(c);
    if (u < 0x20 || u == 0x7f || c == '"' || c == '\\') {
      constexpr std::string_view digits = "0123456789abcdef";
      out += {'\\', 'x', digits[u >> 4], digits[u & 15]};
    } else {
      out += c;
    }
  }
  return out + (name.size() > limit ? "...\"" : "\"");
}

using text::max_json_depth;
using text::parse_json;

inline Json read_json(const std::filesystem::path& path) {
  const MappedFile file(path);
  return parse_json(file.text(), file.name());
}

// The text of a value; strings that are not UTF-8 (a path, say) are an error that names the file.
inline std::string json_text(const Json& value, const std::string& where, int indent = -1) {
  try {
    return value.dump(indent);
  } catch (const Json::exception&) {
    fail(where, ": cannot be written as JSON: a string is not valid UTF-8");
  }
}

// The fields of one JSON object, read with a type, a default and an error that names the field.
// A field may go by several names; the first that is present counts. null reads as absent.
class Fields {
 public:
  using Names = std::initializer_list<const char*>;

  Fields(const Json& object, std::string where) : object_(&object), where_(std::move(where)) {
    require(object.is_object(), where_, ": is ", object.type_name(), ", expected a JSON object");
  }

  const std::string& where() const { return where_; }

  // The value, or nullptr where the field is absent or null.
  const Json* find(Names names) const {
    for (const char* name : names) {
      const auto it = object_->find(name);
      if (it != object_->end()) return it->is_null() ? nullptr : &*it;
    }
    return nullptr;
  }
  bool is_null(const char* name) const {
    const auto it = object_->find(name);
    return it != object_->end() && it->is_null();
  }

  // Whole numbers; 4096.0 counts as one.
  std::optional<std::int64_t> integer(Names names) const {
    const Json* v = find(names);
    if (!v) return std::nullopt;
    if (v->is_number_unsigned() && v->get<std::uint64_t>() <= INT64_MAX)
      return v->get<std::int64_t>();
    if (v->is_number_integer() && !v->is_number_unsigned()) return v->get<std::int64_t>();
    if (v->is_number_float()) {
      const double x = v->get<double>();
      if (x == std::floor(x) && std::abs(x) < 9e15) return static_cast<std::int64_t>(x);
    }
    wrong(names, *v, "a whole number");
  }
  std::int64_t integer(Names names, std::int64_t absent) const {
    return integer(names).value_or(absent);
  }

  std::optional<double> number(Names names) const {
    const Json* v = find(names);
    if (!v) return std::nullopt;
    if (!v->is_number()) wrong(names, *v, "a number");
    return v->get<double>();
  }
  double number(Names names, double absent) const { return number(names).value_or(absent); }

  bool boolean(Names names, bool absent) const {
    const Json* v = find(names);
    if (!v) return absent;
    if (!v->is_boolean()) wrong(names, *v, "true or false");
    return v->get<bool>();
  }

  std::optional<std::string> text(Names names) const {
    const Json* v = find(names);
    if (!v) return std::nullopt;
    if (!v->is_string()) wrong(names, *v, "a string");
    return v->get<std::string>();
  }

  // A list of strings; empty where absent.
  std::vector<std::string> texts(Names names) const {
    std::vector<std::string> out;
    const Json* v = find(names);
    if (!v) return out;
    if (!v->is_array()) wrong(names, *v, "a list of strings");
    for (const Json& item : *v) {
      if (!item.is_string()) wrong(names, item, "a list of strings");
      out.push_back(item.get<std::string>());
    }
    return out;
  }

  // A whole number or a list of them, as eos_token_id comes; empty where absent.
  std::vector<std::int64_t> integers(Names names) const {
    const Json* v = find(names);
    if (!v) return {};
    if (!v->is_array()) return {*integer(names)};
    std::vector<std::int64_t> out;
    for (const Json& item : *v) {
      if (!item.is_number_integer()) wrong(names, item, "a list of whole numbers");
      out.push_back(item.get<std::int64_t>());
    }
    return out;
  }

  // A token's id; -1 where it is absent, null or -1, which all mean that there is none.
  std::int64_t id(const char* name) const {
    const std::int64_t value = integer({name}, -1);
    if (value < -1 || value > INT32_MAX) refuse(name, "is ", value, ", expected a token's id");
    return value;
  }

  // One id or a list of them, as eos_token_id comes.
  std::vector<std::int64_t> ids(const char* name) const {
    const Json* v = find({name});
    if (v && !v->is_array() && id(name) == -1) return {};
    std::vector<std::int64_t> out = integers({name});
    for (std::int64_t value : out)
      if (value < 0 || value > INT32_MAX) refuse(name, "is ", value, ", expected a token's id");
    return out;
  }

  // Throws an error about a field.
  template <class... Parts>
  [[noreturn]] void refuse(const char* name, const Parts&... parts) const {
    fail(where_, ": field \"", name, "\" ", parts...);
  }

 private:
  [[noreturn]] void wrong(Names names, const Json& value, const char* expected) const {
    for (const char* name : names)
      if (object_->contains(name))
        fail(where_, ": field \"", name, "\" is ", brief(value), ", expected ", expected);
    fail(where_, ": is ", brief(value), ", expected ", expected);
  }

  static std::string brief(const Json& value) {
    if (value.is_string()) return in_quotes(value.get_ref<const std::string&>());
    if (value.is_primitive()) return value.dump();
    return std::string("an ") + value.type_name();
  }

  const Json* object_;
  std::string where_;
};

}  // namespace checkpoint
}  // namespace v0
}  // namespace hone
