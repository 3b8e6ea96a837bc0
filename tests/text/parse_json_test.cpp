#include "hone/text/parse_json.hpp"

#include <gtest/gtest.h>

#include <string>

namespace {

using namespace hone::text;

std::string error_of(const std::string& text) {
  try {
    parse_json(text, "c.json");
  } catch (const hone::Error& error) {
    return error.what();
  }
  return "";
}

TEST(ParseJson, NamesTheByteWhereParsingFails) {
  EXPECT_TRUE(error_of("{\"a\": }").starts_with("c.json: byte 6: not valid JSON"));
  EXPECT_TRUE(error_of("").starts_with("c.json: byte 0: not valid JSON"));
  EXPECT_TRUE(error_of("{\"a\": 1} x").starts_with("c.json: byte 9: "));
  EXPECT_TRUE(error_of("{\"a\": \"\xff\"}").starts_with("c.json: byte 7: "));
  EXPECT_TRUE(error_of("[1e999]").starts_with("c.json: not valid JSON"));
}

TEST(ParseJson, RefusesDeepNesting) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') + "1" +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  const std::string deep = "c.json: JSON is nested deeper than 64 levels";
  EXPECT_EQ(error_of(nested(max_json_depth)), "");
  EXPECT_EQ(error_of(nested(max_json_depth + 1)), deep);
  EXPECT_EQ(error_of(std::string(3000000, '[')), deep);
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  EXPECT_EQ(error_of(objects), deep);
}

TEST(ParseJson, RefusesTextsThatNoModelHas) {
  EXPECT_EQ(error_of(std::string(max_json_bytes + 1, ' ')),
            "c.json: is 67108865 bytes long, expected at most 67108864 of JSON");
}

}  // namespace
