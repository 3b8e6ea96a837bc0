// DPO on human judgement: pairs of movie-review snippets, the one that people rated higher is
// chosen. A small Llama over words, first fine-tuned on the snippets, then prefers the better one
// of unseen pairs more often than the fine-tuned model does.
#include <gtest/gtest.h>

#include <cctype>
#include <cstdint>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "../support/goldens.hpp"
#include "hone/data/format.hpp"
#include "hone/data/loader.hpp"
#include "hone/data/ratings.hpp"
#include "hone/data/split.hpp"
#include "hone/data/stage.hpp"
#include "hone/loss/dpo.hpp"
#include "hone/loss/nll.hpp"
#include "hone/model/clone.hpp"
#include "hone/model/decoder.hpp"
#include "hone/train/offline_trainer.hpp"
#include "seeds.hpp"

namespace {

using namespace hone;
using Llama = model::Decoder<model::Llama>;

// Words in lower case, numbered in the order in which they turn up; rare ones share one number.
class Words {
 public:
  static constexpr Token begin = 0, end = 1, rare = 2;

  explicit Words(const std::vector<data::Rating>& ratings) {
    std::map<std::string, int> counts;
    for (const data::Rating& r : ratings)
      for_each(r.text, [&](const std::string& word) {
        if (++counts[word] == 3) known_.emplace(word, size());
      });
  }
  std::int64_t size() const { return static_cast<std::int64_t>(known_.size()) + 3; }

  std::vector<Token> operator()(std::string_view text) const {
    std::vector<Token> out;
    for_each(text, [&](const std::string& word) {
      const auto at = known_.find(word);
      out.push_back(at == known_.end() ? rare : static_cast<Token>(at->second));
    });
    return out;
  }

 private:
  template <class F>
  static void for_each(std::string_view text, F&& f) {
    std::string word;
    for (const char c : text) {
      const bool letter = std::isalnum(static_cast<unsigned char>(c)) || c == '\'';
      if (letter) word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      if (letter || word.empty()) continue;
      f(word);
      word.clear();
    }
    if (!word.empty()) f(word);
  }

  std::map<std::string, std::int64_t> known_;
};

// Share of a store's pairs whose better text has the higher log-probability, or, with a reference,
// the higher implicit reward: log pi / pi_ref.
double preference_accuracy(Llama& policy, Llama* reference, const data::Store& store) {
  double right = 0, count = 0;
  for (const data::Batch& batch : data::batches(store, {.trees = 8})) {
    train::SequenceRows rows;
    std::map<std::int32_t, std::size_t> number;
    for (const auto& pair : batch.pairs)
      for (const std::int32_t segment : pair)
        if (number.emplace(segment, number.size()).second)
          rows.add(batch.forest, segment, batch.trained);
    std::vector<float> gain =
        train::sums(rows, train::score(policy, batch.forest, rows.rows).logprobs);
    if (reference) {
      const auto before =
          train::sums(rows, train::score(*reference, batch.forest, rows.rows).logprobs);
      for (std::size_t i = 0; i < gain.size(); ++i) gain[i] -= before[i];
    }
    for (const auto& [better, worse] : batch.pairs) {
      right += gain[number.at(better)] > gain[number.at(worse)];
      ++count;
    }
  }
  return right / count;
}

TEST(DpoOnRatings, PrefersTheBetterOfUnseenPairsMoreOftenThanTheFineTunedModel) {
  const std::string folder = hone_test::environment("HONE_TEST_DATA");
  if (folder.empty()) GTEST_SKIP() << "HONE_TEST_DATA names no folder with the ratings";
  const auto ratings = data::read_ratings(folder + "/vader/movieReviewSnippets_GroundTruth.txt");
  for (std::uint64_t seed = 1; seed <= hone_test::seeds(1); ++seed) {
    const data::Split split{.ratios = {9, 1}, .seed = seed};
    std::array<std::vector<data::Rating>, 2> parts;
    for (const data::Rating& r : ratings) parts[split.part(r.id)].push_back(r);
    const Words words{parts[0]};

    Llama policy{{.vocab = words.size(),
                  .hidden = 64,
                  .layers = 2,
                  .heads = 4,
                  .kv_heads = 4,
                  .head_dim = 16,
                  .mlp = 128,
                  .max_positions = 64,
                  .embed_dim = 64}};
    policy.randomise(seed, 0.05f);
    policy.train_from_layer(0);

    std::vector<data::Record> snippets;
    for (const data::Rating& r : parts[0]) snippets.push_back(data::demonstration(r));
    data::Loader demonstrations{
        data::prepare(
            snippets,
            data::Demonstrations{.max_tokens = 48, .begin = Words::begin, .end = Words::end},
            data::Format<>{}, words),
        {.size = {.trees = 32}, .seed = seed}};
    OfflineTrainer sft{policy, loss::Nll{},
                       train::OfflineOptions{.schedule = {.peak = 3e-3f, .total = 200}}};
    for (std::uint64_t i = 0; i < 200; ++i) sft.step(demonstrations.batch(i));

    const auto groups = [&](const std::vector<data::Rating>& from, std::uint64_t passes) {
      return data::prepare(
          data::RankedGroups{.size = 16, .passes = passes, .seed = seed}(from),
          data::Rankings{
              .max_tokens = 48, .begin = Words::begin, .end = Words::end, .min_difference = 1.0f},
          data::Format<>{}, words);
    };
    const data::Store held_out = groups(parts[1], 1);
    data::Loader pairs{groups(parts[0], 4), {.size = {.trees = 2}, .seed = seed}};
    Llama reference = model::clone(policy);
    const double before = preference_accuracy(policy, nullptr, held_out);
    OfflineTrainer dpo{policy, loss::Dpo{.beta = 0.1f},
                       train::OfflineOptions{.schedule = {.peak = 1e-3f, .total = 250}}};
    for (std::uint64_t i = 0; i < 250; ++i) dpo.step(pairs.batch(i));
    const double after = preference_accuracy(policy, nullptr, held_out);
    const double implicit = preference_accuracy(policy, &reference, held_out);
    std::cout << "seed " << seed << ", " << words.size() << " words: of unseen pairs the better is "
              << "more likely in " << before << " after SFT, in " << after << " after DPO; its "
              << "implicit reward is higher in " << implicit << std::endl;
    EXPECT_GT(after, before) << "seed " << seed;
    EXPECT_GT(implicit, before + 0.10) << "seed " << seed;
    EXPECT_GT(implicit, 0.65) << "seed " << seed;
  }
}

}  // namespace
