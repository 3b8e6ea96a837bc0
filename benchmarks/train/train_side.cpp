// hone's side of the training comparison; prints one JSON line.
//
//   train_side FOLDER grpo PROMPTS GROUP PROMPT SHORTEST LONGEST REPEATS
//   train_side FOLDER ppo PROMPTS PROMPT NEW REPEATS
//   train_side FOLDER sft ROWS LENGTH REPEATS
//   train_side FOLDER dpo PAIRS LENGTH REPEATS
//   train_side FOLDER reward PAIRS LENGTH REPEATS
//
// Whole steps, the optimiser's included, on random tokens: medians over REPEATS after one step that
// does not count, in all and by phase. Pairs share the first half of their tokens, the prompt.
// HONE_MICROBATCH sets the tokens of a forward and backward pass (1024: 8 answers of 128, what the
// peer takes at once; in PPO two answers), which changes memory, not bits.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "hone/checkpoint/hf_folder.hpp"
#include "hone/checkpoint/load_model.hpp"
#include "hone/core/parallel.hpp"
#include "hone/core/random.hpp"
#include "hone/loss/bradley_terry.hpp"
#include "hone/loss/dpo.hpp"
#include "hone/loss/nll.hpp"
#include "hone/model/clone.hpp"
#include "hone/model/decoder.hpp"
#include "hone/recipes/critic_free.hpp"
#include "hone/recipes/ppo.hpp"
#include "hone/train/offline_trainer.hpp"
#include "hone/train/online_trainer.hpp"
#include "hone/train/reward_model.hpp"

namespace {

using namespace hone;
using Decoder = model::Decoder<model::Llama>;
using Head = model::ScalarHead<model::Parameter>;
using Clock = std::chrono::steady_clock;

std::vector<Token> random_tokens(std::int64_t n, std::uint64_t sequence) {
  RandomStream stream({.seed = 1, .sequence = sequence});
  std::vector<Token> out;
  for (std::int64_t i = 0; i < n; ++i) out.push_back(static_cast<Token>(3 + stream.below(30997)));
  return out;
}

std::int64_t microbatch_tokens(std::int64_t usual = 1024) {
  const char* given = std::getenv("HONE_MICROBATCH");
  return given ? std::atoll(given) : usual;
}

// Seconds by phase of each repeat.
class Phases {
 public:
  void start() { last_ = Clock::now(); }
  void end(const std::string& phase) {
    const auto now = Clock::now();
    seconds_[phase].push_back(std::chrono::duration<double>(now - last_).count());
    last_ = now;
  }
  // The first repeat does not count.
  void print() const {
    double total = 0;
    std::string json;
    for (auto [phase, s] : seconds_) {
      if (s.size() > 1) s.erase(s.begin());
      std::sort(s.begin(), s.end());
      const double median = s[s.size() / 2];
      total += median;
      json += ", \"" + phase + "\": " + std::to_string(median);
    }
    std::printf("{\"side\": \"hone\", \"seconds\": %.4f%s, \"peak_mib\": %.1f}\n", total,
                json.c_str(), peak_mib());
  }

 private:
  // VmHWM: the most memory that was ever resident.
  static double peak_mib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmHWM:")) return std::atof(line.c_str() + 6) / 1024.0;
    return 0;
  }

  Clock::time_point last_;
  std::map<std::string, std::vector<double>> seconds_;
};

Decoder load(const checkpoint::HfFolder& folder) {
  Decoder decoder{folder.config()};
  checkpoint::load(decoder, folder);
  return decoder;
}

std::vector<rollout::Request> prompts(std::int64_t n, std::int64_t length) {
  std::vector<rollout::Request> out;
  for (std::int64_t i = 0; i < n; ++i)
    out.push_back({.prompt = random_tokens(length, static_cast<std::uint64_t>(i)),
                   .id = static_cast<std::uint64_t>(i)});
  return out;
}

// Any score: the share of even tokens.
std::vector<float> even_share(const rollout::Rollouts& r) {
  std::vector<float> out;
  for (std::int64_t s = 0; s < r.answers(); ++s) {
    float even = 0;
    for (const Token t : r.forest.tokens(r.segments[static_cast<std::size_t>(s)]))
      even += t % 2 == 0;
    out.push_back(even / static_cast<float>(r.length(s)));
  }
  return out;
}

// Ends answers at given lengths: a decoder into text that says "." when an answer is long enough.
// Answers are told apart by their first tokens and take the lengths in a fixed shuffled order.
class Lengths {
 public:
  static constexpr std::size_t told_apart = 4;

  Lengths(std::int64_t shortest, std::int64_t longest, std::int64_t answers) {
    for (std::int64_t i = 0; i < answers; ++i)
      lengths_.push_back(static_cast<std::size_t>(
          shortest + (answers > 1 ? (longest - shortest) * i / (answers - 1) : 0)));
    RandomStream stream({.seed = 3});
    for (std::size_t i = lengths_.size(); i > 1; --i)
      std::swap(lengths_[i - 1], lengths_[stream.below(i)]);
  }

  std::string operator()(std::span<const Token> tokens) {
    if (tokens.size() < told_apart) return "";
    const auto [at, fresh] =
        given_.try_emplace({tokens.begin(), tokens.begin() + told_apart}, lengths_[next_]);
    if (fresh) next_ = (next_ + 1) % lengths_.size();
    return tokens.size() >= at->second ? std::string(stop) : "";
  }
  void forget() {
    given_.clear();
    next_ = 0;
  }

  // As long as any answer, so that decode is shown all of an answer's tokens.
  static inline const std::string stop = std::string(4096, '.');

 private:
  std::vector<std::size_t> lengths_;
  std::map<std::vector<Token>, std::size_t> given_;
  std::size_t next_ = 0;
};

// The steps of OnlineTrainer::step, timed.
template <class Trainer>
void online(Trainer& trainer, std::span<const rollout::Request> batch, std::int64_t repeats,
            Phases& phases, Lengths* lengths = nullptr) {
  for (std::int64_t i = 0; i <= repeats; ++i) {
    train::Report report;
    if (lengths) lengths->forget();
    phases.start();
    auto rollouts = trainer.sample(batch, report);
    phases.end("generation");
    auto experience = trainer.judge(std::move(rollouts), report);
    trainer.penalise(experience, report);
    trainer.estimate(experience, report);
    phases.end("scoring");
    trainer.update(experience, report);
    phases.end("update");
    ++trainer.state().step;
    std::fprintf(stderr, "mean length %.1f\n", report.at("rollout/length_mean"));
  }
}

void grpo(Decoder& actor, const std::vector<std::int64_t>& n, Phases& phases) {
  Lengths lengths(n[3], n[4], n[0] * n[1]);
  rollout::GenerateOptions generation{.max_new_tokens = static_cast<std::int32_t>(n[4])};
  if (n[3] < n[4]) generation.stop_strings = {Lengths::stop};
  train::OnlineTrainer trainer{actor, even_share, recipes::grpo(),
                               train::OnlineOptions{.group_size = static_cast<std::int32_t>(n[1]),
                                                    .generation = generation,
                                                    .microbatch_tokens = microbatch_tokens()}};
  trainer.set_decode([&](std::span<const Token> tokens) { return lengths(tokens); });
  online(trainer, prompts(n[0], n[2]), n[5], phases, &lengths);
}

void ppo(Decoder& actor, const checkpoint::HfFolder& folder, const std::vector<std::int64_t>& n,
         Phases& phases) {
  Decoder critic = load(folder), judge = load(folder);
  critic.train_from_layer(0);
  judge.for_each_parameter([](model::Parameter& p) { p.set_trainable(false); });
  Head critic_head(actor.width(), true), judge_head(actor.width());
  critic_head.randomise(1);
  judge_head.randomise(2);
  critic_head.set_trainable(true);
  // Four networks in full leave little room: two answers at a time.
  const std::int64_t two_answers = 2 * (n[1] + n[2]);
  const train::ScalarModel<Decoder> values{&critic, &critic_head}, scores{&judge, &judge_head};
  const train::RewardModel<Decoder> reward{.model = scores,
                                           .microbatch_tokens = microbatch_tokens(two_answers)};
  train::OnlineTrainer trainer{
      actor, values, reward, recipes::ppo(),
      train::OnlineOptions{.generation = {.max_new_tokens = static_cast<std::int32_t>(n[2])},
                           .microbatch_tokens = microbatch_tokens(two_answers)}};
  online(trainer, prompts(n[0], n[1]), n[3], phases);
}

// Texts of random tokens; or pairs of answers to shared prompts.
data::Batch batch_of(std::int64_t count, std::int64_t length, bool pairs) {
  data::StoreBuilder builder;
  const std::int64_t half = length / 2;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto id = static_cast<std::uint64_t>(3 * i);
    builder.begin_tree(id);
    if (!pairs) {
      builder.add_node(-1, random_tokens(length, id), true);
      continue;
    }
    builder.add_node(-1, random_tokens(half, id), false);
    builder.add_node(0, random_tokens(length - half, id + 1), true, 1.0f);
    builder.add_node(0, random_tokens(length - half, id + 2), true, 0.0f);
  }
  const data::Store store = builder.finish();
  data::Batch out;
  for (std::uint64_t t = 0; t < store.size(); ++t) data::add_tree(out, store, {.index = t});
  return out;
}

template <class Model, class Objective>
void offline(Model& model, Objective objective, const data::Batch& batch, std::int64_t repeats,
             Phases& phases) {
  train::OfflineTrainer trainer{model, objective,
                                train::OfflineOptions{.microbatch_tokens = microbatch_tokens()}};
  for (std::int64_t i = 0; i <= repeats; ++i) {
    phases.start();
    trainer.step(batch);
    phases.end("step");
  }
}

int run(const std::string& path, const std::string& what, const std::vector<std::int64_t>& n) {
  set_threads(2);
  const checkpoint::HfFolder folder{path};
  Decoder decoder = load(folder);
  decoder.train_from_layer(0);
  Phases phases;
  if (what == "grpo" && n.size() == 6) {
    grpo(decoder, n, phases);
  } else if (what == "ppo" && n.size() == 4) {
    ppo(decoder, folder, n, phases);
  } else if (what == "sft" && n.size() == 3) {
    offline(decoder, loss::Nll{}, batch_of(n[0], n[1], false), n[2], phases);
  } else if (what == "dpo" && n.size() == 3) {
    offline(decoder, loss::Dpo{.beta = 0.1f}, batch_of(n[0], n[1], true), n[2], phases);
  } else if (what == "reward" && n.size() == 3) {
    Head head(decoder.width());
    head.randomise(1);
    head.set_trainable(true);
    train::ScalarModel<Decoder> model{&decoder, &head};
    offline(model, loss::BradleyTerry{}, batch_of(n[0], n[1], true), n[2], phases);
  } else {
    return 2;
  }
  phases.print();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::int64_t> numbers;
  for (int i = 3; i < argc; ++i) numbers.push_back(std::atoll(argv[i]));
  const int rc = argc < 3 ? 2 : run(argv[1], argv[2], numbers);
  if (rc == 2)
    std::fprintf(stderr,
                 "usage: train_side FOLDER grpo PROMPTS GROUP PROMPT SHORTEST LONGEST REPEATS\n"
                 "       train_side FOLDER ppo PROMPTS PROMPT NEW REPEATS\n"
                 "       train_side FOLDER sft ROWS LENGTH REPEATS\n"
                 "       train_side FOLDER dpo|reward PAIRS LENGTH REPEATS\n");
  return rc;
}
