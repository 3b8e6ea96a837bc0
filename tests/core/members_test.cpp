#include "hone/core/members.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "hone/core/type_name.hpp"

namespace hone {
namespace {

struct Inner {
  float lambda = 0.5f;
};
template <class T>
struct Outer {
  int first_one = 1;
  T inner{};
  std::optional<Inner> maybe = {};
  std::vector<std::string> names = {};
  bool operator==(const Outer&) const = default;
};
struct Empty {
  [[maybe_unused]] static constexpr int level = 3;
};
class Closed {
 public:
  Closed() = default;

 private:
  int secret_ = 0;
};

template <class T>
std::vector<std::string> names_of(const T& object) {
  std::vector<std::string> out;
  for_each_member(object, [&](std::string_view name, const auto&) { out.emplace_back(name); });
  return out;
}

TEST(Members, NamesInTheOrderOfDeclaration) {
  EXPECT_EQ(names_of(Outer<Inner>{}),
            (std::vector<std::string>{"first_one", "inner", "maybe", "names"}));
  EXPECT_EQ(names_of(Empty{}), std::vector<std::string>{});
  static_assert(has_members<Outer<int>> && has_members<Empty>);
  static_assert(!has_members<Closed> && !has_members<int> && !has_members<std::string>);
}

TEST(Members, ValuesAreTheObjectsOwn) {
  Outer<Inner> object;
  for_each_member(object, [](std::string_view name, auto& member) {
    if constexpr (std::is_same_v<decltype(member), int&>)
      if (name == "first_one") member = 7;
  });
  EXPECT_EQ(object.first_one, 7);
}

TEST(Members, ClosuresAndLocalTypesToo) {
  int captured = 3;
  const auto closure = [&captured](int x) { return captured + x; };
  struct Local {
    int a = 1, b = 2;
  };
  EXPECT_EQ(names_of(Outer<decltype(closure)>{.inner = closure}).size(), 4u);
  EXPECT_EQ(names_of(Local{}), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(closure(1), 4);
}

TEST(TypeName, IsShortAndTheSameFromEveryCompiler) {
  EXPECT_EQ(type_name<Outer<std::vector<Inner>>>, "Outer");
  EXPECT_EQ(type_name<Inner>, "Inner");
  EXPECT_EQ(type_name<int>, "int");
  const auto closure = [](const std::vector<int>& x) { return x.size(); };
  EXPECT_EQ(type_name<std::remove_const_t<decltype(closure)>>, "lambda");
  struct Local {};
  EXPECT_EQ(type_name<Local>, "Local");
}

}  // namespace
}  // namespace hone
