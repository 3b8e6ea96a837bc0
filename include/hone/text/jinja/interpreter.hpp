// Renders the tree of a template with given variables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/text/jinja/arithmetic.hpp"
#include "hone/text/jinja/builtins.hpp"
#include "hone/text/jinja/syntax.hpp"

namespace hone {
inline namespace v0 {
namespace text {
namespace jinja {

class Interpreter {
 public:
  // `where` is named in errors. `budget` bounds the steps and the memory that a rendering may take.
  Interpreter(const Value& variables, const std::string& where, std::size_t budget)
      : where_(where), budget_(budget) {
    scopes_.resize(2);
    for (const char* function : {"namespace", "raise_exception", "range", "strftime_now", "dict"})
      scopes_[0][function] = true;  // so that it is defined
    for (const auto& [name, value] : variables.items()) scopes_[0][name] = value;
  }

  std::string run(const Block& block) {
    std::string out;
    render(block, out);
    return out;
  }

 private:
  using Scope = std::map<std::string, Value, std::less<>>;
  enum class Flow { on, leave, next };

  // A namespace() is shared by all who hold it: its value is a reference into namespaces_.
  static constexpr const char* namespace_key = "\x01namespace";
  static constexpr std::size_t bytes_per_step = 16;

  [[noreturn]] void refuse(std::size_t line, const std::string& what) const {
    fail(where_, ":", line, ": ", what);
  }

  void charge(std::size_t line, std::size_t cost) {
    if (budget_ < cost) refuse(line, "rendering takes too many steps or too much memory");
    budget_ -= cost;
  }

  // What a variable may hold.
  const Value& storable(const Value& v, std::size_t line) {
    if (extent(v).depth > 100) refuse(line, "a value is nested deeper than 100");
    return v;
  }

  Flow render(const Block& block, std::string& out) {
    for (const Statement& s : block) {
      const std::size_t before = out.size();
      charge(s.line, 1);
      const Flow flow = render(s, out);
      charge(s.line, (out.size() - before) / bytes_per_step);
      if (flow != Flow::on) return flow;
    }
    return Flow::on;
  }

  Flow render(const Statement& s, std::string& out) {
    switch (s.kind) {
      case Statement::text:
        out += s.name;
        break;
      case Statement::print:
        append_text(out, evaluate(*s.first));
        break;
      case Statement::branch:
        return render(truth(evaluate(*s.first)) ? s.body : s.otherwise, out);
      case Statement::loop:
        return loop(s, out);
      case Statement::assign:
        assign(s);
        break;
      case Statement::macro:
        macros_[s.name] = &s;
        break;
      case Statement::group:
        return render(s.body, out);
      case Statement::leave:
        return Flow::leave;
      case Statement::next:
        return Flow::next;
    }
    return Flow::on;
  }

  void bind(const Statement& s, Value value) {
    storable(value, s.line);
    if (s.targets.size() == 1) {
      scopes_.back()[s.targets[0]] = std::move(value);
      return;
    }
    const auto parts = elements(value);
    if (parts.size() != s.targets.size())
      refuse(s.line, std::to_string(parts.size()) + " values for " +
                         std::to_string(s.targets.size()) + " names");
    for (std::size_t i = 0; i < parts.size(); ++i) scopes_.back()[s.targets[i]] = parts[i];
  }

  void assign(const Statement& s) {
    Value value;
    if (s.first) {
      value = evaluate(*s.first);
    } else {
      std::string captured;
      render(s.body, captured);
      value = std::move(captured);
    }
    if (s.member.empty()) return bind(s, std::move(value));
    const Value* target = find(s.name);
    if (target == nullptr || !is_namespace(*target))
      refuse(s.line, "\"" + s.name + "\" is no namespace(), its members cannot be set");
    storable(value, s.line);
    members(*target)[s.member] = std::move(value);
  }

  Flow loop(const Statement& s, std::string& out) {
    const Value over = evaluate(*s.first);
    if (!over.is_structured() && !over.is_string() && !is_undefined(over))
      refuse(s.line, std::string(over.type_name()) + " is nothing to loop over");
    std::vector<Value> list = elements(over);
    const auto local = [&](auto&& body) {
      scopes_.emplace_back();
      struct Leave {
        std::vector<Scope>& scopes;
        ~Leave() { scopes.pop_back(); }
      } leave{scopes_};
      return body();
    };
    if (s.second) {
      std::vector<Value> kept;
      for (Value& element : list) {
        charge(s.line, 1);
        if (local([&] {
              bind(s, element);
              return truth(evaluate(*s.second));
            }))
          kept.push_back(std::move(element));
      }
      list = std::move(kept);
    }
    if (list.empty()) return render(s.otherwise, out);
    for (std::size_t i = 0; i < list.size(); ++i) {
      charge(s.line, 16);
      const Flow flow = local([&] {
        bind(s, list[i]);
        scopes_.back()["loop"] = position(list, i);
        return render(s.body, out);
      });
      if (flow == Flow::leave) break;
    }
    return Flow::on;
  }

  static Value position(const std::vector<Value>& list, std::size_t i) {
    const std::size_t n = list.size();
    Value loop{
        {"index", i + 1},  {"index0", i},        {"revindex", n - i}, {"revindex0", n - i - 1},
        {"first", i == 0}, {"last", i + 1 == n}, {"length", n}};
    if (i > 0) loop["previtem"] = list[i - 1];
    if (i + 1 < n) loop["nextitem"] = list[i + 1];
    return loop;
  }

  const Value* find(std::string_view name) const {
    for (std::size_t i = scopes_.size(); i-- > 0;) {
      const auto found = scopes_[i].find(name);
      if (found != scopes_[i].end()) return &found->second;
    }
    return nullptr;
  }

  bool is_namespace(const Value& v) const {
    if (!v.is_object() || v.size() != 1) return false;
    const auto found = v.find(namespace_key);
    return found != v.end() && found->is_number_unsigned() &&
           found->get<std::size_t>() < namespaces_.size();
  }
  Value& members(const Value& v) { return namespaces_[v[namespace_key].get<std::size_t>()]; }

  // A value that already lies somewhere, so that it need not be copied to look inside; else null.
  const Value* look(const Expression& e) {
    if (e.kind == Expression::variable) return find(e.name);
    if (e.kind != Expression::attribute && e.kind != Expression::index) return nullptr;
    Value key;
    if (e.kind == Expression::index) key = evaluate(*e.operands[1]);
    const Value* base = look(*e.operands[0]);
    if (base == nullptr) return nullptr;
    if (is_namespace(*base)) base = &members(*base);
    if (e.kind == Expression::attribute) return inside(*base, e.name);
    if (key.is_string()) return inside(*base, key.get_ref<const std::string&>());
    if (!base->is_array() || !key.is_number_integer()) return nullptr;
    const auto size = static_cast<std::int64_t>(base->size());
    std::int64_t i = key.get<std::int64_t>();
    if (i < 0) i += size;
    return i >= 0 && i < size ? &(*base)[static_cast<std::size_t>(i)] : nullptr;
  }

  static const Value* inside(const Value& v, const std::string& name) {
    if (!v.is_object()) return nullptr;
    const auto found = v.find(name);
    return found == v.end() ? nullptr : &*found;
  }

  Value evaluate(const Expression& e) {
    try {
      Value value = compute(e);
      charge(e.line, 1 + extent(value).bytes / bytes_per_step);
      return value;
    } catch (const BadValue& bad) {
      refuse(e.line, bad.what);
    }
  }

  Value compute(const Expression& e) {
    switch (e.kind) {
      case Expression::literal:
        return e.value;
      case Expression::variable: {
        const Value* found = find(e.name);
        return found == nullptr ? undefined() : *found;
      }
      case Expression::list: {
        Value list = Value::array();
        for (const ExpressionPtr& element : e.operands) list.push_back(evaluate(*element));
        return list;
      }
      case Expression::dict: {
        Value dict = Value::object();
        for (std::size_t i = 0; i < e.operands.size(); i += 2)
          dict[to_text(evaluate(*e.operands[i]))] = evaluate(*e.operands[i + 1]);
        return dict;
      }
      case Expression::attribute:
      case Expression::index:
        return part(e);
      case Expression::slicing: {
        const auto bound = [&](std::size_t i) {
          return e.operands[i] ? evaluate(*e.operands[i]) : Value(nullptr);
        };
        return slice(evaluate(*e.operands[0]), bound(1), bound(2), bound(3));
      }
      case Expression::call:
        return call(e);
      case Expression::filter: {
        const Value v = evaluate(*e.operands[0]);
        return run_filter(e.name, v, arguments(e));
      }
      case Expression::test: {
        const Value v = evaluate(*e.operands[0]);
        return run_test(e.name, v, arguments(e));
      }
      case Expression::unary: {
        const Value v = evaluate(*e.operands[0]);
        if (e.name == "not") return !truth(v);
        return e.name == "-" ? subtract(Value(0), v) : v;
      }
      case Expression::binary:
        return binary(e);
      case Expression::conditional: {
        if (truth(evaluate(*e.operands[0]))) return evaluate(*e.operands[1]);
        return e.operands[2] ? evaluate(*e.operands[2]) : undefined();
      }
    }
    return undefined();
  }

  // e.name or e[key] of a value.
  Value part(const Expression& e) {
    if (const Value* found = look(e)) return *found;
    Value base = evaluate(*e.operands[0]);
    if (is_undefined(base))
      refuse(e.line, "a part of something undefined is asked for" +
                         (e.operands[0]->name.empty() ? "" : ": " + e.operands[0]->name));
    if (is_namespace(base)) base = members(base);
    const Value key = e.kind == Expression::attribute ? Value(e.name) : evaluate(*e.operands[1]);
    if (key.is_string()) return member(base, key.get_ref<const std::string&>());
    if (!key.is_number_integer() || base.is_object()) return undefined();
    const auto list = elements(base);
    const auto size = static_cast<std::int64_t>(list.size());
    std::int64_t i = key.get<std::int64_t>();
    if (i < 0) i += size;
    return i >= 0 && i < size ? list[static_cast<std::size_t>(i)] : undefined();
  }

  Value binary(const Expression& e) {
    Value left = evaluate(*e.operands[0]);
    if (e.name == "and") return truth(left) ? evaluate(*e.operands[1]) : left;
    if (e.name == "or") return truth(left) ? left : evaluate(*e.operands[1]);
    const Value right = evaluate(*e.operands[1]);
    if (e.name == "in") return contains(right, left);
    if (e.name == "not in") return !contains(right, left);
    if (e.name == "~") return to_text(left) + to_text(right);
    Value result = operate(e.name, left, right);
    if (result.is_string()) check_size(as_text(result).size());
    return result;
  }

  Arguments arguments(const Expression& e) {
    Arguments a;
    for (std::size_t i = 1; i < e.operands.size(); ++i)
      a.positional.push_back(evaluate(*e.operands[i]));
    for (const auto& [name, value] : e.named) a.named.emplace_back(name, evaluate(*value));
    return a;
  }

  Value call(const Expression& e) {
    const Expression& callee = *e.operands[0];
    const Arguments a = arguments(e);
    if (callee.kind == Expression::attribute) {
      const Value object = evaluate(*callee.operands[0]);
      return run_method(callee.name, is_namespace(object) ? members(object) : object, a);
    }
    if (callee.kind != Expression::variable) refuse(e.line, "this cannot be called");
    if (const auto found = macros_.find(callee.name); found != macros_.end())
      return call_macro(*found->second, a, e.line);
    if (callee.name == "namespace") {
      Value fresh = Value::object();
      for (const auto& [name, value] : a.named) fresh[name] = value;
      namespaces_.push_back(std::move(fresh));
      return Value{{namespace_key, namespaces_.size() - 1}};
    }
    if (callee.name == "raise_exception")
      refuse(e.line, "the template refuses this conversation: " + to_text(a.get(0)));
    if (callee.name == "range") return range(a, e.line);
    if (callee.name == "strftime_now") return now(a.text(0));
    if (callee.name == "dict") {
      Value fresh = Value::object();
      for (const auto& [name, value] : a.named) fresh[name] = value;
      return fresh;
    }
    refuse(e.line, "\"" + callee.name + "\" is not among the functions that hone's templates know");
  }

  Value range(const Arguments& a, std::size_t line) {
    std::int64_t bounds[3] = {0, 0, 1};
    for (std::size_t i = 0; i < a.positional.size() && i < 3; ++i) {
      if (!a.positional[i].is_number_integer()) refuse(line, "range() needs whole numbers");
      bounds[i] = a.positional[i].get<std::int64_t>();
    }
    if (a.positional.size() == 1) std::swap(bounds[0], bounds[1]);
    if (bounds[2] == 0) refuse(line, "range() with steps of 0");
    Value list = Value::array();
    for (std::int64_t i = bounds[0]; bounds[2] > 0 ? i < bounds[1] : i > bounds[1];) {
      charge(line, 4);
      list.push_back(i);
      if (__builtin_add_overflow(i, bounds[2], &i)) break;
    }
    return list;
  }

  static std::string now(const std::string& format) {
    const std::time_t time = std::time(nullptr);
    std::tm local{};
    localtime_r(&time, &local);
    char buffer[256];
    return {buffer, std::strftime(buffer, sizeof buffer, format.c_str(), &local)};
  }

  // A macro sees the template's own variables and its arguments.
  Value call_macro(const Statement& macro, const Arguments& a, std::size_t line) {
    if (++calls_ > 100) refuse(line, "macros call each other more than 100 deep");
    std::vector<Scope> outer(std::make_move_iterator(scopes_.begin() + 2),
                             std::make_move_iterator(scopes_.end()));
    scopes_.resize(2);
    scopes_.emplace_back();
    for (std::size_t i = 0; i < macro.targets.size(); ++i) {
      Value value = a.get(i, macro.targets[i]);
      if (is_undefined(value) && macro.defaults[i]) value = evaluate(*macro.defaults[i]);
      scopes_.back()[macro.targets[i]] = std::move(value);
    }
    std::string out;
    render(macro.body, out);
    scopes_.resize(2);
    scopes_.insert(scopes_.end(), std::make_move_iterator(outer.begin()),
                   std::make_move_iterator(outer.end()));
    --calls_;
    return out;
  }

  const std::string& where_;
  std::size_t budget_;
  std::size_t calls_ = 0;
  std::vector<Scope> scopes_;  // the caller's variables, the template's, then one per loop
  std::vector<Value> namespaces_;
  std::map<std::string, const Statement*, std::less<>> macros_;
};

}  // namespace jinja
}  // namespace text
}  // namespace v0
}  // namespace hone
