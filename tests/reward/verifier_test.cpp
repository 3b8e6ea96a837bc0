#include <gtest/gtest.h>

#include <cmath>

#include "hone/reward/answer.hpp"
#include "hone/reward/chain_sum.hpp"
#include "hone/reward/tags.hpp"

namespace {

using namespace hone;
using namespace hone::reward;

constexpr double none = -12345;

double parsed(std::string_view text) { return parse_number(text).value_or(none); }
double last(std::string_view text) { return last_number(text).value_or(none); }

TEST(Number, ParsesAWholeText) {
  EXPECT_EQ(parsed("42"), 42);
  EXPECT_EQ(parsed("  -7.5 "), -7.5);
  EXPECT_EQ(parsed("+3"), 3);
  EXPECT_EQ(parsed("\u22123"), -3);
  EXPECT_EQ(parsed("1,234,567.25"), 1234567.25);
  EXPECT_EQ(parsed("$1,000"), 1000);
  EXPECT_EQ(parsed("-$5"), -5);
  EXPECT_EQ(parsed("\\$5"), 5);
  EXPECT_EQ(parsed("50%"), 50);
  EXPECT_EQ(parsed("50\\%"), 50);
  EXPECT_EQ(parsed("42."), 42);
  EXPECT_EQ(parsed("3/4"), 0.75);
  EXPECT_EQ(parsed("-\\frac{3}{4}"), -0.75);
  EXPECT_EQ(parsed("\\dfrac{1}{-2}"), -0.5);
  EXPECT_EQ(parsed("007"), 7);
  for (const char* bad : {"", "abc", "1 2", "4x", "--3", "1/0", "\\frac{1}", "\\frac{1}{0}", ".",
                          "1,23", "-", "\\frac{\\frac{1}{2}}{3}"})
    EXPECT_EQ(parsed(bad), none) << bad;
}

TEST(Number, FindsTheLastOneInAText) {
  EXPECT_EQ(last("The answer is 42."), 42);
  EXPECT_EQ(last("12 + 7 = 19"), 19);
  EXPECT_EQ(last("so -3"), -3);
  EXPECT_EQ(last("10-5"), 5);
  EXPECT_EQ(last("(x)-5"), 5);
  EXPECT_EQ(last("x = -5"), -5);
  EXPECT_EQ(last("costs -$4.50, they say"), -4.5);
  EXPECT_EQ(last("1,234 apples"), 1234);
  EXPECT_EQ(last("take 1,23 of them"), 23) << "no group of three: two numbers";
  EXPECT_EQ(last("1, 2, and 3"), 3);
  EXPECT_EQ(last("3.14.15"), 15);
  EXPECT_EQ(last("and so ...5"), 5);
  EXPECT_EQ(last("half is .5"), 0.5);
  EXPECT_EQ(last("7 in base x2"), 7);
  EXPECT_EQ(last("\u22128"), -8);
  EXPECT_EQ(last("1234,567"), 567) << "four digits are no group";
  EXPECT_EQ(last("no number here"), none);
  EXPECT_EQ(last(""), none);
}

TEST(Number, FindsThePlaceOfAnAnswer) {
  EXPECT_EQ(last_boxed("a \\boxed{1} b \\boxed{\\frac{1}{2}} c").value(), "\\frac{1}{2}");
  EXPECT_FALSE(last_boxed("\\boxed{1"));
  EXPECT_EQ(after_hashes("work\n#### 72\n").value(), "72");
  EXPECT_FALSE(after_hashes("# 72"));
  EXPECT_EQ(in_tag("<answer>1</answer> <answer> 2 </answer>", "answer").value(), "2");
  EXPECT_FALSE(in_tag("<answer>2", "answer"));
}

Completion answer(std::string text, Cell reference) {
  Completion c{.text = std::move(text), .id = 3};
  c.columns.set("answer", std::move(reference));
  return c;
}

TEST(NumberAnswer, ComparesWithTheReference) {
  const NumberAnswer check;
  EXPECT_EQ(check(answer("It is 19.", std::int64_t{19})), 1.0f);
  EXPECT_EQ(check(answer("It is 18.", std::int64_t{19})), 0.0f);
  EXPECT_EQ(check(answer("19", std::string("19"))), 1.0f);
  EXPECT_EQ(check(answer("19.0000001", 19.0)), 1.0f);
  EXPECT_EQ(check(answer("19.01", 19.0)), 0.0f);
  EXPECT_EQ(check(answer("", std::int64_t{0})), 0.0f);
  EXPECT_EQ(check(answer("It is 0", std::int64_t{0})), 1.0f);
  EXPECT_EQ(check(answer("72", std::string("48/2 = 24, 48+24 = 72\n#### 72"))), 1.0f);
  EXPECT_EQ(check(answer("\\boxed{3/4} of 100", std::string("0.75"))), 1.0f);
  EXPECT_EQ(check(answer("3 #### 5 \\boxed{4} 6", std::int64_t{4})), 1.0f) << "the box comes first";

  const NumberAnswer strict{.find = Find::tag, .right = 2.0f, .wrong = -1.0f};
  EXPECT_EQ(strict(answer("<answer>5</answer> or 6", std::int64_t{5})), 2.0f);
  EXPECT_EQ(strict(answer("<answer>about 5</answer>", std::int64_t{5})), -1.0f);
  EXPECT_EQ(strict(answer("5", std::int64_t{5})), -1.0f);

  EXPECT_THROW(check(answer("5", std::string("no number"))), Error);
  EXPECT_THROW(check(answer("5", std::monostate{})), Error);
  EXPECT_THROW(check(Completion{.text = "5"}), Error);
}

TEST(ExactAnswer, ComparesTexts) {
  const ExactAnswer check;
  EXPECT_EQ(check(answer(" The  Capital\nis Paris. ", std::string("the capital is paris"))), 1.0f);
  EXPECT_EQ(check(answer("Paris!", std::string("Paris"))), 0.0f);
  EXPECT_EQ(check(answer("", std::string(""))), 1.0f);
  EXPECT_EQ(ExactAnswer{.strict = true}(answer("paris", std::string("Paris"))), 0.0f);
  const ExactAnswer tagged{.find = Find::tag, .tag = "a"};
  EXPECT_EQ(tagged(answer("hm <a>B</a>", std::string("b"))), 1.0f);
  EXPECT_EQ(tagged(answer("b", std::string("b"))), 0.0f);
}

TEST(Tags, AskForEveryTagInItsPlace) {
  const Tags both;
  EXPECT_TRUE(both.well_formed("<think>a</think>\n<answer>b</answer>\n"));
  EXPECT_TRUE(both.well_formed("<think></think><answer></answer>"));
  for (const char* bad :
       {"", "<think>a</think>", "<answer>b</answer><think>a</think>",
        "x<think>a</think><answer>b</answer>", "<think>a</think>x<answer>b</answer>",
        "<think>a</think><answer>b</answer>x",
        "<think>a</think><answer>b</answer><answer>c</answer>",
        "<think><think>a</think><answer>b</answer>", "<think>a</think><answer>b"})
    EXPECT_FALSE(both.well_formed(bad)) << bad;
  const Tags opened{.first_opened = true};
  EXPECT_TRUE(opened.well_formed("a</think><answer>b</answer>"));
  EXPECT_FALSE(opened.well_formed("<think>a</think><answer>b</answer>"));
  const Tags free{.names = {"think"}, .free_end = true};
  EXPECT_TRUE(free.well_formed("<think>a</think> b"));
  EXPECT_EQ(both(Completion{.text = "<think></think><answer></answer>"}), 1.0f);
}

TEST(ChainSum, TasksAreRightAndAFunctionOfTheSeed) {
  const ChainSum tasks{
      .terms_min = 2, .terms_max = 4, .digits_min = 1, .digits_max = 3, .minus = true, .seed = 4};
  const NumberAnswer check;
  int lengths[5] = {}, minuses = 0;
  for (const data::Record& r : tasks.tasks(3000)) {
    const std::string& text = r.prompt.text;
    ASSERT_TRUE(text.ends_with(" =")) << text;
    long sum = 0, terms = 0;
    char op = '+';
    const char* at = text.c_str();
    while (true) {  // the task worked out independently
      char* end = nullptr;
      const long term = std::strtol(at, &end, 10);
      ASSERT_NE(end, at) << text;
      ASSERT_LT(term, 1000);
      sum += op == '+' ? term : -term;
      ASSERT_GE(sum, 0) << text;
      ++terms;
      minuses += op == '-';
      op = end[1];
      if (op == '=') break;
      at = end + 2;
    }
    ASSERT_GE(terms, 2);
    ASSERT_LE(terms, 4);
    ++lengths[terms];
    ASSERT_EQ(r.columns.number("answer"), static_cast<double>(sum)) << text;
    Completion c{.text = r.answers[0].content.text, .columns = r.columns};
    ASSERT_EQ(check(c), 1.0f);
    c.text += "1";
    ASSERT_EQ(check(c), 0.0f);
  }
  for (int n = 2; n <= 4; ++n) EXPECT_NEAR(lengths[n], 1000, 130);
  EXPECT_GT(minuses, 1000);
  EXPECT_EQ(tasks.task(77), tasks.task(77));
  EXPECT_NE(tasks.task(77).prompt.text, ChainSum{.seed = 5}.task(77).prompt.text);
  EXPECT_THROW((ChainSum{.terms_min = 3}.task(0)), Error);
  EXPECT_THROW((ChainSum{.digits_max = 16}.task(0)), Error);
}

}  // namespace
