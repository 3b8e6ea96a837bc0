// Human ratings of texts, and the preferences that follow from them.
//
// The file format is that of Hutto and Gilbert's ground truth ("VADER: a parsimonious rule-based
// model for sentiment analysis of social media text", ICWSM 2014): one text a line, id TAB mean
// rating TAB text.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/data/record.hpp"
#include "hone/data/shuffle.hpp"

namespace hone {
inline namespace v0 {
namespace data {

struct Rating {
  std::uint64_t id = 0;
  float mean = 0.0f;  // over the people who rated the text
  std::string text = {};
  bool operator==(const Rating&) const = default;
};

// Reads such a file; every line is checked, errors name file and line.
inline std::vector<Rating> read_ratings(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  require(in.is_open(), path, ": cannot be read");
  std::vector<Rating> out;
  std::unordered_set<std::uint64_t> seen;
  std::string line;
  for (std::uint64_t number = 1; std::getline(in, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) continue;
    const std::size_t first = line.find('\t');
    const std::size_t second = first == std::string::npos ? first : line.find('\t', first + 1);
    require(second != std::string::npos, path, ":", number, ": the line has ",
            first == std::string::npos ? "no tab" : "one tab", ", expected id TAB mean TAB text");
    Rating r;
    const auto whole = [&](auto& value, std::size_t begin, std::size_t end, const char* field,
                           const char* expected) {
      const auto got = std::from_chars(line.data() + begin, line.data() + end, value);
      require(got.ec == std::errc() && got.ptr == line.data() + end, path, ":", number, ": ", field,
              " is \"", std::string_view(line).substr(begin, end - begin), "\", expected ",
              expected);
    };
    whole(r.id, 0, first, "the id", "a whole number");
    whole(r.mean, first + 1, second, "the mean rating", "a number");
    require(std::isfinite(r.mean), path, ":", number, ": the mean rating is ", r.mean,
            ", expected a number");
    r.text = line.substr(second + 1);
    require(seen.insert(r.id).second, path, ":", number, ": id ", r.id, " occurs twice");
    out.push_back(std::move(r));
  }
  require(!in.bad(), path, ": cannot be read");
  require(!out.empty(), path, ": holds no rating");
  return out;
}

// `count` random pairs {better, worse} of indices whose means differ by more than min_difference,
// no pair twice. Throws when there are not so many.
struct RatedPairs {
  std::uint64_t count = 1000;
  float min_difference = 1.0f;
  std::uint64_t seed = 0;

  std::vector<std::array<std::uint64_t, 2>> operator()(const std::vector<Rating>& ratings) const {
    RandomStream random = random_stream(Stream::pairs, seed);
    std::vector<std::array<std::uint64_t, 2>> out;
    std::unordered_set<std::uint64_t> seen;
    const std::uint64_t n = ratings.size();
    for (std::uint64_t tries = 0; out.size() < count; ++tries) {
      require(n > 1 && tries < 100 * count + 10000, "RatedPairs: found ", out.size(), " pairs of ",
              n, " texts that differ by more than ", min_difference, ", expected ", count);
      std::uint64_t better = random.below(n), worse = random.below(n);
      if (ratings[better].mean < ratings[worse].mean) std::swap(better, worse);
      if (!(ratings[better].mean - ratings[worse].mean > min_difference)) continue;
      if (seen.insert(better * n + worse).second) out.push_back({better, worse});
    }
    return out;
  }
};

// Groups of `size` texts as ranked answers to one prompt: a record holds every comparison within
// its group, size(size-1)/2 of them before near ties are left out. Each text stands in `passes`
// groups, other ones each time; what does not fill a group is left out of that pass.
struct RankedGroups {
  std::uint64_t size = 16;
  std::uint64_t passes = 1;
  std::string prompt = {};
  std::uint64_t seed = 0;

  std::vector<Record> operator()(const std::vector<Rating>& ratings) const {
    require(size >= 2, "RankedGroups: size is ", size, ", expected at least 2");
    std::vector<Record> out;
    for (std::uint64_t pass = 0; pass < passes; ++pass) {
      const auto order = permutation(ratings.size(), seed, pass);
      for (std::uint64_t at = 0; at + size <= order.size(); at += size) {
        Record record{.id = out.size(), .shape = Shape::ranked, .prompt = {.text = prompt}};
        for (std::uint64_t i = at; i < at + size; ++i)
          record.answers.push_back(
              {.content = {.text = ratings[order[i]].text}, .score = ratings[order[i]].mean});
        out.push_back(std::move(record));
      }
    }
    return out;
  }
};

// A text as the answer to a prompt, for stage 1.
inline Record demonstration(const Rating& rating, std::string prompt = {}) {
  return demonstration(rating.id, std::move(prompt), rating.text);
}

// Two texts as a preference for the better rated one.
inline Record preference(const Rating& better, const Rating& worse, std::string prompt = {}) {
  return preference(mix(better.id, worse.id), std::move(prompt), better.text, worse.text);
}

// The first `count` words of a text, for prompts that the model is to continue.
inline std::string first_words(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  for (std::size_t words = 0; words < count; ++words) {
    const std::size_t word = text.find_first_not_of(' ', at);
    if (word == std::string_view::npos) break;
    at = std::min(text.find(' ', word), text.size());
  }
  return std::string(text.substr(0, at));
}

}  // namespace data
}  // namespace v0
}  // namespace hone
