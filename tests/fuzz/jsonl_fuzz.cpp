// Any bytes as a JSON-lines file: either an Error, or records that every stage can take.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "hone/data/batch.hpp"
#include "hone/data/jsonl.hpp"
#include "hone/data/stage.hpp"

namespace {

using namespace hone;
using namespace hone::data;

const auto tokenize = [](std::string_view text) {
  return std::vector<Token>(text.begin(), text.end());
};

const auto chat = [](std::span<const Message> turns, bool open_answer) {
  std::string out;
  for (const Message& m : turns) out += m.role + ":" + m.content + "\n";
  return open_answer ? out + "assistant:" : out;
};

const Format format{.text = human_assistant(), .chat = chat};

void check(bool good) {
  if (!good) std::abort();
}

template <class Stage>
void use(const std::vector<Record>& records, const Stage& stage) {
  const Store store = prepare(records, stage, format, tokenize);
  check(store.tally().read == records.size());
  Batch batch;
  for (std::uint64_t tree = 0; tree < store.size(); ++tree) {
    add_tree(batch, store, {.index = tree});
    store.info(tree);
  }
  check(static_cast<std::int64_t>(batch.trained.size()) == batch.forest.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  auto text =
      std::make_shared<std::istringstream>(std::string(reinterpret_cast<const char*>(bytes), size));
  try {
    std::vector<Record> records;
    JsonLines lines(text, "fuzz.jsonl");
    for (const Record& record : lines) records.push_back(record);
    use(records, Demonstrations{.max_tokens = 40, .end = 1});
    use(records, Rankings{.max_tokens = 40, .need_pair = false});
    use(records, Prompts{.max_tokens = 10});
    use(records, Blocks{.tokens = 16});
  } catch (const Error& e) {
    if (!std::string(e.what()).starts_with("fuzz.jsonl:")) throw;
  }
  return 0;
}
