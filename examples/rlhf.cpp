// The three stages of RLHF on a real model and real human ratings, in one program.
//
//   rlhf MODEL RATINGS LEXICON [--out runs/rlhf] [--tiny] [--config FILE.toml]
//   rlhf ... --lora 16                   trains adapters: four networks in the memory of two; of a
//                                        --tiny model, which has nothing to adapt yet, in PPO alone
//   rlhf ... --save-every 10             saves checkpoints; after a crash or a kill the same with
//   rlhf ... --save-every 10 --resume    goes on, and ends with the same bits
//
// 1. Supervised fine-tuning of MODEL (a GGUF file or a Hugging Face folder) on rated texts.
// 2. A reward model on pairs of texts: the one that people rated higher is chosen.
// 3. PPO from the first words of unseen texts: actor, critic, reference and reward model, a KL
//    penalty in the reward with an adaptive coefficient.
// A judge that learns nothing, the mean valence of LEXICON's words, compares samples before and
// after. RATINGS has lines of id TAB mean rating TAB text.
#include <CLI/CLI.hpp>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/log.hpp"
#include "common/models.hpp"
#include "common/run.hpp"
#include "common/saving.hpp"
#include "common/settings.hpp"
#include "common/shown.hpp"
#include "hone/advantage/gae.hpp"
#include "hone/advantage/whitened.hpp"
#include "hone/checkpoint/adapter.hpp"
#include "hone/checkpoint/json.hpp"
#include "hone/checkpoint/pretrained.hpp"
#include "hone/checkpoint/save_model.hpp"
#include "hone/checkpoint/scorer.hpp"
#include "hone/data/fingerprint.hpp"
#include "hone/data/format.hpp"
#include "hone/data/loader.hpp"
#include "hone/data/ratings.hpp"
#include "hone/data/split.hpp"
#include "hone/data/stage.hpp"
#include "hone/kl/coefficient.hpp"
#include "hone/kl/in_reward.hpp"
#include "hone/kl/k1.hpp"
#include "hone/loss/bradley_terry.hpp"
#include "hone/loss/nll.hpp"
#include "hone/loss/value_mse.hpp"
#include "hone/model/clone.hpp"
#include "hone/model/decoder.hpp"
#include "hone/model/lora.hpp"
#include "hone/report/bootstrap.hpp"
#include "hone/report/page.hpp"
#include "hone/report/text.hpp"
#include "hone/reward/valence.hpp"
#include "hone/train/four_networks.hpp"
#include "hone/train/offline_trainer.hpp"
#include "hone/train/online_trainer.hpp"
#include "hone/train/reward_model.hpp"

namespace {

using namespace hone;
using Decoder = model::Decoder<model::Llama>;
using Head = model::ScalarHead<model::Parameter>;

struct Settings {
  std::string model, ratings, lexicon, out = "runs/rlhf";
  examples::Saving saving = {};
  bool tiny = false;
  std::int64_t lora_rank = 0;
  float lora_alpha = 16.0f;
  std::uint64_t seed = 1;
  std::int64_t sft_steps = 70, reward_steps = 100, ppo_steps = 8;
  std::int32_t prompts = 64, new_tokens = 24, minibatches = 4;
  std::int32_t evaluation_prompts = 192, evaluation_groups = 32;
  std::int64_t samples_every = 2;  // PPO steps between tables of samples; 0: none
  std::int64_t train_from = -1;    // first layer that is trained; -1: the upper half
  float sft_rate = 5e-5f, reward_rate = 5e-5f, ppo_rate = 8e-5f, critic_rate = 2e-4f;
  float gae_lambda = 0.95f, kl_coef = 0.05f, kl_target = 3.0f, missing_end_penalty = 0.5f;
};

Settings parse(int argc, char** argv) {
  Settings s;
  CLI::App app{"SFT, reward model and PPO on a real model and human ratings."};
  app.set_config("--config", "", "TOML file with any of these options")->check(CLI::ExistingFile);
  app.allow_config_extras(CLI::config_extras_mode::error);
  examples::add_options(app, s.saving);
  app.add_option("model", s.model, "GGUF file or Hugging Face folder of a Llama")->required();
  app.add_option("ratings", s.ratings, "rated texts: id TAB mean TAB text")->required();
  app.add_option("lexicon", s.lexicon, "the judge's words: word TAB mean rating")->required();
  app.add_option("--out", s.out, "where reports and models go")->capture_default_str();
  app.add_flag("--tiny", s.tiny, "a small model from scratch, with numbers that suit it");
  app.add_option("--seed", s.seed)->capture_default_str();
  app.add_option("--lora,--lora-rank", s.lora_rank, "rank of adapters on every layer; 0: none")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--lora-alpha", s.lora_alpha)->capture_default_str();

  // An option with another default for --tiny.
  std::vector<std::function<void()>> when_tiny;
  const auto option = [&](const char* name, auto& value, auto tiny, const char* help = "") {
    const CLI::Option* given = app.add_option(name, value, help)->capture_default_str();
    when_tiny.push_back([given, &value, tiny] {
      if (given->count() == 0) value = tiny;
    });
  };
  // A learning rate. Adapters, which are small and begin at zero, take greater steps.
  std::vector<std::function<void()>> when_adapted;
  const auto rate = [&](const char* name, float& value, float tiny, bool adapted_when_tiny) {
    option(name, value, tiny, "times 4 with --lora, unless it is given");
    when_adapted.push_back([given = app.get_option(name), &value, &s, adapted_when_tiny] {
      if (given->count() == 0 && (!s.tiny || adapted_when_tiny)) value *= 4;
    });
  };
  option("--sft-steps", s.sft_steps, 150);
  option("--reward-steps", s.reward_steps, 300);
  option("--ppo-steps", s.ppo_steps, 25);
  option("--prompts", s.prompts, 128, "prompts of a PPO step");
  option("--new-tokens", s.new_tokens, 12, "longest answer");
  option("--minibatches", s.minibatches, 4);
  option("--evaluation-prompts", s.evaluation_prompts, 512, "judged before and after PPO");
  option("--evaluation-groups", s.evaluation_groups, 64, "of 16 held-out texts for the accuracy");
  option("--samples-every", s.samples_every, 5, "PPO steps between tables of samples; 0: none");
  option("--train-from", s.train_from, 0, "first trained layer; -1: the upper half");
  rate("--sft-rate", s.sft_rate, 3e-3f, false);
  rate("--reward-rate", s.reward_rate, 3e-3f, false);
  rate("--ppo-rate", s.ppo_rate, 5e-4f, true);
  rate("--critic-rate", s.critic_rate, 1e-3f, true);
  option("--gae-lambda", s.gae_lambda, 1.0f);
  option("--kl-coef", s.kl_coef, 0.2f, "weight of the KL penalty at the start");
  option("--missing-end-penalty", s.missing_end_penalty, 0.0f, "off the score of a cut-off answer");
  option("--kl-target", s.kl_target, 2.0f, "nats per answer");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    std::exit(examples::refuse(app, e));
  }
  if (s.tiny)
    for (const auto& set : when_tiny) set();
  if (s.lora_rank > 0)
    for (const auto& set : when_adapted) set();
  return s;
}

train::OfflineOptions offline(float rate, std::int64_t steps) {
  return {.optimizer = {.decay = 0.01f},
          .schedule = {
              .peak = rate, .decay = train::Decay::cosine, .warmup = steps / 10, .total = steps}};
}

struct Judged {
  std::vector<std::string> texts;
  std::vector<float> scores;
  std::vector<double> valence;
  double mean_score = 0, mean_valence = 0;
};

class Pipeline {
 public:
  explicit Pipeline(Settings settings)
      : s_(std::move(settings)),
        source_(s_.model),
        tokenizer_(source_.tokenizer()),
        judge_(s_.lexicon),
        ratings_(data::read_ratings(s_.ratings)),
        policy_(config()) {
    require(source_.config().family == model::FamilyId::llama, s_.model, ": is of family ",
            model::name_of(source_.config().family), ", this example takes a Llama");
    require(tokenizer_.bos() && tokenizer_.eos(), s_.model,
            ": the tokenizer has no begin or end token");
    begin_ = *tokenizer_.bos();
    end_ = *tokenizer_.eos();
    if (s_.tiny)
      policy_.randomise(s_.seed, 0.05f);
    else
      source_.load(policy_);
    if (s_.train_from < 0) s_.train_from = policy_.config().layers / 2;
    const data::Split split{.ratios = {8, 1, 1}, .seed = s_.seed};
    for (const data::Rating& r : ratings_) parts_[split.part(r.id)].push_back(r);
    std::filesystem::create_directories(s_.out);
    examples::require_unused(s_.saving, s_.out + "/checkpoints");
  }

  void run() {
    fine_tune();
    learn_rewards();
    const double accuracy = held_out_accuracy();
    std::cout << "reward model: accuracy " << accuracy << " on held-out pairs of human ratings\n";
    const std::vector<rollout::Request> asked = requests(parts_[2], s_.evaluation_prompts);
    const Judged before = judge(asked);
    reinforce(asked);
    const Judged after = judge(asked);
    write(asked, before, after, accuracy);
  }

 private:
  model::Config config() const {
    model::Config c = source_.config();
    if (s_.tiny) {
      c.hidden = c.embed_dim = 64;
      c.layers = 2;
      c.heads = 4;
      c.kv_heads = 2;
      c.head_dim = 16;
      c.mlp = 128;
      c.max_positions = 256;
    }
    return c;
  }

  auto tokenize() const {
    return
        [this](std::string_view text) { return tokenizer_.encode(text, {.parse_special = false}); };
  }

  // A stage's steps, saved and reported under its name.
  template <class Trainer, class Step>
  void stage(const std::string& name, const std::string& title, std::int64_t steps,
             Trainer& trainer, Step&& step, const std::string& completions = "") {
    examples::Log log{{.name = name,
                       .steps = steps,
                       .metrics = s_.out + "/" + name + ".jsonl",
                       .times = s_.out + "/" + name + "-times.jsonl",
                       .tensorboard = s_.out + "/tensorboard/" + name,
                       .completions = completions}};
    examples::run({.name = name,
                   .steps = steps,
                   .saving = s_.saving,
                   .checkpoints = s_.out + "/checkpoints/" + name,
                   .about = {{"ratings", data::Fingerprint().add_file(s_.ratings).name()},
                             {"seed", std::to_string(s_.seed)},
                             {"prompts", std::to_string(s_.prompts)},
                             {"lora_rank", std::to_string(s_.lora_rank)},
                             {"lora_alpha", std::to_string(s_.lora_alpha)},
                             {"missing_end_penalty",
                              report::exact(static_cast<double>(s_.missing_end_penalty))}}},
                  trainer, log,
                  [&](std::int64_t i, train::Report& times) { return step(i, times, log); });
    stages_.push_back({.title = title, .history = log.history()});
  }

  model::Lora lora() const {
    return {.rank = s_.lora_rank, .alpha = s_.lora_alpha, .seed = s_.seed};
  }

  // Adapters on every layer, or the upper layers themselves.
  void choose_trained(Decoder& decoder, bool adapters) const {
    if (adapters)
      model::attach(decoder, lora());
    else
      decoder.train_from_layer(s_.train_from);
  }

  // Makes what was learnt part of the weights, which learn no more.
  static void settle(Decoder& decoder) {
    if (model::has_adapters(decoder)) model::Merged<Decoder>{decoder}.keep();
    decoder.for_each_parameter([](model::Parameter& p) { p.set_trainable(false); });
  }

  checkpoint::HfFolderOptions folder_options() const {
    return examples::folder_options(s_.model, source_, tokenizer_);
  }

  // The policy as a Hugging Face folder with its tokenizer. Returns where.
  std::string save_model(const std::string& name) {
    const std::string target = s_.out + "/" + name;
    checkpoint::save_model(target, policy_, folder_options());
    return target;
  }

  // The steps of an offline stage.
  template <class Trainer>
  static auto steps_of(Trainer& trainer, data::Loader& loader) {
    return [&](std::int64_t i, train::Report& times, examples::Log&) {
      return examples::timed_step(trainer, loader.batch(static_cast<std::uint64_t>(i)), times);
    };
  }

  void fine_tune() {
    std::vector<data::Record> records;
    for (const data::Rating& r : parts_[0]) records.push_back(data::demonstration(r));
    data::Loader loader{
        data::prepare(records, data::Demonstrations{.max_tokens = 96, .begin = begin_, .end = end_},
                      data::Format<>{}, tokenize()),
        {.size = {.trees = 16}, .seed = s_.seed}};
    choose_trained(policy_, s_.lora_rank > 0 && !s_.tiny);
    train::OfflineTrainer trainer{policy_, loss::Nll{}, offline(s_.sft_rate, s_.sft_steps)};
    stage("sft", "Supervised fine-tuning", s_.sft_steps, trainer, steps_of(trainer, loader));
    settle(policy_);
    if (s_.lora_rank > 0) save_model("sft");  // what the actor's adapters are added to
  }

  // The reward model starts from the fine-tuned policy, with a fresh scalar head. It is left as
  // OUT/reward_model, which `ppo --reward-model` takes.
  void learn_rewards() {
    reward_.emplace(model::clone(policy_));
    reward_head_.randomise(s_.seed);
    choose_trained(*reward_, s_.lora_rank > 0 && !s_.tiny);
    reward_head_.set_trainable(true);
    reward_model_ = {&*reward_, &reward_head_};
    const auto records = data::RankedGroups{.size = 16, .passes = 4, .seed = s_.seed}(parts_[0]);
    data::Loader loader{
        data::prepare(
            records,
            data::Rankings{.max_tokens = 96, .begin = begin_, .end = end_, .min_difference = 1.0f},
            data::Format<>{}, tokenize()),
        {.size = {.trees = 1}, .seed = s_.seed}};
    train::OfflineTrainer trainer{reward_model_, loss::BradleyTerry{.centring = 0.01f},
                                  offline(s_.reward_rate, s_.reward_steps)};
    stage("reward", "Reward model", s_.reward_steps, trainer, steps_of(trainer, loader));
    settle(*reward_);
    reward_head_.set_trainable(false);
    checkpoint::save_scorer(s_.out + "/reward_model", *reward_, reward_head_, folder_options());
  }

  double held_out_accuracy() {
    auto records = data::RankedGroups{.size = 16, .passes = 1, .seed = s_.seed}(parts_[2]);
    if (records.size() > static_cast<std::size_t>(s_.evaluation_groups))
      records.resize(static_cast<std::size_t>(s_.evaluation_groups));
    const data::Store store = data::prepare(
        records,
        data::Rankings{.max_tokens = 96, .begin = begin_, .end = end_, .min_difference = 1.0f},
        data::Format<>{}, tokenize());
    double correct = 0, count = 0;
    for (const data::Batch& batch : data::batches(store, {.trees = 4})) {
      const std::vector<float> all = train::scalars(reward_model_, batch.forest);
      const auto score = [&](std::int32_t s) {
        return all[static_cast<std::size_t>(
            batch.forest.segments()[static_cast<std::size_t>(s)].end() - 1)];
      };
      for (const auto& [better, worse] : batch.pairs) {
        correct += score(better) > score(worse);
        ++count;
      }
    }
    return count > 0 ? correct / count : 0.0;
  }

  // Four words of unseen texts, to be continued.
  std::vector<rollout::Request> requests(const std::vector<data::Rating>& from, std::int32_t count,
                                         std::uint64_t step = 0) const {
    std::vector<rollout::Request> out;
    const auto order = data::permutation(from.size(), s_.seed, step);
    for (std::size_t i = 0; i < order.size() && static_cast<std::int32_t>(out.size()) < count;
         ++i) {
      const data::Rating& r = from[order[i]];
      std::vector<Token> prompt{begin_};
      tokenizer_.encode_to(data::first_words(r.text, 4), prompt, {.parse_special = false});
      out.push_back({.prompt = std::move(prompt), .id = r.id});
    }
    return out;
  }

  rollout::GenerateOptions generation() const {
    return {.max_new_tokens = s_.new_tokens, .stop_tokens = {end_}, .seed = s_.seed};
  }

  Judged judge(const std::vector<rollout::Request>& asked) {
    rollout::Engine<Decoder> engine{policy_};
    const auto answers = engine.generate(asked, generation());
    rollout::Rollouts rollouts;
    for (std::size_t i = 0; i < asked.size(); ++i)
      rollouts.add(asked[i].prompt, std::span(answers).subspan(i, 1), asked[i].id);
    const train::RewardModel<Decoder> score{.model = reward_model_, .adapters = false};
    Judged out{.scores = score(rollouts)};
    const auto n = static_cast<double>(asked.size());
    for (std::size_t i = 0; i < asked.size(); ++i) {
      out.texts.push_back(tokenizer_.decode(answers[i].tokens, {.skip_special = true}));
      out.valence.push_back(static_cast<double>(judge_(out.texts.back())));
      out.mean_score += static_cast<double>(out.scores[i]) / n;
      out.mean_valence += out.valence[i] / n;
    }
    return out;
  }

  // PPO: the critic starts from the reward model, the reference is the fine-tuned policy. Then the
  // distance that the actor has come, on held-out prompts.
  void reinforce(const std::vector<rollout::Request>& asked) {
    train::Trained trained{.from_layer = s_.train_from};
    if (s_.lora_rank > 0) trained.lora = lora();
    train::FourNetworks networks{policy_, reward_model_, trained};
    const Algorithm ppo{
        .advantage = advantage::Whitened{.inner = advantage::Gae{.lambda = s_.gae_lambda}},
        .kl = kl::InReward{.estimator = kl::K1{},
                           .coef = kl::Adaptive{.initial = s_.kl_coef, .target = s_.kl_target}},
        .value_loss = loss::ValueMse{}};
    examples::Shown shown{.decode = [this](std::span<const Token> tokens) {
      return tokenizer_.decode(tokens, {.skip_special = true});
    }};
    const examples::ShownRewardModel<Decoder> reward{
        .model = reward_model_, .shown = &shown, .missing_end_penalty = s_.missing_end_penalty};
    train::OnlineTrainer trainer{
        networks.actor(), networks.critic(), reward, ppo,
        train::OnlineOptions{
            .generation = generation(),
            .minibatches = s_.minibatches,
            .schedule = {.peak = s_.ppo_rate, .decay = train::Decay::constant},
            .critic_schedule = {.peak = s_.critic_rate, .decay = train::Decay::constant},
            .score_clip = 5.0f,
            .seed = s_.seed}};
    const auto step = [&](std::int64_t i, train::Report& times, examples::Log& log) {
      train::Report report =
          trainer.step(requests(parts_[1], s_.prompts, static_cast<std::uint64_t>(i)));
      trainer.times().write(times);
      double valence = 0;
      for (const Completion& c : shown.completions) valence += static_cast<double>(judge_(c));
      report.set("reward/judge_mean", valence / static_cast<double>(shown.completions.size()));
      if (s_.samples_every > 0 && (i + 1) % s_.samples_every == 0) log.samples(i, shown.rows);
      return report;
    };
    stage("ppo", "PPO", s_.ppo_steps, trainer, step, s_.out + "/ppo-completions.jsonl");
    distance_ = trainer.evaluate(asked).at("reward/kl");
  }

  void write(const std::vector<rollout::Request>& asked, const Judged& before, const Judged& after,
             double accuracy) {
    std::vector<double> valence, score;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      valence.push_back(after.valence[i] - before.valence[i]);
      score.push_back(static_cast<double>(after.scores[i]) - static_cast<double>(before.scores[i]));
    }
    const auto valence_gain = report::bootstrap_interval(valence);
    const auto score_gain = report::bootstrap_interval(score);
    report::Page page{.title = "RLHF from human ratings", .stages = std::move(stages_)};
    page.settings = settings();
    page.highlights = {
        {.label = "reward model, held-out pairs", .value = std::to_string(accuracy)},
        {.label = "KL to the reference, nats per answer", .value = std::to_string(distance_)},
        report::change("reward model's score", before.mean_score, after.mean_score, score_gain),
        report::change("judge's valence", before.mean_valence, after.mean_valence, valence_gain)};
    for (std::size_t i = 0; i < std::min<std::size_t>(12, asked.size()); ++i)
      page.samples.push_back({.prompt = tokenizer_.decode(asked[i].prompt, {.skip_special = true}),
                              .before = before.texts[i],
                              .after = after.texts[i],
                              .score_before = static_cast<double>(before.scores[i]),
                              .score_after = static_cast<double>(after.scores[i])});
    report::write_page(s_.out + "/report.html", page);
    const auto line = [](const char* what, double from, double to, const report::Interval& gain) {
      std::cout << what << ": " << from << " -> " << to << ", gain " << gain.mean
                << ", 95 % interval " << gain.low << " to " << gain.high << "\n";
    };
    line("score", before.mean_score, after.mean_score, score_gain);
    line("valence", before.mean_valence, after.mean_valence, valence_gain);
    std::cout << "KL to the reference: " << distance_ << " nats per answer\n";
    const auto numbers = [](double from, double to, const report::Interval& gain) {
      return checkpoint::Json{{"before", from},
                              {"after", to},
                              {"gain", gain.mean},
                              {"gain_low", gain.low},
                              {"gain_high", gain.high}};
    };
    const checkpoint::Json summary{
        {"seed", s_.seed},
        {"reward_model_accuracy", accuracy},
        {"kl", distance_},
        {"score", numbers(before.mean_score, after.mean_score, score_gain)},
        {"valence", numbers(before.mean_valence, after.mean_valence, valence_gain)}};
    checkpoint::write_file(s_.out + "/summary.json", summary.dump(2) + "\n");
    std::cout << "report: " << s_.out << "/report.html, model: " << save_policy()
              << ", reward model: " << s_.out << "/reward_model\n";
  }

  // What decides the run's bits, for the report.
  std::vector<std::pair<std::string, std::string>> settings() const {
    std::vector<std::pair<std::string, std::string>> out = {
        {"model", s_.model},
        {"ratings", s_.ratings},
        {"lexicon", s_.lexicon},
        {"tiny", s_.tiny ? "a small model from scratch" : "no"}};
    const auto number = [&](const char* name, auto value) {
      if constexpr (std::is_integral_v<decltype(value)>)
        out.emplace_back(name, std::to_string(value));
      else
        out.emplace_back(name, report::brief(static_cast<double>(value)));
    };
    number("seed", s_.seed);
    number("sft-steps", s_.sft_steps);
    number("reward-steps", s_.reward_steps);
    number("ppo-steps", s_.ppo_steps);
    number("prompts", s_.prompts);
    number("new-tokens", s_.new_tokens);
    number("minibatches", s_.minibatches);
    number("train-from", s_.train_from);
    number("lora", s_.lora_rank);
    if (s_.lora_rank > 0) number("lora-alpha", s_.lora_alpha);
    number("sft-rate", s_.sft_rate);
    number("reward-rate", s_.reward_rate);
    number("ppo-rate", s_.ppo_rate);
    number("critic-rate", s_.critic_rate);
    number("gae-lambda", s_.gae_lambda);
    number("kl-coef", s_.kl_coef);
    number("kl-target", s_.kl_target);
    number("missing-end-penalty", s_.missing_end_penalty);
    return out;
  }

  // OUT/model, or what has been learnt since OUT/sft as OUT/adapter, a PEFT folder.
  std::string save_policy() {
    if (s_.lora_rank == 0) return save_model("model");
    const std::string target = s_.out + "/adapter";
    checkpoint::save_adapter(target, policy_, lora(), s_.out + "/sft", true);
    return target;
  }

  Settings s_;
  checkpoint::Pretrained source_;
  text::Tokenizer tokenizer_;
  reward::Valence judge_;
  std::vector<data::Rating> ratings_;
  std::array<std::vector<data::Rating>, 3> parts_;  // training, PPO's prompts, held out
  Decoder policy_;
  std::optional<Decoder> reward_;
  Head reward_head_{policy_.width()};
  train::ScalarModel<Decoder> reward_model_;
  Token begin_ = 0, end_ = 0;
  std::vector<report::Stage> stages_;
  double distance_ = 0;  // KL(actor, reference) per answer after PPO, nats
};

}  // namespace

int main(int argc, char** argv) {
  try {
    Pipeline{parse(argc, argv)}.run();
  } catch (const std::exception& e) {
    std::cerr << "error: " << e.what() << "\n";
    return 1;
  }
}
