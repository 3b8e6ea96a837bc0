// JSON lines, one record a line, in the shapes that data sets come in (see Shape).
//
// The first record decides the shape; every line is checked against it. An error names file and
// line, the field, what it holds and what was expected. Nothing is skipped but blank lines.
#pragma once

#include <fstream>
#include <istream>
#include <map>
#include <memory>
#include <optional>
#include <range/v3/view/facade.hpp>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/data/json_record.hpp"
#include "hone/data/record.hpp"

namespace hone {
inline namespace v0 {
namespace data {

struct JsonlOptions {
  // Fields of the file under hone's names: {{"question", "prompt"}, {"solution", "completion"}}.
  std::map<std::string, std::string> rename = {};
  // The shape of all records; detected from the first one when absent.
  std::optional<Shape> shape = {};
};

// The records of a JSON-lines file as an input range: read line by line, one in memory at a time.
//
//     auto good = data::JsonLines("pairs.jsonl") | ranges::views::filter(long_enough);
//
// A record's id is its field "id" (a whole number, or a text), or else its line number. No two
// records of a file have the same.
class JsonLines : public ranges::view_facade<JsonLines> {
 public:
  JsonLines() = default;
  explicit JsonLines(const std::string& path, JsonlOptions options = {})
      : JsonLines(std::make_shared<std::ifstream>(path, std::ios::binary), path,
                  std::move(options)) {
    require(static_cast<std::ifstream&>(*state_->in).is_open() && state_->started, path,
            ": cannot be read");
  }
  // From any stream; `name` stands for the file in messages.
  JsonLines(std::shared_ptr<std::istream> in, std::string name, JsonlOptions options = {})
      : state_(std::make_shared<State>()) {
    state_->in = std::move(in);
    state_->name = std::move(name);
    state_->options = std::move(options);
    if (*state_->in) {
      state_->started = true;
      next();
    }
  }

 private:
  friend ranges::range_access;

  struct State {
    std::shared_ptr<std::istream> in;
    std::string name, text;
    JsonlOptions options;
    std::optional<Record> record;
    std::uint64_t line = 0;
    std::unordered_map<std::uint64_t, std::uint64_t> line_of;  // of every id so far
    bool started = false;
  };

  const Record& read() const { return *state_->record; }
  bool equal(ranges::default_sentinel_t) const { return !state_ || !state_->record; }
  void next() {
    State& s = *state_;
    s.record.reset();
    while (std::getline(*s.in, s.text)) {
      if (++s.line == 1 && s.text.starts_with("\xEF\xBB\xBF")) s.text.erase(0, 3);
      if (s.text.find_first_not_of(" \t\r") == std::string::npos) continue;
      const detail::JsonlLine line(s.name, s.line);
      detail::JsonValue json = line.parse(s.text);
      rename(json, line);
      if (!s.options.shape) s.options.shape = detail::shape_of(json, line);
      s.record = detail::to_record(json, *s.options.shape, s.line, line);
      const auto [first, fresh] = s.line_of.emplace(s.record->id, s.line);
      if (!fresh) refuse_id(json, line, first->second);
      return;
    }
    require(!s.in->bad(), s.name, ":", s.line + 1, ": cannot be read");
  }
  // What is known of a prompt is found by its id: two records with one would be taken for each
  // other.
  [[noreturn]] static void refuse_id(const detail::JsonValue& json, const detail::JsonlLine& line,
                                     std::uint64_t first) {
    const auto id = json.find("id");
    line.refuse("field \"id\" is ",
                id == json.end() ? "absent, which means the line number" : id->dump(),
                ", the id of line ", first, " as well; expected an id of its own");
  }
  void rename(detail::JsonValue& json, const detail::JsonlLine& line) const {
    for (const auto& [from, to] : state_->options.rename) {
      const auto at = json.find(from);
      if (at == json.end()) continue;
      if (json.contains(to))
        line.refuse("field \"", from, "\" is to be read as \"", to, "\", which exists as well");
      detail::JsonValue value = std::move(*at);
      json.erase(from);
      json[to] = std::move(value);
    }
  }

  std::shared_ptr<State> state_;
};

// All records of a file.
inline std::vector<Record> read_jsonl(const std::string& path, JsonlOptions options = {}) {
  std::vector<Record> records;
  for (const Record& record : JsonLines(path, std::move(options))) records.push_back(record);
  require(!records.empty(), path, ": holds no record");
  return records;
}

}  // namespace data
}  // namespace v0
}  // namespace hone
