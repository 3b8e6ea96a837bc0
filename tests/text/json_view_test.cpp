#include "hone/text/json_view.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace {

using namespace hone::text;

template <class F>
std::string error_of(const F& f) {
  try {
    f();
  } catch (const hone::Error& error) {
    return error.what();
  }
  return "";
}

TEST(JsonView, NamesThePlace) {
  const auto json = parse_json(
      R"({"a": {"b": [1, "x", true, null, -3, 18446744073709551615]}, "s": "t"})", "f.json");
  const JsonView root(json, "f.json");
  EXPECT_EQ(root["s"].string(), "t");
  EXPECT_EQ(root["a"]["b"].element(0).integer(0, 5), 1);
  EXPECT_EQ(root["a"]["b"].element(4).integer(-5, 5), -3);
  EXPECT_TRUE(root["a"]["b"].element(2).boolean());
  EXPECT_EQ(root["a"]["b"].size(), 6u);
  EXPECT_FALSE(root.find("zz"));
  EXPECT_EQ(root.string_or("zz", "d"), "d");
  EXPECT_TRUE(root.boolean_or("zz", true));
  EXPECT_EQ(error_of([&] { root["zz"]; }), "f.json: field \"zz\" is missing");
  EXPECT_EQ(error_of([&] { root["a"]["zz"]; }), "f.json: a: field \"zz\" is missing");
  EXPECT_EQ(error_of([&] { root["a"].string(); }), "f.json: a is object, expected a string");
  EXPECT_EQ(error_of([&] { root["s"]["x"]; }), "f.json: s is string, expected an object");
  EXPECT_EQ(error_of([&] { root["a"]["b"].element(6); }),
            "f.json: a.b has 6 elements, expected more than 6");
  EXPECT_EQ(error_of([&] { root["a"]["b"].element(1).integer(0, 5); }),
            "f.json: a.b[1] is string, expected a whole number");
  EXPECT_EQ(error_of([&] { root["a"]["b"].element(4).integer(0, 5); }),
            "f.json: a.b[4] is -3, expected 0 to 5");
  EXPECT_EQ(error_of([&] { root["a"]["b"].element(5).integer(-9, 5); }),
            "f.json: a.b[5] is 18446744073709551615, expected -9 to 5");
}

TEST(WriteFile, ReplacesAsAWhole) {
  const auto path =
      std::filesystem::path(testing::TempDir()) / ("hone_write_file_" + std::to_string(::getpid()));
  write_file(path, "one");
  write_file(path, "two");
  EXPECT_EQ(read_file(path), "two");
  EXPECT_FALSE(std::filesystem::exists(path.string() + ".part"));
  std::filesystem::remove(path);
  EXPECT_NE(error_of([&] { read_file(path); }).find("cannot be opened for reading"),
            std::string::npos);
  EXPECT_NE(
      error_of([&] { write_file("/nonexistent/x", ""); }).find("cannot be opened for writing"),
      std::string::npos);
}

}  // namespace
