// How positive a text is, by the words that people rated: a judge that learns nothing.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "hone/core/completion.hpp"
#include "hone/core/error.hpp"

namespace hone {
inline namespace v0 {
namespace reward {

// Reads a lexicon: one word a line, word TAB mean rating TAB anything. The format is that of the
// VADER lexicon (Hutto and Gilbert, ICWSM 2014; ratings from -4 to 4). A word that stands twice
// keeps its last rating, as there.
inline std::unordered_map<std::string, float> read_lexicon(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  require(in.is_open(), path, ": cannot be read");
  std::unordered_map<std::string, float> words;
  std::string line;
  for (std::uint64_t number = 1; std::getline(in, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) continue;
    const std::size_t tab = line.find('\t');
    require(tab != std::string::npos, path, ":", number,
            ": the line has no tab, expected word TAB mean rating");
    const std::size_t end = std::min(line.find('\t', tab + 1), line.size());
    float mean = 0;
    const auto read = std::from_chars(line.data() + tab + 1, line.data() + end, mean);
    require(read.ec == std::errc() && read.ptr == line.data() + end && std::isfinite(mean), path,
            ":", number, ": the mean rating is \"", line.substr(tab + 1, end - tab - 1),
            "\", expected a number");
    words[line.substr(0, tab)] = mean;
  }
  require(!in.bad() && !words.empty(), path, ": holds no word");
  return words;
}

// V(text) = mean rating of the words of the text that the lexicon has; 0 if it has none. With
// `over_all_words` the sum is divided by all words, so that neutral ones dilute it.
//
// Words are what white space separates, in lower case and without the ASCII punctuation at their
// ends; where that leaves two characters or fewer, the word stays as it is (":)", "d:"). These are
// VADER's words; its rules are not applied, none looks at a word's neighbours: "not good" is as
// good as "good". That keeps the judge a mean that anybody can redo.
class Valence {
 public:
  explicit Valence(std::unordered_map<std::string, float> words, bool over_all_words = false)
      : words_(std::make_shared<const Words>(std::move(words))), over_all_words_(over_all_words) {}
  explicit Valence(const std::string& path, bool over_all_words = false)
      : Valence(read_lexicon(path), over_all_words) {}

  float operator()(std::string_view text) const {
    double sum = 0;
    std::int64_t rated = 0, all = 0;
    std::string word;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find_first_of(" \t\r\n\f\v", at), text.size());
      if (end > at) {
        ++all;
        if (const float* rating = find(text.substr(at, end - at), word)) {
          sum += *rating;
          ++rated;
        }
      }
      at = end + 1;
    }
    const std::int64_t count = over_all_words_ ? all : rated;
    return count > 0 ? static_cast<float>(sum / static_cast<double>(count)) : 0.0f;
  }

  // As a reward: of the answer without its prompt.
  float operator()(const Completion& c) const { return (*this)(c.text); }

 private:
  using Words = std::unordered_map<std::string, float>;

  const float* find(std::string_view raw, std::string& word) const {
    constexpr std::string_view punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
    const std::size_t first = raw.find_first_not_of(punctuation);
    if (first != std::string_view::npos) {
      const std::string_view bare =
          raw.substr(first, raw.find_last_not_of(punctuation) - first + 1);
      const auto characters = std::count_if(bare.begin(), bare.end(), [](char c) {
        return (static_cast<unsigned char>(c) >> 6) != 2;
      });
      if (characters > 2) raw = bare;
    }
    word.clear();
    for (const char c : raw) word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const auto at = words_->find(word);
    return at == words_->end() ? nullptr : &at->second;
  }

  std::shared_ptr<const Words> words_;
  bool over_all_words_ = false;
};

}  // namespace reward
}  // namespace v0
}  // namespace hone
