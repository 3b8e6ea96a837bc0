#include "hone/data/jsonl.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <range/v3/range/conversion.hpp>
#include <range/v3/view/filter.hpp>
#include <range/v3/view/transform.hpp>
#include <sstream>

namespace {

using namespace hone;
using data::Record;
using data::Shape;

std::vector<Record> parse(const std::string& text, data::JsonlOptions options = {}) {
  std::vector<Record> out;
  data::JsonLines lines(std::make_shared<std::istringstream>(text), "set.jsonl", options);
  for (const Record& r : lines) out.push_back(r);
  return out;
}

std::string error_of(const std::string& text, data::JsonlOptions options = {}) {
  try {
    parse(text, options);
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(Jsonl, RefusesAnIdThatStandsTwice) {
  EXPECT_EQ(error_of("{\"id\": 7, \"text\": \"a\"}\n\n{\"id\": \"x\", \"text\": \"b\"}\n"
                     "{\"id\": 7, \"text\": \"c\"}\n"),
            "set.jsonl:4: field \"id\" is 7, the id of line 1 as well; expected an id of its own");
  EXPECT_EQ(
      error_of("{\"id\": \"x\", \"text\": \"a\"}\n{\"id\": \"x\", \"text\": \"a\"}\n"),
      "set.jsonl:2: field \"id\" is \"x\", the id of line 1 as well; expected an id of its own");
  EXPECT_EQ(error_of("{\"id\": 2, \"text\": \"a\"}\n{\"text\": \"b\"}\n"),
            "set.jsonl:2: field \"id\" is absent, which means the line number, the id of line 1 as "
            "well; expected an id of its own");
}

TEST(Jsonl, ReadsEveryShape) {
  EXPECT_EQ(parse(R"({"text": "a b"})")[0].answers[0].content.text, "a b");

  const Record chat = parse(R"({"messages": [{"role": "user", "content": "Hi"}, )"
                            R"({"role": "assistant", "content": [{"type": "text", "text": "Hel"}, )"
                            R"({"type": "text", "text": "lo"}]}]})")[0];
  EXPECT_EQ(chat.shape, Shape::messages);
  EXPECT_EQ(chat.prompt.messages, (std::vector<Message>{{"user", "Hi"}}));
  EXPECT_EQ(chat.answers[0].content.messages, (std::vector<Message>{{"assistant", "Hello"}}));

  const Record prompt =
      parse(R"({"prompt": "2+2=", "answer": 4, "hard": false, "tags": ["sum"]})")[0];
  EXPECT_EQ(prompt.shape, Shape::prompt);
  EXPECT_TRUE(prompt.answers.empty());
  EXPECT_EQ(prompt.columns.number("answer"), 4);
  EXPECT_FALSE(prompt.columns.flag("hard"));
  EXPECT_EQ(std::get<JsonText>(prompt.columns.at("tags")).text, R"(["sum"])");

  EXPECT_EQ(parse(R"({"prompt": "p", "completion": "c"})")[0], data::demonstration(1, "p", "c"));
  EXPECT_EQ(parse(R"({"prompt": "p", "chosen": "c", "rejected": "r"})")[0],
            data::preference(1, "p", "c", "r"));

  const auto labelled = parse(
      "{\"prompt\":\"p\",\"completion\":\"c\",\"label\":true}\n"
      "{\"prompt\":\"p\",\"completion\":\"d\",\"label\":0}\n");
  EXPECT_EQ(labelled[0].shape, Shape::labelled);
  EXPECT_EQ(labelled[0].answers[0].score, 1.0f);
  EXPECT_EQ(labelled[1].answers[0].score, 0.0f);

  const Record ranked = parse(R"({"prompt":"p","answers":["x","y","z"],"ranks":[2,1,3]})")[0];
  EXPECT_EQ(data::best(data::scores(ranked)), 1);
  EXPECT_EQ(data::pairs(data::scores(ranked)),
            (std::vector<std::array<int, 2>>{{1, 0}, {0, 2}, {1, 2}}));
  const Record scored = parse(R"({"prompt":"p","answers":["x","y"],"scores":[0.5,-1]})")[0];
  EXPECT_EQ(data::scores(scored), (std::vector<float>{0.5f, -1.0f}));
}

TEST(Jsonl, TakesTheImplicitPromptOut) {
  const Record hh = parse(R"({"chosen": "\n\nHuman: Hi there\n\nAssistant: Yes, and no",)"
                          R"( "rejected": "\n\nHuman: Hi there\n\nAssistant: Yesterday"})")[0];
  EXPECT_EQ(hh.prompt.text, "\n\nHuman: Hi there\n\nAssistant:");
  EXPECT_EQ(hh.answers[0].content.text, " Yes, and no");
  EXPECT_EQ(hh.answers[1].content.text, " Yesterday");

  // One answer begins with the whole other one: neither may become empty.
  const Record prefix = parse(R"({"chosen": "a b c", "rejected": "a b"})")[0];
  EXPECT_EQ(prefix.prompt.text, "a");
  EXPECT_EQ(prefix.answers[1].content.text, " b");

  const Record same = parse(R"({"chosen": "a b", "rejected": "a b"})")[0];
  EXPECT_EQ(same.prompt.text, "a");
  EXPECT_EQ(same.answers[0].content.text, " b");

  const Record word = parse(R"({"chosen": "Paris", "rejected": "Parrot"})")[0];
  EXPECT_EQ(word.prompt.text, "");
  EXPECT_EQ(word.answers[0].content.text, "Paris");

  const Record chat = parse(
      R"({"chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"good"}],)"
      R"("rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"bad"}]})")[0];
  EXPECT_EQ(chat.prompt.messages, (std::vector<Message>{{"user", "q"}}));
  EXPECT_EQ(chat.answers[1].content.messages, (std::vector<Message>{{"assistant", "bad"}}));

  // The prompt given as text, and again at the head of both conversations.
  const Record twice = parse(
      R"({"prompt":"q","chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],)"
      R"("rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"b"}]})")[0];
  EXPECT_EQ(twice.prompt.messages, (std::vector<Message>{{"user", "q"}}));
  EXPECT_EQ(twice.answers[0].content.messages.size(), 1u);

  const Record mixed = parse(R"({"prompt":[{"role":"user","content":"q"}],"completion":"a"})")[0];
  EXPECT_EQ(mixed.answers[0].content.messages, (std::vector<Message>{{"assistant", "a"}}));
}

TEST(Jsonl, NamesThePlaceOfEveryFault) {
  const std::string good = "{\"prompt\":\"p\",\"chosen\":\"c\",\"rejected\":\"r\"}\n";
  EXPECT_EQ(error_of(good + "\n{\"prompt\":\"p\",\"chosen\":3,\"rejected\":\"r\"}\n"),
            "set.jsonl:3: field \"chosen\" is a number, expected a text or a list of messages");
  EXPECT_EQ(error_of(good + "{\"prompt\":\"p\",\"chosen\":\"c\"}"),
            "set.jsonl:2: field \"rejected\" is missing, expected it as the file's shape is "
            "preference");
  EXPECT_EQ(error_of(good + "[1, 2]"), "set.jsonl:2: the line is a list, expected an object {...}");
  EXPECT_NE(error_of(good + "{\"prompt\": \"p\", \"chosen\"").find("set.jsonl:2: not JSON: "),
            std::string::npos);
  EXPECT_NE(error_of(good + "{\"prompt\": \"p\", \"chosen\"").find("at byte 25"), std::string::npos)
      << error_of(good + "{\"prompt\": \"p\", \"chosen\"");
  EXPECT_EQ(
      error_of("{\"question\":\"p\",\"reply\":\"c\"}")
          .find("set.jsonl:1: the fields are question, reply; expected text, messages, prompt"),
      0u);
  EXPECT_EQ(error_of("{\"prompt\":\"p\",\"answers\":[\"a\",\"b\"],\"ranks\":[1]}"),
            "set.jsonl:1: field \"ranks\" has 1 entries, expected 2, one for each answer");
  EXPECT_EQ(error_of("{\"prompt\":\"p\",\"answers\":[\"a\"],\"ranks\":[\"1\"]}"),
            "set.jsonl:1: field \"ranks[0]\" is a text, expected a number");
  EXPECT_EQ(error_of("{\"prompt\":\"p\",\"completion\":\"c\",\"label\":\"yes\"}"),
            "set.jsonl:1: field \"label\" is a text, expected true or false");
  EXPECT_EQ(error_of("{\"messages\":[{\"role\":\"user\"}]}"),
            "set.jsonl:1: field \"messages[0].content\" is missing, expected a text");
  EXPECT_EQ(error_of("{\"messages\":[]}"),
            "set.jsonl:1: field \"messages\" is an empty list, expected messages");
  EXPECT_EQ(error_of("{\"text\": " + std::string(100000, '['))
                .find("set.jsonl:1: lists or objects are nested over 64 deep"),
            0u);
  EXPECT_EQ(error_of("{\"text\": \"\xFF\"}").find("set.jsonl:1: not JSON: "), 0u);
  EXPECT_EQ(error_of("{\"prompt\":\"p\",\"answers\":[\"a\"],\"scores\":[1e999]}")
                .find("set.jsonl:1: not JSON: "),
            0u);
  EXPECT_THROW(data::JsonLines("/nowhere/set.jsonl"), Error);
  EXPECT_THROW(data::JsonLines("/tmp"), Error);
}

TEST(Jsonl, KeepsIdsBlankLinesAndForeignLineEnds) {
  const auto records = parse(
      "\xEF\xBB\xBF{\"text\":\"a\"}\r\n\r\n{\"text\":\"b\",\"id\":77}\r\n"
      "{\"text\":\"c\",\"id\":\"n-1\"}");
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].id, 1u);
  EXPECT_EQ(records[1].id, 77u);
  EXPECT_EQ(records[2].id, data::id_of("n-1"));
  EXPECT_EQ(records[2].columns.text("id"), "n-1");
}

TEST(Jsonl, RenamesFields) {
  const data::JsonlOptions options{.rename = {{"question", "prompt"}}};
  const Record r = parse(R"({"question": "2+2", "answer": "4"})", options)[0];
  EXPECT_EQ(r.prompt.text, "2+2");
  EXPECT_EQ(r.columns.text("answer"), "4");
  EXPECT_EQ(error_of(R"({"question": "2+2", "prompt": "4"})", options),
            "set.jsonl:1: field \"question\" is to be read as \"prompt\", which exists as well");
}

TEST(Jsonl, IsARangeOfRecordsReadLineByLine) {
  const std::string path = testing::TempDir() + "range.jsonl";
  std::ofstream(path) << "{\"text\":\"one\"}\n{\"text\":\"three\"}\n{\"text\":\"fifteen\"}\n";
  const auto texts =
      data::JsonLines(path) |
      ranges::views::transform([](const Record& r) { return r.answers[0].content.text; }) |
      ranges::views::filter([](const std::string& s) { return s.size() > 3; }) |
      ranges::to<std::vector<std::string>>();
  EXPECT_EQ(texts, (std::vector<std::string>{"three", "fifteen"}));
  std::ofstream(path) << "\n";
  EXPECT_THROW(data::read_jsonl(path), Error);
  std::remove(path.c_str());
}

}  // namespace
