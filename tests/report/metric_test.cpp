#include "hone/report/metric.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "../support/source_folder.hpp"

namespace {

using namespace hone;

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

const std::filesystem::path root = hone_test::tests_folder().parent_path();

TEST(Metric, NamesAreUniqueAndDefined) {
  std::set<std::string_view> names;
  for (const auto& m : report::metric_table) {
    EXPECT_TRUE(names.insert(m.name).second) << m.name << " stands twice";
    EXPECT_TRUE(m.definition.ends_with('.')) << m.name;
    EXPECT_FALSE(m.label.empty()) << m.name;
    EXPECT_EQ(report::find_metric(m.name), &m);
  }
  EXPECT_EQ(report::find_metric("eval/loss"), report::find_metric("loss"));
  EXPECT_EQ(report::find_metric("user/mine"), nullptr);
  EXPECT_EQ(report::label_of("eval/rewards/accuracy"), "held-out pair accuracy");
  EXPECT_EQ(report::label_of("user/mine"), "user/mine");
}

TEST(Metric, DocsShowTheTable) {
  const std::string page = text_of(root / "docs/metrics.md");
  for (const auto& m : report::metric_table) {
    const std::string row = "| `" + std::string(m.name) + "` | " + std::string(m.label) + " | " +
                            std::string(m.unit) + " | " + std::string(m.definition) + " |";
    EXPECT_NE(page.find(row), std::string::npos) << "docs/metrics.md lacks the row\n" << row;
  }
}

// Whatever a header of the library reports stands in the table.
TEST(Metric, EveryReportedNameIsDefined) {
  const std::regex set(R"rx(\.set\(\s*"([a-z_/]+)")rx");
  int found = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / "include/hone")) {
    if (entry.path().extension() != ".hpp") continue;
    const std::string text = text_of(entry.path());
    if (text.find("Report") == std::string::npos) continue;
    for (std::sregex_iterator m(text.begin(), text.end(), set), end; m != end; ++m) {
      ++found;
      EXPECT_NE(report::find_metric((*m)[1].str()), nullptr)
          << entry.path() << " reports \"" << (*m)[1]
          << "\", which report/metric.hpp does not define";
    }
  }
  EXPECT_GT(found, 10);
}

}  // namespace
