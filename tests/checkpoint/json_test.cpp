#include "hone/checkpoint/json.hpp"

#include "support.hpp"

namespace {

using namespace checkpoint_test;

TEST(Json, QuotesNamesSafely) {
  EXPECT_EQ(in_quotes("a.b"), "\"a.b\"");
  EXPECT_EQ(in_quotes(std::string("a\n\x1b[0m\"\\\0b", 10)), "\"a\\x0a\\x1b[0m\\x22\\x5c\\x00b\"");
  EXPECT_EQ(in_quotes(std::string(1000, 'x')), "\"" + std::string(120, 'x') + "...\"");
}

TEST(Fields, ReadWithTypeDefaultAndPlace) {
  const Json json = parse_json(
      R"({"i": 7, "f": 4096.0, "x": 0.5, "big": 18446744073709551615, "neg": -3, "s": "text",
          "t": true, "n": null, "l": [1, 2], "ls": ["a", "b"], "m": [1, "a"]})",
      "c.json");
  const Fields f(json, "c.json");
  EXPECT_EQ(f.integer({"i"}, 1), 7);
  EXPECT_EQ(f.integer({"f"}, 1), 4096);
  EXPECT_EQ(f.integer({"neg"}, 1), -3);
  EXPECT_EQ(f.integer({"absent"}, 1), 1);
  EXPECT_EQ(f.integer({"n"}, 1), 1);
  EXPECT_EQ(f.integer({"absent", "i"}, 1), 7);
  EXPECT_TRUE(f.is_null("n"));
  EXPECT_FALSE(f.is_null("absent"));
  EXPECT_EQ(f.number({"x"}, 1), 0.5);
  EXPECT_EQ(f.number({"i"}, 1), 7.0);
  EXPECT_EQ(f.boolean({"t"}, false), true);
  EXPECT_EQ(f.text({"s"}), "text");
  EXPECT_EQ(f.integers({"l"}), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(f.integers({"i"}), (std::vector<std::int64_t>{7}));
  EXPECT_EQ(f.texts({"ls"}), (std::vector<std::string>{"a", "b"}));
  EXPECT_ERROR(f.integer({"x"}), "c.json: field \"x\" is 0.5, expected a whole number");
  EXPECT_ERROR(f.integer({"big"}),
               "field \"big\" is 18446744073709551615, expected a whole number");
  EXPECT_ERROR(f.integer({"s"}), "field \"s\" is \"text\", expected a whole number");
  EXPECT_ERROR(f.number({"l"}), "field \"l\" is an array, expected a number");
  EXPECT_ERROR(f.boolean({"i"}, false), "field \"i\" is 7, expected true or false");
  EXPECT_ERROR(f.text({"t"}), "field \"t\" is true, expected a string");
  EXPECT_ERROR(f.texts({"m"}), "field \"m\" is 1, expected a list of strings");
  EXPECT_ERROR(f.integers({"m"}), "field \"m\" is \"a\", expected a list of whole numbers");
  EXPECT_ERROR(Fields(json["l"], "c.json"), "c.json: is array, expected a JSON object");
}

TEST(Json, RefusesToWriteBrokenText) {
  EXPECT_EQ(json_text(Json{{"a", 1}}, "c.json"), "{\"a\":1}");
  EXPECT_ERROR(json_text(Json("\xff"), "c.json"), "c.json: cannot be written as JSON");
}

}  // namespace
