// hone's side of the model comparison; prints one JSON line.
//
//   model_side FOLDER generate BATCH PROMPT NEW REPEATS     ms per decoding step
//   model_side FOLDER step ROWS LENGTH REPEATS              ms per forward + backward
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "hone/checkpoint/hf_folder.hpp"
#include "hone/checkpoint/load_model.hpp"
#include "hone/core/random.hpp"
#include "hone/kernel/head_pass.hpp"
#include "hone/model/decoder.hpp"
#include "hone/rollout/engine.hpp"
#include "hone/train/token_pass.hpp"

namespace {

using namespace hone;
using Decoder = model::Decoder<model::Llama>;
using Clock = std::chrono::steady_clock;

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

double since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

std::vector<Token> random_tokens(std::int64_t n, std::uint64_t sequence) {
  RandomStream stream({.seed = 1, .sequence = sequence});
  std::vector<Token> out;
  for (std::int64_t i = 0; i < n; ++i) out.push_back(static_cast<Token>(3 + stream.below(30997)));
  return out;
}

double generate(Decoder& decoder, std::int64_t batch, std::int64_t prompt, std::int64_t count,
                std::int64_t repeats) {
  std::vector<rollout::Request> requests;
  for (std::int64_t i = 0; i < batch; ++i)
    requests.push_back({.prompt = random_tokens(prompt, static_cast<std::uint64_t>(i)),
                        .id = static_cast<std::uint64_t>(i)});
  rollout::Engine engine{decoder};
  std::vector<double> ms;
  for (std::int64_t r = 0; r <= repeats; ++r) {
    const auto start = Clock::now();
    const auto answers =
        engine.generate(requests, {.max_new_tokens = static_cast<std::int32_t>(count),
                                   .seed = static_cast<std::uint64_t>(r),
                                   .max_batch = static_cast<std::int32_t>(batch)});
    ms.push_back(since(start));
    for (const auto& a : answers)
      if (static_cast<std::int64_t>(a.tokens.size()) != count) std::abort();
  }
  ms.erase(ms.begin());
  return median(ms) / static_cast<double>(count);
}

double step(Decoder& decoder, std::int64_t rows, std::int64_t length, std::int64_t repeats) {
  Forest forest;
  for (std::int64_t i = 0; i < rows; ++i)
    forest.add_root(random_tokens(length, static_cast<std::uint64_t>(i)));
  decoder.train_from_layer(0);
  std::vector<double> ms;
  for (std::int64_t r = 0; r <= repeats; ++r) {
    decoder.for_each_parameter([](model::Parameter& p) { p.zero_gradient(); });
    const auto start = Clock::now();
    train::next_token_loss(decoder, forest);
    ms.push_back(since(start));
  }
  ms.erase(ms.begin());
  return median(ms);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::fprintf(stderr,
                 "usage: model_side FOLDER generate BATCH PROMPT NEW REPEATS\n"
                 "       model_side FOLDER step ROWS LENGTH REPEATS\n");
    return 2;
  }
  const std::string what = argv[2];
  set_threads(2);
  const checkpoint::HfFolder folder{argv[1]};
  Decoder decoder{folder.config()};
  checkpoint::load(decoder, folder);
  auto number = [&](int i) { return std::atoll(argv[i]); };
  const double ms = what == "generate"
                        ? generate(decoder, number(3), number(4), number(5), number(6))
                        : step(decoder, number(3), number(4), number(5));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("{\"side\": \"hone\", \"ms\": %.4f, \"peak_mib\": %.1f}\n", ms,
              static_cast<double>(usage.ru_maxrss) / 1024.0);
}
