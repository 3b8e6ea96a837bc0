#include "hone/train/checkpoints.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "../support/small_model.hpp"
#include "hone/loss/dpo.hpp"
#include "hone/loss/nll.hpp"
#include "hone/train/offline_trainer.hpp"
#include "hone/train/online_trainer.hpp"

namespace {

using namespace hone;
using namespace hone::test;
namespace fs = std::filesystem;

class CheckpointsTest : public ::testing::Test {
 protected:
  CheckpointsTest() { fs::remove_all(folder_); }
  ~CheckpointsTest() override { fs::remove_all(folder_); }

  template <class Trainer>
  std::string refusal(Trainer& trainer, std::map<std::string, std::string> about = {}) {
    train::Checkpoints saved{{.folder = folder_, .about = std::move(about)}};
    try {
      saved.resume(trainer);
    } catch (const Error& e) {
      const std::string what = e.what(), folder = folder_.string();
      return what.starts_with(folder) ? what.substr(folder.size() + 1) : what;
    }
    return "";
  }

  // A checkpoint of a small run.
  void save() {
    train::Checkpoints saved{{.folder = folder_, .about = {{"data", "abc"}}}};
    Llama model = trained_in_full(1);
    train::OfflineTrainer trainer{model, loss::Nll{}, options_};
    trainer.step(batch(0, 4, 1));
    saved.save(trainer);
  }

  fs::path folder_ = fs::temp_directory_path() / ("hone_checkpoints_" + std::to_string(::getpid()));
  train::OfflineOptions options_{.schedule = {.peak = 0.5f, .decay = train::Decay::constant}};
};

TEST_F(CheckpointsTest, KeepsTheNewestAndClearsWhatKilledProcessesLeft) {
  train::Checkpoints saved{{.folder = folder_, .every = 2, .keep = 2}};
  fs::create_directories(folder_ / "step-000002.partial-77-0");
  fs::create_directories(folder_ / "notes");
  Llama model = trained_in_full(1);
  train::OfflineTrainer trainer{model, loss::Nll{}, options_};
  EXPECT_FALSE(saved.resume(trainer)) << "a folder that is not complete is no checkpoint";
  for (int i = 0; i < 9; ++i) {
    trainer.step(batch(i, 4, 1));
    saved.after_step(trainer);
  }
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder_))
    names.insert(entry.path().filename().string());
  EXPECT_EQ(names, (std::set<std::string>{"notes", "step-000006", "step-000008"}));
  EXPECT_EQ(saved.folders().newest(), folder_ / "step-000008");
  // Killed between a new checkpoint and the end of the old ones.
  fs::create_directories(folder_ / "step-000004.partial-78-1");
  EXPECT_TRUE(saved.resume(trainer));
  EXPECT_FALSE(fs::exists(folder_ / "step-000004.partial-78-1"));
}

TEST_F(CheckpointsTest, AnotherRunIsRefusedByTheFieldThatDiffers) {
  save();
  Llama model = trained_in_full(1);
  const std::string run = "step-000001/run.json: ";
  {
    train::OfflineOptions o = options_;
    o.microbatch_tokens = 7;  // changes no bit
    train::OfflineTrainer trainer{model, loss::Nll{}, o};
    EXPECT_EQ(refusal(trainer, {{"data", "abc"}}), "");
    EXPECT_EQ(refusal(trainer, {{"data", "xyz"}}), run + "data is \"abc\", expected \"xyz\"");
  }
  {
    train::OfflineOptions o = options_;
    o.schedule.peak = 0.25f;
    train::OfflineTrainer trainer{model, loss::Nll{}, o};
    EXPECT_EQ(refusal(trainer), run + "options.schedule.peak is 0.5, expected 0.25");
  }
  {
    train::OfflineOptions o = options_;
    o.ema = train::Ema{};
    train::OfflineTrainer trainer{model, loss::Nll{}, o};
    EXPECT_EQ(refusal(trainer), run +
                                    "options.ema is null, expected "
                                    "{\"decay\":0.992,\"type\":\"Ema\"}");
  }
  {
    train::OfflineTrainer trainer{model, loss::Dpo{}, options_};
    EXPECT_EQ(refusal(trainer), run + "objective.beta is absent, expected 0.1");
  }
  {
    const Algorithm algorithm{};
    train::OnlineTrainer trainer{model, small_tokens, algorithm, options()};
    EXPECT_EQ(refusal(trainer), run + "field \"expected.composition\" is missing");
  }
}

TEST_F(CheckpointsTest, SeedsAndCoefficientsOfACompositionCount) {
  Llama model = trained_in_full(1);
  const auto trainer_with = [&](float coef, std::uint64_t seed) {
    const Algorithm algorithm{.kl = kl::InLoss<kl::K3, float>{.coef = coef}};
    train::OnlineOptions o = options();
    o.seed = seed;
    return train::OnlineTrainer<Llama, decltype(&small_tokens),
                                std::remove_const_t<decltype(algorithm)>>(model, &small_tokens,
                                                                          algorithm, o);
  };
  auto first = trainer_with(0.1f, 5);
  train::Checkpoints{{.folder = folder_}}.save(first);
  auto other_coefficient = trainer_with(0.2f, 5), other_seed = trainer_with(0.1f, 6);
  EXPECT_EQ(refusal(other_coefficient),
            "step-000000/run.json: composition.kl.coef is 0.1, expected 0.2");
  EXPECT_EQ(refusal(other_seed), "step-000000/run.json: options.seed is 5, expected 6");
}

TEST_F(CheckpointsTest, OtherWeightsOfTheFrozenLayersAreRefused) {
  const auto some_layers = [](std::uint64_t seed) {
    Llama model = trained_in_full(seed);
    model.train_from_layer(1);
    return model;
  };
  Llama model = some_layers(1), other = some_layers(2);
  train::OfflineTrainer trainer{model, loss::Nll{}, options_};
  train::Checkpoints{{.folder = folder_}}.save(trainer);
  train::OfflineTrainer strange{other, loss::Nll{}, options_};
  EXPECT_NE(refusal(strange).find("frozen.fingerprint is"), std::string::npos);
  Llama whole = trained_in_full(1);
  train::OfflineTrainer more{whole, loss::Nll{}, options_};
  EXPECT_NE(refusal(more).find("frozen.elements is"), std::string::npos) << refusal(more);
}

TEST_F(CheckpointsTest, ModelsOfAnotherShapeAreRefusedByTheTensor) {
  save();
  model::Config wide = small();
  wide.mlp = 64;
  Llama model{wide};
  model.train_from_layer(0);
  const std::vector<float> before = weights_of(model);
  train::OfflineTrainer trainer{model, loss::Nll{}, options_};
  const std::string what = refusal(trainer, {{"data", "abc"}});
  EXPECT_NE(what.find("step-000001/run.safetensors: tensor"), std::string::npos) << what;
  EXPECT_NE(what.find("mlp.gate_proj.weight\" has shape [48, 32], expected [64, 32]"),
            std::string::npos)
      << what;
  EXPECT_EQ(weights_of(model), before);
  EXPECT_EQ(trainer.state().step, 0);
}

TEST_F(CheckpointsTest, DamagedFilesAreRefusedAndNothingChanges) {
  save();
  const fs::path tensors = folder_ / "step-000001/run.safetensors",
                 json = folder_ / "step-000001/run.json";
  Llama model = trained_in_full(1);
  const std::vector<float> before = weights_of(model);
  train::OfflineTrainer trainer{model, loss::Nll{}, options_};
  const auto damaged = [&] {
    const std::string what = refusal(trainer, {{"data", "abc"}});
    EXPECT_EQ(weights_of(model), before);
    EXPECT_EQ(trainer.state().step, 0);
    return what;
  };
  const auto text_of = [](const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const std::string all = text_of(tensors), fields = text_of(json);
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{5}, std::size_t{500}, all.size() - 1}) {
    std::ofstream(tensors, std::ios::binary) << all.substr(0, size);
    EXPECT_TRUE(damaged().starts_with("step-000001/run.safetensors: "))
        << size << ": " << damaged();
  }
  fs::remove(tensors);
  EXPECT_TRUE(damaged().starts_with("step-000001/run.safetensors: "));
  std::ofstream(tensors, std::ios::binary) << all;
  for (const std::size_t size : {std::size_t{0}, std::size_t{40}, fields.size() / 2}) {
    std::ofstream(json, std::ios::binary) << fields.substr(0, size);
    EXPECT_TRUE(damaged().starts_with("step-000001/run.json: ")) << damaged();
  }
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = fields;
    const std::size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    changed.replace(at, from.size(), to);
    std::ofstream(json, std::ios::binary) << changed;
    return damaged();
  };
  EXPECT_EQ(with("hone run 1", "hone run 9"),
            "step-000001/run.json: field \"format\" is \"hone run 9\", expected \"hone run 1\"");
  EXPECT_EQ(with("\"adamw_steps\": 1", "\"adamw_steps\": \"x\""),
            "step-000001/run.json: adamw_steps is \"x\", expected a whole number");
  EXPECT_EQ(with("\"step\": 1", "\"stop\": 1"),
            "step-000001/run.json: field \"state.step\" is missing");
  // With no steps there would be no moments: the file's are too many.
  EXPECT_NE(with("\"adamw_steps\": 1", "\"adamw_steps\": 0").find("adamw_m/"), std::string::npos);
  std::ofstream(json, std::ios::binary) << fields;
  EXPECT_EQ(refusal(trainer, {{"data", "abc"}}), "") << "the whole checkpoint again";
  EXPECT_EQ(trainer.state().step, 1);
}

}  // namespace
