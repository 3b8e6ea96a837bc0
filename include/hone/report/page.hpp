// A run as one HTML page that needs nothing else: curves, samples before and after, settings.
#pragma once

#include <cmath>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hone/checkpoint/atomic_file.hpp"
#include "hone/report/bootstrap.hpp"
#include "hone/report/chart.hpp"
#include "hone/report/history.hpp"
#include "hone/report/metric.hpp"
#include "hone/report/record.hpp"
#include "hone/report/text.hpp"

namespace hone {
inline namespace v0 {
namespace report {

// A number that sums the run up.
struct Highlight {
  std::string label = {};
  std::string value = {};
  std::string note = {};  // what it compares with, how sure it is
};

// "before -> after", the difference with its interval below.
inline Highlight change(std::string label, double before, double after,
                        const Interval& difference) {
  return {.label = std::move(label),
          .value = brief(before) + " \u2192 " + brief(after),
          .note = (difference.mean >= 0 ? "+" : "") + brief(difference.mean) + ", 95 % interval " +
                  brief(difference.low) + " to " + brief(difference.high)};
}

// One stage of a run, a section of the page.
struct Stage {
  std::string title = {};
  std::string note = {};
  History history = {};
};

// The same prompt answered by two versions of a model.
struct BeforeAfter {
  std::string prompt = {};
  std::string before = {}, after = {};
  double score_before = 0, score_after = 0;
};

struct Page {
  std::string title = "hone";
  std::string subtitle = {};
  std::vector<Highlight> highlights = {};
  std::vector<Stage> stages = {};
  std::vector<BeforeAfter> samples = {};
  std::vector<std::pair<std::string, std::string>> settings = {};
};

// One chart for each metric of a history, in the order of the table; a metric and its held-out twin
// share one, chosen and rejected scores too. Counts are left out, and what never had a value.
inline std::vector<Chart> charts(const History& history) {
  std::vector<Chart> out;
  const auto add = [&](std::string_view name, std::string label, Chart& chart) {
    const Series* s = history.find(name);
    bool finite = false;
    if (s)
      for (const double v : s->values) finite = finite || std::isfinite(v);
    if (finite) chart.curves.push_back({std::move(label), s->steps, s->values});
  };
  const auto keep = [&](Chart chart) {
    if (!chart.curves.empty()) out.push_back(std::move(chart));
  };
  for (const Metric& m : metric_table) {
    if (m.name == "pairs" || m.name == "tokens" || m.name == "update/stopped_early" ||
        m.name == "rewards/rejected")
      continue;
    Chart chart{.title = std::string(m.label), .note = std::string(m.definition)};
    if (!m.unit.empty()) chart.title += " [" + std::string(m.unit) + "]";
    chart.exact = m.name == "update/lr" || m.name == "reward/kl_coef";
    const std::string held_out = std::string(eval_prefix) + std::string(m.name);
    if (m.name == "rewards/chosen") {
      chart.title = "chosen and rejected scores";
      chart.note = "Score or implicit reward of the two answers of a pair, means over pairs.";
      add("rewards/chosen", "chosen", chart);
      add("rewards/rejected", "rejected", chart);
      add("eval/rewards/chosen", "held-out chosen", chart);
      add("eval/rewards/rejected", "held-out rejected", chart);
    } else {
      add(m.name, "training", chart);
      add(held_out, "held-out", chart);
    }
    keep(std::move(chart));
  }
  for (const Series& s : history.series()) {
    if (find_metric(s.name)) continue;
    Chart chart{.title = s.name};
    add(s.name, s.name, chart);
    keep(std::move(chart));
  }
  return out;
}

namespace detail {

inline constexpr std::string_view page_style = R"css(
:root{--paper:#fff;--card:#f8fafc;--ink:#111827;--quiet:#6b7280;--grid:#e5e7eb;--edge:#e2e8f0;
--curve-0:#2563eb;--curve-1:#d97706;--curve-2:#059669;--curve-3:#9333ea;--curve-4:#dc2626;--curve-5:#0891b2}
@media(prefers-color-scheme:dark){:root{--paper:#0f1419;--card:#171d24;--ink:#e5e7eb;--quiet:#94a3b8;
--grid:#2a323c;--edge:#252d37;--curve-0:#60a5fa;--curve-1:#fbbf24;--curve-2:#34d399;--curve-3:#c084fc;
--curve-4:#f87171;--curve-5:#22d3ee}}
*{box-sizing:border-box}
body{margin:0 auto;padding:32px 24px 64px;max-width:1180px;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
h1{font-size:26px;margin:0}h2{font-size:19px;margin:40px 0 4px}h3{font-size:13px;font-weight:600;margin:0}
p{margin:4px 0 0;color:var(--quiet)}
.grid{display:grid;gap:14px;margin-top:14px}
.tiles{grid-template-columns:repeat(auto-fit,minmax(210px,1fr));margin-top:24px}
.charts{grid-template-columns:repeat(auto-fill,minmax(min(340px,100%),1fr))}
.card{background:var(--card);border:1px solid var(--edge);border-radius:10px;padding:12px 14px}
.tile b{display:block;font-size:23px;font-weight:650;margin:2px 0;font-variant-numeric:tabular-nums}
.tile span,.small{color:var(--quiet);font-size:13px}
.head{display:flex;justify-content:space-between;gap:12px;margin-bottom:4px}
.head span{color:var(--quiet);font-size:13px;font-variant-numeric:tabular-nums;white-space:nowrap}
.legend{display:flex;flex-wrap:wrap;gap:2px 14px;color:var(--quiet);font-size:12px}
.legend i{display:inline-block;width:14px;height:3px;border-radius:2px;margin-right:5px;vertical-align:middle}
svg{display:block;width:100%;height:auto}
.wide{overflow-x:auto;margin-top:14px}
table{border-collapse:collapse;width:100%;font-size:14px}
th{text-align:left;font-weight:600;color:var(--quiet);font-size:13px}
th,td{padding:7px 12px 7px 0;border-bottom:1px solid var(--edge);vertical-align:top}
td.text{white-space:pre-wrap;overflow-wrap:anywhere;min-width:180px}
td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;color:var(--quiet)}
td.number,th.number{text-align:right}td.name{white-space:nowrap;color:var(--quiet)}
code{font:13px ui-monospace,monospace}
)css";

inline std::string chart_card(const Chart& chart) {
  std::string out =
      "<div class=\"card\"><div class=\"head\"><h3>" + html_text(chart.title) + "</h3><span>";
  const Curve& first = chart.curves.front();
  double begin = NAN, end = NAN;
  for (const double v : first.y)
    if (std::isfinite(v)) {
      if (std::isnan(begin)) begin = v;
      end = v;
    }
  out += brief(begin) + " \u2192 " + brief(end) + "</span></div>" + svg(chart);
  if (chart.curves.size() > 1) {
    out += "<div class=\"legend\">";
    for (std::size_t c = 0; c < chart.curves.size(); ++c)
      out += "<div><i style=\"background:var(--curve-" + std::to_string(c % 6) + ")\"></i>" +
             html_text(chart.curves[c].label) + "</div>";
    out += "</div>";
  }
  return out + "</div>";
}

}  // namespace detail

inline std::string html(const Page& page) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\"><meta name=\"color-scheme\" content=\"light "
      "dark\"><title>" +
      html_text(page.title) + "</title><style>" + std::string(detail::page_style) +
      "</style></head><body>\n<h1>" + html_text(page.title) + "</h1>";
  if (!page.subtitle.empty()) out += "<p>" + html_text(page.subtitle) + "</p>";
  if (!page.highlights.empty()) {
    out += "\n<div class=\"grid tiles\">";
    for (const Highlight& h : page.highlights)
      out += "<div class=\"card tile\"><span>" + html_text(h.label) + "</span><b>" +
             html_text(h.value) + "</b><span>" + html_text(h.note) + "</span></div>";
    out += "</div>";
  }
  for (const Stage& stage : page.stages) {
    out += "\n<h2>" + html_text(stage.title) + "</h2>";
    if (!stage.note.empty()) out += "<p>" + html_text(stage.note) + "</p>";
    out += "<div class=\"grid charts\">";
    for (const Chart& chart : charts(stage.history)) out += detail::chart_card(chart);
    out += "</div>";
  }
  if (!page.samples.empty()) {
    out +=
        "\n<h2>Samples, before and after</h2><div class=\"wide\"><table><tr><th>prompt</th><th>"
        "before</th><th class=\"number\">score</th><th>after</th><th "
        "class=\"number\">score</th></tr>";
    for (const BeforeAfter& s : page.samples)
      out += "<tr><td class=\"text\">" + html_text(s.prompt) + "</td><td class=\"text\">" +
             html_text(s.before) + "</td><td class=\"number\">" + brief(s.score_before) +
             "</td><td class=\"text\">" + html_text(s.after) + "</td><td class=\"number\">" +
             brief(s.score_after) + "</td></tr>";
    out += "</table></div>";
  }
  if (!page.settings.empty()) {
    out += "\n<h2>Settings</h2><div class=\"wide\"><table>";
    for (const auto& [name, value] : page.settings)
      out += "<tr><td class=\"name\">" + html_text(name) + "</td><td class=\"text\"><code>" +
             html_text(value) + "</code></td></tr>";
    out += "</table></div>";
  }
  return out + "\n</body></html>\n";
}

inline void write_page(const std::filesystem::path& path, const Page& page) {
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
  checkpoint::write_file(path, html(page));
}

// A sink that writes the page of one stage when the run ends. The first samples of a prompt are its
// "before", the last its "after". A resumed run reads the steps before it from `metrics_jsonl`.
class HtmlPage {
 public:
  explicit HtmlPage(std::filesystem::path path, std::filesystem::path metrics_jsonl = {})
      : path_(std::move(path)), metrics_jsonl_(std::move(metrics_jsonl)) {}

  void begin(const Run& run) {
    if (run.first_step > 0 && !metrics_jsonl_.empty() && std::filesystem::exists(metrics_jsonl_))
      history_ = History::read(metrics_jsonl_);
    history_.begin(run);
    page_.title = run.name;
    page_.settings = run.settings;
  }
  void metrics(std::int64_t step, Metrics values) { history_.metrics(step, values); }
  void samples(std::int64_t, std::span<const Sample> rows) {
    for (const Sample& s : rows) {
      BeforeAfter* pair = nullptr;
      for (BeforeAfter& known : page_.samples)
        if (known.prompt == s.prompt) pair = &known;
      if (!pair)
        pair = &page_.samples.emplace_back(
            BeforeAfter{.prompt = s.prompt, .before = s.text, .score_before = s.score});
      pair->after = s.text;
      pair->score_after = s.score;
    }
  }
  void end() {
    page_.stages = {{.title = "Curves", .history = history_}};
    write_page(path_, page_);
  }

  // To add highlights and a subtitle before end().
  Page& page() { return page_; }

 private:
  std::filesystem::path path_, metrics_jsonl_;
  History history_;
  Page page_;
};

}  // namespace report
}  // namespace v0
}  // namespace hone
