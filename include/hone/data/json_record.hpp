// One line of JSON as a record, every field checked.
//
// An error names file and line, the field, what it holds and what was expected.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/core/random.hpp"
#include "hone/data/implicit_prompt.hpp"
#include "hone/data/record.hpp"

namespace hone {
inline namespace v0 {
namespace data {

// 64 bits of a name, for ids that are texts.
inline std::uint64_t id_of(std::string_view name) {
  std::uint64_t h = name.size();
  for (const char c : name) h = mix(h, static_cast<unsigned char>(c));
  return h;
}

namespace detail {

using JsonValue = nlohmann::json;

// A line of a file while it is read: knows its place for messages.
class JsonlLine {
 public:
  JsonlLine(std::string_view file, std::uint64_t line) : file_(file), line_(line) {}

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail(file_, ":", line_, ": ", parts...);
  }

  JsonValue parse(std::string_view text) const {
    constexpr int max_depth = 64;
    const auto guard = [&](int depth, JsonValue::parse_event_t, JsonValue&) {
      if (depth > max_depth) refuse("lists or objects are nested over ", max_depth, " deep");
      return true;
    };
    try {
      JsonValue value = JsonValue::parse(text.begin(), text.end(), guard);
      if (!value.is_object()) refuse("the line is ", kind(value), ", expected an object {...}");
      return value;
    } catch (const JsonValue::parse_error& e) {
      refuse("not JSON: ", reason(e.what()), ", at byte ", e.byte, " of the line");
    } catch (const JsonValue::exception& e) {
      refuse("not JSON: ", reason(e.what()));
    }
  }

  // Text, or a list of messages.
  Content content(const JsonValue& value, const std::string& field) const {
    if (value.is_string()) return {.text = value.get<std::string>()};
    if (!value.is_array())
      refuse("field \"", field, "\" is ", kind(value), ", expected a text or a list of messages");
    if (value.empty()) refuse("field \"", field, "\" is an empty list, expected messages");
    Content out;
    for (std::size_t i = 0; i < value.size(); ++i)
      out.messages.push_back(message(value[i], field + "[" + std::to_string(i) + "]"));
    return out;
  }

  std::vector<Answer> ranked(const JsonValue& record) const {
    const JsonValue& answers = list(record, "answers");
    const char* order = record.contains("scores") ? "scores" : "ranks";
    if (!record.contains(order))
      refuse("field \"answers\" has neither \"scores\" nor \"ranks\" beside it, expected one");
    const JsonValue& numbers = list(record, order);
    if (numbers.size() != answers.size())
      refuse("field \"", order, "\" has ", numbers.size(), " entries, expected ", answers.size(),
             ", one for each answer");
    std::vector<Answer> out;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const std::string at = "[" + std::to_string(i) + "]";
      if (!numbers[i].is_number())
        refuse("field \"", order, at, "\" is ", kind(numbers[i]), ", expected a number");
      const float number = numbers[i].get<float>();
      if (!std::isfinite(number))
        refuse("field \"", order, at, "\" is ", numbers[i].dump(), ", expected a number of float");
      const bool rank = order[0] == 'r';  // rank 1 is the best answer
      out.push_back(
          {.content = content(answers[i], "answers" + at), .score = rank ? -number : number});
    }
    return out;
  }

  bool label(const JsonValue& value) const {
    if (value.is_boolean()) return value.get<bool>();
    if (value.is_number_integer() && (value == 0 || value == 1)) return value == 1;
    refuse("field \"label\" is ", kind(value), ", expected true or false");
  }

  const JsonValue& field(const JsonValue& record, const char* name, Shape shape) const {
    const auto at = record.find(name);
    if (at == record.end())
      refuse("field \"", name, "\" is missing, expected it as the file's shape is ",
             name_of(shape));
    return *at;
  }

  static Cell cell(const JsonValue& value) {
    if (value.is_null()) return std::monostate{};
    if (value.is_boolean()) return value.get<bool>();
    if (value.is_number_unsigned() && value.get<std::uint64_t>() > (~std::uint64_t{0} >> 1))
      return value.get<double>();
    if (value.is_number_integer()) return value.get<std::int64_t>();
    if (value.is_number()) return value.get<double>();
    if (value.is_string()) return value.get<std::string>();
    return JsonText{value.dump()};
  }

  static std::string kind(const JsonValue& value) {
    if (value.is_null()) return "null";
    if (value.is_boolean()) return "a truth value";
    if (value.is_number()) return "a number";
    if (value.is_string()) return "a text";
    return value.is_array() ? "a list" : "an object";
  }

 private:
  const JsonValue& list(const JsonValue& record, const char* name) const {
    const JsonValue& value = field(record, name, Shape::ranked);
    if (!value.is_array()) refuse("field \"", name, "\" is ", kind(value), ", expected a list");
    return value;
  }

  Message message(const JsonValue& value, const std::string& at) const {
    if (!value.is_object())
      refuse("field \"", at, "\" is ", kind(value), ", expected {\"role\", \"content\"}");
    for (const char* name : {"tool_calls", "function_call"})
      if (value.contains(name) && !value[name].is_null())
        refuse("field \"", at, ".", name, "\" is set, expected text content only");
    return {.role = message_text(value, "role", at), .content = message_text(value, "content", at)};
  }

  std::string message_text(const JsonValue& value, const char* name, const std::string& at) const {
    const auto part = value.find(name);
    if (part == value.end()) refuse("field \"", at, ".", name, "\" is missing, expected a text");
    if (part->is_string()) return part->get<std::string>();
    if (!part->is_array())
      refuse("field \"", at, ".", name, "\" is ", kind(*part), ", expected a text");
    std::string joined;  // [{"type": "text", "text": ...}, ...]
    for (const JsonValue& piece : *part) {
      if (!piece.is_object() || piece.value("type", JsonValue()) != "text" ||
          !piece.value("text", JsonValue()).is_string())
        refuse("field \"", at, ".", name, "\" holds ", piece.dump(), ", expected text parts only");
      joined += piece["text"].get<std::string>();
    }
    return joined;
  }

  // nlohmann's sentence without its number and its own line count.
  static std::string reason(std::string_view what) {
    const std::size_t bracket = what.find("] ");
    if (bracket != std::string_view::npos) what.remove_prefix(bracket + 2);
    const std::size_t place = what.find(": ");
    if (what.starts_with("parse error at") && place != std::string_view::npos)
      what.remove_prefix(place + 2);
    return std::string(what);
  }

  std::string_view file_;
  std::uint64_t line_;
};

inline Shape shape_of(const JsonValue& record, const JsonlLine& line) {
  const auto has = [&](const char* name) { return record.contains(name); };
  if (has("chosen") || has("rejected")) return Shape::preference;
  if (has("answers")) return Shape::ranked;
  if (has("completion")) return has("label") ? Shape::labelled : Shape::completion;
  if (has("messages")) return Shape::messages;
  if (has("prompt")) return Shape::prompt;
  if (has("text")) return Shape::text;
  std::string names;
  for (const auto& item : record.items()) names += (names.empty() ? "" : ", ") + item.key();
  line.refuse("the fields are ", names.empty() ? "none" : names,
              "; expected text, messages, prompt, prompt + completion (+ label), prompt + chosen + "
              "rejected or prompt + answers + ranks; other names can be renamed (JsonlOptions)");
}

inline std::uint64_t id_of(const JsonValue& record, std::uint64_t line) {
  const auto id = record.find("id");
  if (id != record.end() && id->is_number_unsigned()) return id->get<std::uint64_t>();
  if (id != record.end() && id->is_string()) return data::id_of(id->get<std::string>());
  return line;
}

inline Record to_record(const JsonValue& json, Shape shape, std::uint64_t number,
                        const JsonlLine& line) {
  Record out{.id = id_of(json, number), .shape = shape};
  std::vector<std::string_view> used;
  const auto content = [&](const char* name) {
    used.push_back(name);
    return line.content(line.field(json, name, shape), name);
  };
  if (shape == Shape::text) {
    if (!line.field(json, "text", shape).is_string())
      line.refuse("field \"text\" is ", JsonlLine::kind(json["text"]), ", expected a text");
    out.answers.push_back({.content = content("text")});
  } else if (shape == Shape::messages) {
    if (!line.field(json, "messages", shape).is_array())
      line.refuse("field \"messages\" is ", JsonlLine::kind(json["messages"]),
                  ", expected a list of messages");
    out.prompt = content("messages");
    if (out.prompt.messages.back().role == "assistant") {
      out.answers.push_back({.content = {.messages = {out.prompt.messages.back()}}});
      out.prompt.messages.pop_back();
    }
  } else {
    if (shape != Shape::preference || json.contains("prompt")) out.prompt = content("prompt");
    if (shape == Shape::completion || shape == Shape::labelled)
      out.answers.push_back({.content = content("completion")});
    if (shape == Shape::labelled) {
      out.answers[0].score = line.label(line.field(json, "label", shape)) ? 1.0f : 0.0f;
      used.push_back("label");
    }
    if (shape == Shape::preference) {
      out.answers.push_back({.content = content("chosen"), .score = 1.0f});
      out.answers.push_back({.content = content("rejected"), .score = 0.0f});
    }
    if (shape == Shape::ranked) {
      out.answers = line.ranked(json);
      used.insert(used.end(), {"answers", "ranks", "scores"});
    }
    make_uniform(out);
    if (shape == Shape::preference && out.prompt.empty()) extract_prompt(out);
  }
  for (const auto& item : json.items())
    if (std::find(used.begin(), used.end(), item.key()) == used.end())
      out.columns.set(item.key(), JsonlLine::cell(item.value()));
  return out;
}

}  // namespace detail

}  // namespace data
}  // namespace v0
}  // namespace hone
