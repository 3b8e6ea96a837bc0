// Saving a trainer's whole state now and then, and going on from the newest.
//
//   train::Checkpoints saved{{.folder = "runs/ppo/checkpoints", .every = 10}};
//   saved.resume(trainer);
//   while (trainer.state().step < steps) {
//     report << trainer.step(loader.batch(trainer.state().step));
//     saved.after_step(trainer);
//   }
//
// A resumed run equals the uninterrupted one bit for bit, if its batches are functions of the step,
// as a loader's are. Weights that are not trained are not saved; the checkpoint holds a fingerprint
// of them, of the composition, of the options and of `about`, and refuses a trainer that differs,
// naming the field. Options that change no bit (micro-batches, recomputation) may differ.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "hone/checkpoint/run_folders.hpp"
#include "hone/checkpoint/run_state.hpp"

namespace hone {
inline namespace v0 {
namespace train {

struct CheckpointOptions {
  std::filesystem::path folder;
  std::int64_t every = 0;  // steps; 0: only when save() is called
  int keep = 2;            // newest checkpoints that stay
  // What else must be the same when the run goes on: the data's fingerprint, say.
  std::map<std::string, std::string> about = {};
};

class Checkpoints {
 public:
  explicit Checkpoints(CheckpointOptions options)
      : options_(std::move(options)), run_(options_.folder, options_.keep) {}

  // Brings the trainer to the newest checkpoint; false if there is none.
  template <class Trainer>
  bool resume(Trainer& trainer) {
    const auto newest = run_.newest();
    if (newest) load(trainer, *newest);
    run_.tidy();
    return newest.has_value();
  }

  template <class Trainer>
  void load(Trainer& trainer, const std::filesystem::path& checkpoint) {
    checkpoint::load_run(checkpoint, [&](auto& v) { visit(v, trainer); });
  }

  template <class Trainer>
  void save(Trainer& trainer) {
    checkpoint::save_run(run_, trainer.state().step, [&](auto& v) { visit(v, trainer); });
  }

  // Saves if this step is one of the `every`-th.
  template <class Trainer>
  void after_step(Trainer& trainer) {
    if (options_.every > 0 && trainer.state().step % options_.every == 0) save(trainer);
  }

  const checkpoint::RunFolders& folders() const { return run_; }

 private:
  template <class V, class Trainer>
  void visit(V& v, Trainer& trainer) {
    for (const auto& [name, value] : options_.about) v.expect(name, value);
    trainer.visit_state(v);
  }

  CheckpointOptions options_;
  checkpoint::RunFolders run_;
};

}  // namespace train
}  // namespace v0
}  // namespace hone
