#include "hone/data/split.hpp"

#include <gtest/gtest.h>

#include <map>
#include <range/v3/range/conversion.hpp>
#include <set>

#include "hone/data/record.hpp"

namespace {

using namespace hone;
using data::Record;
using data::Split;

std::vector<Record> numbered(std::uint64_t count) {
  std::vector<Record> out(count);
  for (std::uint64_t i = 0; i < count; ++i) out[i].id = i;
  return out;
}

std::set<std::uint64_t> ids(const std::vector<Record>& records, const Split& split,
                            std::size_t part) {
  std::set<std::uint64_t> out;
  for (const Record& r : records | split.only(part)) out.insert(r.id);
  return out;
}

TEST(Split, DividesByTheRatiosWithoutOverlapOrLoss) {
  const auto records = numbered(20000);
  const Split split{.ratios = {8, 1, 1}, .seed = 3};
  std::set<std::uint64_t> all;
  const double expected[] = {16000, 2000, 2000};
  for (std::size_t part = 0; part < 3; ++part) {
    const auto members = ids(records, split, part);
    EXPECT_NEAR(static_cast<double>(members.size()), expected[part], 4 * 45) << "part " << part;
    all.insert(members.begin(), members.end());
  }
  EXPECT_EQ(all.size(), records.size());
}

TEST(Split, MovesNoRecordWhenOthersComeOrGo) {
  const Split split{.seed = 11};
  const auto few = ids(numbered(500), split, 1);
  const auto many = ids(numbered(5000), split, 1);
  for (const auto id : few) EXPECT_TRUE(many.count(id)) << id;
  for (const auto id : many) EXPECT_TRUE(id >= 500 || few.count(id)) << id;
  EXPECT_NE(few, ids(numbered(500), Split{.seed = 12}, 1)) << "another seed is another split";
}

TEST(Split, HonoursRatiosOfZeroAndRefusesNonsense) {
  const auto records = numbered(300);
  EXPECT_TRUE(ids(records, Split{.ratios = {1, 0, 1}}, 1).empty());
  EXPECT_EQ(ids(records, Split{.ratios = {0, 5}}, 1).size(), 300u);
  EXPECT_THROW(Split{.ratios = {1}}.only(1), Error);
  EXPECT_THROW((Split{.ratios = {0, 0}}.part(1)), Error);
  EXPECT_THROW((Split{.ratios = {-1, 2}}.part(1)), Error);
}

}  // namespace
