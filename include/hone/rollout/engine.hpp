// Generation on a model's own weights: no second model, nothing to reload after an update.
//
// Continuous batching (Yu et al. 2022, "Orca", section 4.1): a finished sequence makes room for the
// next at once. A prompt is computed once and its keys and values are shared by all its samples.
// Answers and log-probabilities are functions of (weights, prompt, sampling, seed, step, id) alone:
// neither batch composition, nor cache, nor thread count changes a bit, and the log-probability of
// each token is the one that a training pass computes.
//
//   rollout::Engine engine{decoder};
//   auto answers = engine.generate(requests, {.max_new_tokens = 64, .stop_tokens = {eos}});
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hone/core/parallel.hpp"
#include "hone/kernel/activation.hpp"
#include "hone/kernel/attention_cache.hpp"
#include "hone/kernel/linear.hpp"
#include "hone/model/native.hpp"
#include "hone/rollout/context.hpp"
#include "hone/rollout/request.hpp"
#include "hone/rollout/sampling.hpp"

namespace hone {
inline namespace v0 {
namespace rollout {

// Words of tokens; needed for stop strings only.
using Decode = std::function<std::string(std::span<const Token>)>;

// Called for every sampled token, in the order of sampling.
using OnToken = std::function<void(const Answer& so_far)>;

template <class Decoder>
class Engine {
 public:
  explicit Engine(Decoder& decoder) : decoder_(&decoder) {}

  // The answers of all requests, request by request, sample by sample.
  std::vector<Answer> generate(std::span<const Request> requests, const GenerateOptions& options,
                               const Decode& decode = {}, const OnToken& on_token = {}) {
    check(options);
    check_requests(requests, options, decode);
    require(!options.stop_strings.empty() ? static_cast<bool>(decode) : true,
            "Engine: stop strings need a decode function");
    forget_other_versions(options.adapters);
    Run run{.requests = requests, .options = options, .decode = decode, .on_token = on_token};
    for (std::size_t r = 0; r < requests.size(); ++r)
      run.waiting_prompts.push_back(static_cast<std::int32_t>(r));
    std::size_t total = 0;
    for (const Request& r : requests) {
      run.first_answer.push_back(static_cast<std::int32_t>(total));
      total += static_cast<std::size_t>(r.samples);
    }
    run.answers.resize(total);
    while (!run.waiting_prompts.empty() || !run.waiting.empty() || !run.active.empty()) {
      admit(run);
      if (!run.active.empty()) decode_step(run);
    }
    return std::move(run.answers);
  }

  // Keeps the keys and values of up to `sequences` finished sequences for prompts that begin with
  // the same tokens, a conversation's next turn for instance. They are dropped when the weights
  // change.
  void keep_contexts(std::size_t sequences) {
    kept_limit_ = sequences;
    while (kept_.size() > kept_limit_) kept_.pop_front();
  }

  // Tokens whose computation kept contexts have saved so far.
  std::int64_t reused_tokens() const { return reused_tokens_; }

 private:
  // The model's cached attention reads no gradients and never changes what others share.
  using Pass = typename Decoder::Pass;
  using Tensor = typename Decoder::Tensor;

  struct Prompt {
    Context context;
    std::vector<float> logits;  // [vocab] after its last token
    std::int32_t samples_left = 0;
  };

  struct Sequence {
    std::int32_t request = 0, sample = 0;
    std::shared_ptr<Prompt> prompt;
    Context context;
    Answer answer;
  };

  struct Run {
    std::span<const Request> requests;
    const GenerateOptions& options;
    const Decode& decode;
    const OnToken& on_token;
    std::deque<std::int32_t> waiting_prompts = {};
    std::deque<Sequence> waiting = {};
    std::vector<Sequence> active = {};
    std::vector<std::int32_t> first_answer = {};
    std::vector<Answer> answers = {};
  };

  struct Kept {
    Context context;
    std::uint64_t version;
    bool adapters;
  };

  void check_requests(std::span<const Request> requests, const GenerateOptions& options,
                      const Decode&) const {
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const Request& r = requests[i];
      require(!r.prompt.empty(), "request ", i, ": the prompt has no token, expected at least one ",
              "(a begin-of-text token, for instance)");
      require(r.samples > 0, "request ", i, ": samples is ", r.samples,
              ", expected a positive number");
      const auto room =
          decoder_->config().max_positions - static_cast<std::int64_t>(r.prompt.size());
      require(room > 0, "request ", i, ": the prompt has ", r.prompt.size(),
              " tokens, expected fewer than the model's ", decoder_->config().max_positions,
              " positions");
    }
    for (Token t : options.stop_tokens)
      require(t >= 0 && t < decoder_->config().vocab, "GenerateOptions: stop token ", t,
              ", expected an id below ", decoder_->config().vocab);
  }

  // Fills the free places of the batch, computing prompts as they are needed.
  void admit(Run& run) {
    const auto limit = static_cast<std::size_t>(run.options.max_batch);
    while (run.active.size() < limit) {
      if (run.waiting.empty()) {
        if (run.waiting_prompts.empty()) return;
        prefill(run, limit - run.active.size());
      }
      Sequence s = std::move(run.waiting.front());
      run.waiting.pop_front();
      start(run, std::move(s));
    }
  }

  // Samples the first token from the prompt's logits.
  void start(Run& run, Sequence s) {
    const std::vector<float>& logits = s.prompt->logits;
    thread_local std::vector<float> row;
    row.assign(logits.begin(), logits.end());
    accept(run, s, sample(run.options.sampling, row, key_of(run, s)));
    if (--s.prompt->samples_left == 0) s.prompt->logits = {};
    if (finished(run, s)) return;
    s.context.share(s.prompt->context, s.prompt->context.length());
    s.context.grow_new_block(decoder_->config().layers);
    // Members of a group stay next to each other, so that they read their prefix together.
    auto at = std::find_if(run.active.rbegin(), run.active.rend(),
                           [&](const Sequence& a) { return a.request == s.request; });
    run.active.insert(at == run.active.rend() ? run.active.end() : at.base(), std::move(s));
  }

  RandomKey key_of(const Run& run, const Sequence& s) const {
    const Request& r = run.requests[static_cast<std::size_t>(s.request)];
    return {.seed = run.options.seed,
            .step = run.options.step,
            .sequence = mix(r.id, static_cast<std::uint64_t>(s.sample)),
            .position = static_cast<std::uint32_t>(r.prompt.size() + s.answer.tokens.size())};
  }

  void accept(Run& run, Sequence& s, const Sampled& sampled) {
    s.answer.tokens.push_back(sampled.token);
    s.answer.logprobs.push_back(sampled.logprob);
    if (run.on_token) run.on_token(s.answer);
  }

  // Stores the answer when it has come to its end.
  bool finished(Run& run, Sequence& s) {
    const GenerateOptions& o = run.options;
    const Request& r = run.requests[static_cast<std::size_t>(s.request)];
    const Token last = s.answer.tokens.back();
    const auto length = static_cast<std::int64_t>(s.answer.tokens.size());
    if (std::find(o.stop_tokens.begin(), o.stop_tokens.end(), last) != o.stop_tokens.end())
      s.answer.finish = FinishReason::end_token;
    else if (holds_stop_string(run, s))
      s.answer.finish = FinishReason::stop_string;
    else if (length >= o.max_new_tokens || length + static_cast<std::int64_t>(r.prompt.size()) >=
                                               decoder_->config().max_positions)
      s.answer.finish = FinishReason::length;
    else
      return false;
    keep(run, s);
    const auto at = run.first_answer[static_cast<std::size_t>(s.request)] + s.sample;
    run.answers[static_cast<std::size_t>(at)] = std::move(s.answer);
    return true;
  }

  static bool holds_stop_string(const Run& run, const Sequence& s) {
    if (run.options.stop_strings.empty()) return false;
    std::size_t longest = 0;
    for (const std::string& stop : run.options.stop_strings)
      longest = std::max(longest, stop.size());
    // A new match ends in the newest token; each token holds at least one byte of it.
    const std::size_t tail = std::min(s.answer.tokens.size(), longest + 8);
    const std::string text = run.decode(std::span<const Token>(s.answer.tokens).last(tail));
    for (const std::string& stop : run.options.stop_strings)
      if (text.find(stop) != std::string::npos) return true;
    return false;
  }

  // Computes waiting prompts, enough to fill `places`, in passes of about prefill_tokens.
  void prefill(Run& run, std::size_t places) {
    std::vector<std::shared_ptr<Prompt>> prompts;
    std::vector<std::int32_t> which;
    std::int64_t tokens = 0;
    std::size_t sequences = 0;
    while (!run.waiting_prompts.empty() && sequences < places &&
           (tokens == 0 || tokens < run.options.prefill_tokens)) {
      const std::int32_t r = run.waiting_prompts.front();
      run.waiting_prompts.pop_front();
      const Request& request = run.requests[static_cast<std::size_t>(r)];
      auto prompt = std::make_shared<Prompt>();
      prompt->samples_left = request.samples;
      reuse(run, request, prompt->context);
      prompt->context.grow_new_block(decoder_->config().layers);
      tokens += static_cast<std::int64_t>(request.prompt.size()) - prompt->context.length();
      sequences += static_cast<std::size_t>(request.samples);
      prompts.push_back(std::move(prompt));
      which.push_back(r);
    }
    // Long prompts go through in chunks, so that a pass stays near its budget.
    std::vector<Work> work;
    std::vector<std::size_t> owner;
    bool more = true;
    while (more) {
      more = false;
      work.clear();
      owner.clear();
      std::int64_t room = run.options.prefill_tokens;
      for (std::size_t i = 0; i < prompts.size(); ++i) {
        const auto& prompt = run.requests[static_cast<std::size_t>(which[i])].prompt;
        const std::int64_t done = prompts[i]->context.length();
        const std::int64_t left = static_cast<std::int64_t>(prompt.size()) - done;
        if (left == 0) continue;
        const std::int64_t n = std::min(left, room);
        if (n < left) more = true;
        if (n == 0) continue;
        room -= n;
        work.push_back({&prompts[i]->context,
                        std::span<const Token>(prompt).subspan(static_cast<std::size_t>(done),
                                                               static_cast<std::size_t>(n)),
                        n == left});
        owner.push_back(i);
      }
      if (work.empty()) break;
      const Tensor logits = forward(run.options, work);
      std::int64_t row = 0;
      for (std::size_t w = 0; w < work.size(); ++w)
        if (work[w].wants_logits) {
          const float* z = logits.data() + row++ * logits.stride();
          prompts[owner[w]]->logits.assign(z, z + decoder_->config().vocab);
        }
    }
    for (std::size_t i = 0; i < prompts.size(); ++i)
      for (std::int32_t s = 0; s < run.requests[static_cast<std::size_t>(which[i])].samples; ++s) {
        Sequence sequence;
        sequence.request = sequence.answer.request = which[i];
        sequence.sample = sequence.answer.sample = s;
        sequence.prompt = prompts[i];
        run.waiting.push_back(std::move(sequence));
      }
  }

  // One token for every active sequence.
  void decode_step(Run& run) {
    std::vector<Work> work;
    for (Sequence& s : run.active)
      work.push_back({&s.context, std::span<const Token>(s.answer.tokens).last(1), true});
    Tensor logits = run.options.cache ? forward(run.options, work) : recompute(run);
    const auto batch = static_cast<std::int64_t>(run.active.size());
    const auto vocab = static_cast<std::size_t>(decoder_->config().vocab);
    std::vector<Sampled> sampled(run.active.size());
    parallel_for(batch, [&](std::int64_t i) {
      const Sequence& s = run.active[static_cast<std::size_t>(i)];
      sampled[static_cast<std::size_t>(i)] = sample(
          run.options.sampling, {logits.data() + i * logits.stride(), vocab}, key_of(run, s));
    });
    std::vector<Sequence> going;
    going.reserve(run.active.size());
    for (std::size_t i = 0; i < run.active.size(); ++i) {
      accept(run, run.active[i], sampled[i]);
      if (!finished(run, run.active[i])) going.push_back(std::move(run.active[i]));
    }
    run.active = std::move(going);
  }

  // New tokens of one sequence in a pass.
  struct Work {
    Context* context;
    std::span<const Token> tokens;
    bool wants_logits;  // after its last token
  };

  // Runs new tokens through the model, appends their keys and values, and returns the logits of
  // those that want them, [rows, vocab rounded up].
  Tensor forward(const GenerateOptions& options, std::span<const Work> work) {
    std::vector<Token> tokens;
    std::vector<std::int32_t> positions;
    std::vector<std::int64_t> rows;  // of the hidden states that the head reads
    for (const Work& w : work) {
      auto position = static_cast<std::int32_t>(w.context->length());
      for (Token t : w.tokens) {
        tokens.push_back(t);
        positions.push_back(position++);
      }
      if (w.wants_logits) rows.push_back(static_cast<std::int64_t>(tokens.size()) - 1);
    }
    std::vector<kernel::KvPiece> pieces;
    std::vector<kernel::CachedQuery> queries(work.size());
    std::vector<std::pair<std::size_t, std::size_t>> ranges(work.size());
    std::vector<std::int64_t> begins;  // of each sequence's new tokens
    for (std::int64_t row = 0; const Work& w : work) {
      begins.push_back(row);
      row += static_cast<std::int64_t>(w.tokens.size());
    }
    auto attend = [&](Pass& pass, std::int64_t layer, const Tensor& q, const Tensor& k,
                      const Tensor& v, const model::AttentionNumbers& numbers) {
      // The thread that attends to a sequence's keys is mostly the one that appended to them.
      parallel_for_neighbours(static_cast<std::int64_t>(work.size()), [&](std::int64_t c) {
        const auto i = static_cast<std::size_t>(c);
        kernel::KvCache& cache = work[i].context->last_cache(layer);
        const auto n = static_cast<std::int64_t>(work[i].tokens.size());
        if (cache.capacity() == 0)
          cache = kernel::KvCache(Pass::shape_of(numbers), n > 1 ? n : first_capacity);
        cache.append(n, k.data() + begins[i] * k.stride(), v.data() + begins[i] * v.stride(),
                     k.stride());
      });
      pieces.clear();
      for (std::size_t i = 0; i < work.size(); ++i) {
        const std::size_t begin = pieces.size();
        work[i].context->pieces(layer, pieces);
        ranges[i] = {begin, pieces.size() - begin};
        queries[i] = {.pieces = {},
                      .begin = begins[i],
                      .rows = static_cast<std::int64_t>(work[i].tokens.size())};
      }
      for (std::size_t i = 0; i < work.size(); ++i)
        queries[i].pieces =
            std::span<const kernel::KvPiece>(pieces).subspan(ranges[i].first, ranges[i].second);
      return pass.attention(q, queries, numbers);
    };
    Pass pass({.adapters = options.adapters});
    const Tensor hidden = decoder_->run(pass, tokens, positions, attend);
    for (const Work& w : work) w.context->advance(w.tokens);
    return logits_of(hidden, rows);
  }

  // The same logits from whole sequences, without a cache.
  Tensor recompute(const Run& run) {
    Forest forest;
    std::vector<std::int64_t> rows;
    for (const Sequence& s : run.active) {
      std::vector<Token> all = run.requests[static_cast<std::size_t>(s.request)].prompt;
      all.insert(all.end(), s.answer.tokens.begin(), s.answer.tokens.end());
      forest.add_root(all);
      rows.push_back(forest.size() - 1);
    }
    Pass pass({.adapters = run.options.adapters});
    return logits_of(decoder_->run(pass, forest), rows);
  }

  Tensor logits_of(const Tensor& hidden, std::span<const std::int64_t> rows) {
    const auto count = static_cast<std::int64_t>(rows.size());
    const std::int64_t width = decoder_->width(), vocab = decoder_->config().vocab;
    Tensor logits(count, vocab, false);
    if (count == 0) return logits;
    Tensor picked = hidden;
    if (count != hidden.rows()) {
      picked = Tensor(count, width, false);
      for (std::int64_t i = 0; i < count; ++i)
        std::copy_n(hidden.data() + rows[static_cast<std::size_t>(i)] * hidden.stride(), width,
                    picked.data() + i * width);
    }
    kernel::linear(
        {.rows = count, .in = width, .out = vocab, .ld_x = picked.stride(), .ld_y = vocab},
        picked.data(), decoder_->head().value().data(), nullptr, logits.data());
    const float cap = decoder_->config().final_softcap;
    if (cap > 0.0f)
      kernel::activate(kernel::SoftCap{cap}, count * vocab, logits.data(), logits.data());
    return logits;
  }

  void forget_other_versions(bool adapters) {
    std::erase_if(kept_, [&](const Kept& k) {
      return k.version != decoder_->version() || k.adapters != adapters;
    });
  }

  // Begins the context with the longest kept one that the prompt starts with; at least the prompt's
  // last token is computed anew, since its logits are wanted.
  void reuse(const Run& run, const Request& request, Context& context) {
    std::int64_t best = 0;
    const Kept* from = nullptr;
    for (const Kept& k : kept_) {
      const std::int64_t n = std::min(k.context.common_prefix(request.prompt),
                                      static_cast<std::int64_t>(request.prompt.size()) - 1);
      if (n > best && run.options.cache) {
        best = n;
        from = &k;
      }
    }
    if (from) context.share(from->context, best);
    reused_tokens_ += best;
  }

  void keep(const Run& run, Sequence& s) {
    if (kept_limit_ == 0 || !run.options.cache) return;
    Context context = s.context.parts().empty() ? s.prompt->context : std::move(s.context);
    if (kept_.size() == kept_limit_) kept_.pop_front();
    kept_.push_back({std::move(context), decoder_->version(), run.options.adapters});
  }

  static constexpr std::int64_t first_capacity = 32;  // positions; a cache doubles as it grows

  Decoder* decoder_;
  std::deque<Kept> kept_;
  std::size_t kept_limit_ = 0;
  std::int64_t reused_tokens_ = 0;
};

}  // namespace rollout
}  // namespace v0
}  // namespace hone
