// Encoding and decoding: MB/s on one thread, over the files named in HONE_BENCHMARK_TEXT (separated
// by colons), line by line and as one text. tokenizer_peer.py times the tokenizers package on them.
//
//   HONE_TEST_DATA=.deps/data HONE_BENCHMARK_TEXT=a.txt:b.py benchmark_text_tokenizer_bench
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "hone/text/tokenizer.hpp"

namespace {

using hone::Token;
using hone::text::Tokenizer;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

const std::string& whole_text() {
  static const std::string text = [] {
    std::string all;
    std::istringstream names(environment("HONE_BENCHMARK_TEXT"));
    for (std::string name; std::getline(names, name, ':');) all += hone::text::read_file(name);
    return all;
  }();
  return text;
}

std::vector<std::string_view> lines() {
  std::vector<std::string_view> out;
  for (std::string_view rest = whole_text(); !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size() - 1) + 1;
    out.push_back(rest.substr(0, end));
    rest.remove_prefix(end);
  }
  return out;
}

Tokenizer gpt2() {
  return Tokenizer::load(std::filesystem::path(environment("HONE_TEST_DATA")) / "gpt2");
}
Tokenizer qwen() {
  return Tokenizer::from_rank_file(std::filesystem::path(environment("HONE_TEST_DATA")) / "qwen" /
                                   "qwen.tiktoken");
}

template <Tokenizer (*make)()>
void encode_lines(benchmark::State& state) {
  const Tokenizer tokenizer = make();
  const auto all = lines();
  std::vector<Token> ids;
  for (auto _ : state) {
    ids.clear();
    for (const std::string_view line : all) tokenizer.encode_to(line, ids);
    benchmark::DoNotOptimize(ids.data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * whole_text().size()));
  state.counters["tokens"] = static_cast<double>(ids.size());
}

template <Tokenizer (*make)()>
void encode_whole(benchmark::State& state) {
  const Tokenizer tokenizer = make();
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer.encode(whole_text()));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * whole_text().size()));
}

template <Tokenizer (*make)()>
void decode(benchmark::State& state) {
  const Tokenizer tokenizer = make();
  const auto ids = tokenizer.encode(whole_text());
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer.decode(ids));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * whole_text().size()));
}

template <Tokenizer (*make)()>
void load(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(make().size());
}

BENCHMARK(encode_lines<gpt2>)->Unit(benchmark::kMillisecond);
BENCHMARK(encode_lines<qwen>)->Unit(benchmark::kMillisecond);
BENCHMARK(encode_whole<gpt2>)->Unit(benchmark::kMillisecond);
BENCHMARK(encode_whole<qwen>)->Unit(benchmark::kMillisecond);
BENCHMARK(decode<gpt2>)->Unit(benchmark::kMillisecond);
BENCHMARK(decode<qwen>)->Unit(benchmark::kMillisecond);
BENCHMARK(load<gpt2>)->Unit(benchmark::kMillisecond);
BENCHMARK(load<qwen>)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
