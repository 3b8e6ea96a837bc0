// JSON texts that may be hostile: bounded in size and depth, errors that name the byte.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace text {

inline constexpr int max_json_depth = 64;
inline constexpr std::size_t max_json_bytes = std::size_t{64} << 20;

// Parses a whole text. `where` names it in messages; depth and size are bounded, so that a hostile
// text can neither overflow the stack of whoever walks the value nor take many times its own size.
inline nlohmann::json parse_json(std::string_view text, const std::string& where) {
  using Json = nlohmann::json;
  require(text.size() <= max_json_bytes, where, ": is ", text.size(),
          " bytes long, expected at most ", max_json_bytes, " of JSON");
  const auto bounded = [&](int depth, Json::parse_event_t, Json&) {
    require(depth <= max_json_depth, where, ": JSON is nested deeper than ", max_json_depth,
            " levels");
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), bounded);
  } catch (const Json::parse_error& error) {
    fail(where, ": byte ", error.byte > 0 ? error.byte - 1 : 0, ": not valid JSON (", error.what(),
         ")");
  } catch (const Json::exception& error) {
    fail(where, ": not valid JSON (", error.what(), ")");
  }
}

}  // namespace text
}  // namespace v0
}  // namespace hone
