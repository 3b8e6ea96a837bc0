// The progress of a run on a terminal, or in a log.
#pragma once

#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/report/metric.hpp"
#include "hone/report/record.hpp"
#include "hone/report/text.hpp"

namespace hone {
inline namespace v0 {
namespace report {

struct ConsoleOptions {
  std::FILE* out = stderr;
  std::optional<bool> terminal = {};  // asked from `out` when absent
  std::optional<bool> color = {};     // on a terminal, unless NO_COLOR is set
  int width = 0;                      // columns; 0 asks the terminal, or takes 100
  std::int64_t every = 1;             // a log gets a line every so many steps, and at the end
  std::int64_t samples = 3;           // at most so many are shown at a time
  // What is shown of a step, in this order, as far as it has it and the line has room.
  std::vector<std::string> show = {"loss",
                                   "reward/score_mean",
                                   "reward/judge_mean",
                                   "rewards/accuracy",
                                   "reward/kl",
                                   "rollout/length_mean",
                                   "rollout/entropy",
                                   "policy/entropy",
                                   "value/explained_variance",
                                   "loss/policy",
                                   "policy/clip_fraction",
                                   "update/lr"};
};

// On a terminal one line that changes, with a bar and the time left:
//
//     ppo  12/100 ━━━━━━━━━━━━━━━━━━━━  score 1.08  KL to reference 0.42  3.20 s/step  4:42 left
//
// elsewhere a plain line a step. Held-out metrics and samples stand on lines that stay.
class Console {
 public:
  explicit Console(ConsoleOptions options = {}) : options_(std::move(options)) {
    terminal_ = options_.terminal.value_or(::isatty(::fileno(options_.out)) != 0);
    const char* no_color = std::getenv("NO_COLOR");
    color_ = options_.color.value_or(terminal_ && !(no_color && *no_color));
  }

  void begin(const Run& run) {
    run_ = run;
    done_ = run.first_step;
    started_ = std::chrono::steady_clock::now();
  }

  void metrics(std::int64_t step, Metrics values) {
    done_ = step + 1;
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
    per_step_ = seconds / static_cast<double>(std::max<std::int64_t>(1, done_ - run_.first_step));
    std::string held_out;
    for (const auto& [name, value] : values)
      if (name.starts_with(eval_prefix)) held_out += "  " + label_of(name) + ' ' + brief(value);
    if (!held_out.empty()) lasting(run_.name + " " + counter() + held_out);
    if (terminal_) {
      draw(values);
    } else if (done_ % std::max<std::int64_t>(1, options_.every) == 0 || done_ == run_.steps) {
      std::string line = run_.name + ' ' + counter();
      for (const auto& field : fields(values)) line += "  " + field;
      put(line + "  " + pace() + '\n');
    }
  }

  void samples(std::int64_t step, std::span<const Sample> rows) {
    if (rows.empty() || options_.samples <= 0) return;
    const auto shown = std::min(rows.size(), static_cast<std::size_t>(options_.samples));
    const auto room = static_cast<std::size_t>(std::max(width() - 14, 20));
    std::string table;
    table += dim("  samples, step " + std::to_string(step + 1)) + '\n';
    for (const Sample& s : rows.first(shown)) {
      const std::string prompt = one_line(s.prompt, room / 2);
      std::string score = brief(s.score);
      if (score.size() < 9) score.insert(0, 9 - score.size(), ' ');
      table += "  " + score + "  " + dim(prompt) + one_line(s.text, room - columns(prompt)) + '\n';
    }
    if (rows.size() > shown)
      table += dim("             and " + std::to_string(rows.size() - shown) + " more") + '\n';
    lasting(table.substr(0, table.size() - 1));
  }

  void end() {
    if (terminal_ && !line_.empty()) put("\n");
    line_.clear();
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
    put(run_.name + ": " + std::to_string(done_ - run_.first_step) + " steps in " + clock(seconds) +
        '\n');
  }

 private:
  void put(const std::string& text) const {
    std::fwrite(text.data(), 1, text.size(), options_.out);
    std::fflush(options_.out);
  }

  // A line that stays, above the one that changes.
  void lasting(const std::string& text) {
    put((terminal_ ? "\r\033[K" : "") + text + '\n' + (terminal_ ? line_ : ""));
  }

  std::string colored(std::string_view code, const std::string& text) const {
    return color_ ? "\033[" + std::string(code) + "m" + text + "\033[0m" : text;
  }
  std::string dim(const std::string& text) const { return colored("2", text); }

  std::string counter() const {
    const std::string done = std::to_string(done_);
    if (run_.steps <= 0) return done;
    const std::string all = std::to_string(run_.steps);
    return std::string(all.size() - std::min(all.size(), done.size()), ' ') + done + '/' + all;
  }

  std::string pace() const {
    std::string out = brief(per_step_) + " s/step";
    if (run_.steps > done_)
      out += "  " + clock(per_step_ * static_cast<double>(run_.steps - done_)) + " left";
    return out;
  }

  std::vector<std::string> fields(Metrics values) const {
    std::vector<std::string> out;
    for (const std::string& name : options_.show)
      for (const auto& [known, value] : values)
        if (known == name) out.push_back(label_of(name) + ' ' + brief(value));
    return out;
  }

  int width() const {
    if (options_.width > 0) return options_.width;
    struct ::winsize size {};
    const bool known = terminal_ && ::ioctl(::fileno(options_.out), TIOCGWINSZ, &size) == 0;
    return known && size.ws_col > 0 ? size.ws_col : 100;
  }

  void draw(Metrics values) {
    const auto room = static_cast<std::size_t>(std::max(width() - 1, 20));
    const std::string head = run_.name + ' ' + counter(), tail = "  " + pace();
    std::size_t used = columns(head) + columns(tail) + 1;
    const std::size_t bar =
        run_.steps > 0 && used + 12 < room ? std::min<std::size_t>(20, room - used - 2) : 0;
    used += bar;
    std::string middle;
    for (const std::string& field : fields(values)) {
      if (used + 2 + columns(field) > room) break;
      used += 2 + columns(field);
      middle += "  " + field;
    }
    line_ = colored("1", head) + ' ' + drawn(bar) + middle + (used <= room ? dim(tail) : "");
    put("\r\033[K" + line_);
  }

  std::string drawn(std::size_t size) const {
    if (size == 0) return "";
    const double share = static_cast<double>(done_) / static_cast<double>(run_.steps);
    const auto full =
        std::min(size, static_cast<std::size_t>(share * static_cast<double>(size) + 1e-9));
    std::string done, left;
    for (std::size_t i = 0; i < full; ++i) done += color_ ? "\u2501" : "#";
    for (std::size_t i = full; i < size; ++i) left += color_ ? "\u2501" : ".";
    return colored("32", done) + dim(left);
  }

  ConsoleOptions options_;
  bool terminal_ = false, color_ = false;
  Run run_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  double per_step_ = 0;
  std::int64_t done_ = 0;
  std::string line_;  // as it stands on the terminal
};

}  // namespace report
}  // namespace v0
}  // namespace hone
