// What every training program can be told, on the command line or in a TOML file.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "hone/train/adamw.hpp"
#include "hone/train/schedule.hpp"
#include "saving.hpp"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace examples {

// A file of records and its share of what is read, which only the other files' weights give a
// meaning.
struct DataFile {
  std::string path;
  double weight = 1.0;
};

// How records become tokens.
struct TextSettings {
  std::string form;   // "human-assistant", or the chat template of a model without one
  std::string cache;  // folder of prepared data; empty: none is kept
};

struct Settings {
  std::string model, held_out, out;
  std::vector<DataFile> data;
  TextSettings text = {};
  std::uint64_t seed = 1;
  int threads = 0;
  std::int64_t steps = 100;
  std::int32_t batch = 16;        // records of a step
  std::int64_t max_tokens = 512;  // of a text, prompt and answer together
  std::int64_t evaluate_every = 0;
  float rate = 1e-5f;
  std::int64_t warmup = 0;
  hone::train::Decay decay = hone::train::Decay::cosine;
  hone::train::AdamW optimizer = {};
  std::int64_t lora_rank = 0;
  float lora_alpha = 16.0f;
  std::int64_t train_from = 0;
  bool recompute = false;
  Saving saving = {};

  hone::train::Schedule schedule() const {
    return {.peak = rate, .decay = decay, .warmup = warmup, .total = steps};
  }
};

// What the programs that learn from their own samples can be told besides.
struct OnlineSettings : Settings {
  std::int32_t group = 1;
  std::int32_t new_tokens = 128;
  float temperature = 1.0f;
  std::int32_t epochs = 1, minibatches = 1;
  float kl_coef = 0.05f;
  float clip_low = 0.2f, clip_high = 0.2f;
  double stop_kl = 0.0;
  float ema = 0.0f;  // decay of the averaged weights; 0: none
  std::string ptx;   // text to remember
  float ptx_coef = 27.8f;
  std::int32_t ptx_batch = 4;  // blocks of max_tokens in an update
  std::int64_t samples_every = 10;

  // Steps are rollouts, of which each has `epochs` times `minibatches` updates; a rate is a
  // function of the update.
  hone::train::Schedule schedule() const {
    hone::train::Schedule all = Settings::schedule();
    const std::int64_t updates = std::int64_t{epochs} * std::min(minibatches, batch);
    all.warmup *= updates;
    all.total *= updates;
    return all;
  }
};

void add_options(CLI::App& app, Settings& s);
void add_options(CLI::App& app, OnlineSettings& s);

// "FILE" or "FILE:WEIGHT".
DataFile data_file(const std::string& given);

// "a.jsonl", or "a.jsonl:2 b.jsonl" of several.
std::string spelling(const std::vector<DataFile>& files);

// What to say, and the status to end with, when the arguments cannot be used. A key of --config
// that no option has is named with its file and line.
int refuse(const CLI::App& app, const CLI::ParseError& e);

// Reads the arguments and runs a program's body. Errors are one line on the error stream and a
// status other than 0.
int program(CLI::App& app, int argc, char** argv, Settings& s, const std::function<void()>& body);

}  // namespace examples
