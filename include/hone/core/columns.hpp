// Named values that travel with a record from its file to a reward: the reference answer of a sum,
// the unit tests of a program, the name of a task.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {

// A list or an object of a record, kept as the JSON text that it came as.
struct JsonText {
  std::string text = {};
  bool operator==(const JsonText&) const = default;
};

// A value: absent (null), a truth value, a whole number, a number, text, or anything nested.
using Cell = std::variant<std::monostate, bool, std::int64_t, double, std::string, JsonText>;

inline std::string_view kind_of(const Cell& cell) {
  constexpr std::string_view kinds[] = {"null",     "a truth value", "a whole number",
                                        "a number", "a text",        "a list or an object"};
  return kinds[cell.index()];
}

// Values by name, in the order in which they were set. The accessors throw an Error that names the
// column, what it holds and what was expected, or the columns that exist.
class Columns {
 public:
  using Named = std::pair<std::string, Cell>;

  // Adds the column, or replaces the one of that name.
  void set(std::string_view name, Cell value) {
    for (Named& c : cells_)
      if (c.first == name) {
        c.second = std::move(value);
        return;
      }
    cells_.emplace_back(std::string(name), std::move(value));
  }

  const Cell* find(std::string_view name) const {
    for (const Named& c : cells_)
      if (c.first == name) return &c.second;
    return nullptr;
  }
  bool has(std::string_view name) const { return find(name) != nullptr; }

  const Cell& at(std::string_view name) const {
    const Cell* cell = find(name);
    if (!cell) fail("column \"", name, "\" is missing, expected one of: ", names());
    return *cell;
  }

  const std::string& text(std::string_view name) const {
    const Cell& cell = at(name);
    if (const auto* s = std::get_if<std::string>(&cell)) return *s;
    fail("column \"", name, "\" is ", kind_of(cell), ", expected a text");
  }

  double number(std::string_view name) const {
    const Cell& cell = at(name);
    if (const auto* i = std::get_if<std::int64_t>(&cell)) return static_cast<double>(*i);
    if (const auto* d = std::get_if<double>(&cell)) return *d;
    fail("column \"", name, "\" is ", kind_of(cell), ", expected a number");
  }

  bool flag(std::string_view name) const {
    const Cell& cell = at(name);
    if (const auto* b = std::get_if<bool>(&cell)) return *b;
    fail("column \"", name, "\" is ", kind_of(cell), ", expected true or false");
  }

  auto begin() const { return cells_.begin(); }
  auto end() const { return cells_.end(); }
  std::size_t size() const { return cells_.size(); }
  bool empty() const { return cells_.empty(); }
  bool operator==(const Columns&) const = default;

 private:
  std::string names() const {
    std::string all;
    for (const Named& c : cells_) all += (all.empty() ? "" : ", ") + c.first;
    return all.empty() ? "(the record has none)" : all;
  }

  std::vector<Named> cells_;
};

}  // namespace v0
}  // namespace hone
