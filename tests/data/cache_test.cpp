#include "hone/data/cache.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "hone/data/stage.hpp"
#include "support.hpp"

namespace {

using namespace hone;
using namespace hone::data;
namespace fs = std::filesystem;

class Cache : public testing::Test {
 protected:
  void SetUp() override {
    folder = fs::path(testing::TempDir()) /
             ("hone_cache_" +
              std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder);
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  static Store sample() {
    std::vector<Record> records;
    for (int i = 0; i < 50; ++i) {
      Record r = preference(static_cast<std::uint64_t>(i), "prompt " + std::to_string(i),
                            std::string(static_cast<std::size_t>(i % 9 + 1), 'c'), "rejected");
      r.columns.set("answer", std::int64_t{i});
      records.push_back(r);
    }
    return prepare(records, Rankings{.max_tokens = 20, .min_difference = 0.5f}, Format{},
                   data_test::bytes);
  }

  static std::string all_bytes(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void put(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  }

  fs::path folder;
};

void expect_equal(const Store& a, const Store& b) {
  ASSERT_EQ(a.size(), b.size());
  EXPECT_EQ(a.tally(), b.tally());
  EXPECT_EQ(a.min_difference(), b.min_difference());
  for (std::uint64_t t = 0; t < a.size(); ++t) {
    ASSERT_EQ(a.id(t), b.id(t));
    ASSERT_EQ(a.info(t), b.info(t));
    const auto x = a.nodes(t), y = b.nodes(t);
    ASSERT_TRUE(std::equal(x.begin(), x.end(), y.begin(), y.end()));
    for (std::size_t n = 0; n < x.size(); ++n) {
      const auto p = a.tokens(x[n]), q = b.tokens(y[n]);
      ASSERT_TRUE(std::equal(p.begin(), p.end(), q.begin(), q.end()));
    }
  }
}

TEST_F(Cache, GivesBackWhatWasSaved) {
  const Store store = sample();
  const Fingerprint key = Fingerprint().add("test", "one");
  save(store, folder / "a.trees", key);
  expect_equal(open(folder / "a.trees", key), store);
  EXPECT_THROW(open(folder / "a.trees", Fingerprint().add("test", "two")), Error);

  const Store prompts = prepare(std::vector<Record>{demonstration(1, "p", "a")}, Prompts{},
                                Format{}, data_test::bytes);
  save(prompts, folder / "b.trees", key);
  expect_equal(open(folder / "b.trees"), prompts);
  const Store nothing = StoreBuilder().finish();
  save(nothing, folder / "c.trees", key);
  EXPECT_EQ(open(folder / "c.trees").size(), 0u);
}

TEST_F(Cache, MakesOnceThenMaps) {
  int made = 0;
  const auto make = [&] {
    ++made;
    return sample();
  };
  const Fingerprint key = Fingerprint().add("stage", Rankings{}).add("seed", 1);
  const Store first = cached(folder / "sub", key, make);
  const Store second = cached(folder / "sub", key, make);
  EXPECT_EQ(made, 1);
  expect_equal(first, second);
  cached(folder / "sub", Fingerprint().add("stage", Rankings{.max_tokens = 9}).add("seed", 1),
         make);
  EXPECT_EQ(made, 2);

  // A file that was damaged is made anew.
  const fs::path path = folder / "sub" / (key.name() + ".trees");
  put(path, all_bytes(path).substr(0, 500));
  expect_equal(cached(folder / "sub", key, make), sample());
  EXPECT_EQ(made, 3);
  for (const auto& entry : fs::directory_iterator(folder / "sub"))
    EXPECT_EQ(entry.path().extension(), ".trees") << entry.path();
}

TEST_F(Cache, RefusesEveryDamagedFileWithItsName) {
  const Fingerprint key;
  const fs::path path = folder / "x.trees";
  save(sample(), path, key);
  const std::string good = all_bytes(path);
  const std::uint64_t trees = detail::aligned(sizeof(detail::StoreHeader));
  int refused = 0, accepted = 0;
  for (std::size_t length = 0; length < good.size(); length += 97) {
    put(path, good.substr(0, length));
    EXPECT_THROW(open(path), Error) << "cut to " << length;
  }
  for (std::size_t at = 0; at < good.size(); at += 3) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0xFF);
    put(path, bad);
    try {
      const Store store = open(path);
      ++accepted;  // a token, a score, a text: then every access must still be in bounds
      for (std::uint64_t t = 0; t < store.size(); ++t) {
        for (const Node& n : store.nodes(t))
          for (const Token token : store.tokens(n)) (void)token;
        try {
          store.info(t);
        } catch (const Error&) {
        }
      }
    } catch (const Error& e) {
      ++refused;
      EXPECT_NE(std::string(e.what()).find("x.trees"), std::string::npos) << e.what();
    }
  }
  EXPECT_GT(refused, static_cast<int>((trees + 50 * 24) / 3 / 4)) << accepted << " accepted";
}

TEST_F(Cache, AFullDiskLeavesNothingBehind) {
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1000, old.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  std::string message;
  try {
    cached(folder, Fingerprint(), [] { return sample(); });
  } catch (const Error& e) {
    message = e.what();
  }
  setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_NE(message.find(Fingerprint().name() + ".trees: cannot be written"), std::string::npos)
      << message;
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST(Fingerprint, TellsApartWhatDiffers) {
  const auto name = [](const auto&... parts) {
    Fingerprint f;
    (f.add("part", parts), ...);
    return f.name();
  };
  EXPECT_EQ(name(1, "a"), name(1, "a"));
  EXPECT_EQ(name(1, "a").size(), 32u);
  EXPECT_NE(name(1, "a"), name("a", 1));
  EXPECT_NE(name("ab", "c"), name("a", "bc"));
  EXPECT_NE(name(""), name());
  EXPECT_NE(name(0.1), name(0.1f));
  EXPECT_NE(name(std::vector<double>{8, 1, 1}), name(std::vector<double>{8, 1}));
  EXPECT_NE(name(human_assistant()), name(PromptTemplate{}));
  EXPECT_NE(name(Demonstrations{}), name(Demonstrations{.turns = Turns::last}));
  EXPECT_NE(name(Prompts{}), name(Prompts{.begin = 0}));
  EXPECT_NE(name(Blocks{}), name(Blocks{.join = false}));
  EXPECT_NE(name(Rankings{}), name(Rankings{.need_pair = false}));
}

}  // namespace
