// Line charts as SVG, for a page that brings no script and asks no server.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "hone/report/text.hpp"

namespace hone {
inline namespace v0 {
namespace report {

struct Curve {
  std::string label = {};
  std::vector<double> x = {}, y = {};  // x ascends; a y that is no number leaves a gap
};

struct Chart {
  std::string title = {};
  std::string note = {};  // shown by what the mouse rests on
  std::vector<Curve> curves = {};
  bool exact = false;  // never smoothed
  int width = 360, height = 190;
};

// Marks on an axis.
struct Ticks {
  std::vector<double> at = {};
  double step = 1;     // between them
  double largest = 1;  // their greatest size
};

// About `count` round numbers in [low, high], 1, 2 or 5 times a power of ten apart.
inline Ticks round_ticks(double low, double high, int count, bool whole = false) {
  const double raw = (high - low) / std::max(1, count);
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  const double share = raw / power;
  double step = power * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10);
  if (whole) step = std::max(1.0, std::round(step));
  Ticks out{.step = step, .largest = 0};
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; ++i) {
    out.at.push_back(i == 0 ? 0.0 : i * step);
    out.largest = std::max(out.largest, std::abs(out.at.back()));
  }
  return out;
}

// A mark's text, in the form that suits its whole axis: 0.25, 1500, 20k, 1.5M, 2e-5.
inline std::string tick_text(double value, const Ticks& ticks) {
  char buffer[64];
  if (value == 0) return "0";
  const auto places = [](double step) {
    return std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  };
  if (ticks.largest < 1e-3 || ticks.largest >= 1e9) {
    const double power = std::floor(std::log10(std::abs(value)) + 1e-9);
    std::snprintf(buffer, sizeof buffer, "%.*fe%d", places(ticks.step / std::pow(10.0, power)),
                  value / std::pow(10.0, power), static_cast<int>(power));
    return buffer;
  }
  const double unit = ticks.largest >= 1e6 ? 1e6 : ticks.largest >= 1e4 ? 1e3 : 1;
  std::snprintf(buffer, sizeof buffer, "%.*f%s", places(ticks.step / unit), value / unit,
                unit == 1e6   ? "M"
                : unit == 1e3 ? "k"
                              : "");
  return buffer;
}

// A centred mean with triangular weights that reach `reach` points to each side; gaps stay gaps.
inline std::vector<double> smooth(const std::vector<double>& y, std::int64_t reach) {
  std::vector<double> out(y.size());
  const auto n = static_cast<std::int64_t>(y.size());
  for (std::int64_t i = 0; i < n; ++i) {
    double sum = 0, weights = 0;
    for (std::int64_t j = std::max<std::int64_t>(0, i - reach); j <= std::min(n - 1, i + reach);
         ++j) {
      const double v = y[static_cast<std::size_t>(j)];
      if (!std::isfinite(v)) continue;
      const auto w = static_cast<double>(reach + 1 - std::abs(i - j));
      sum += w * v;
      weights += w;
    }
    out[static_cast<std::size_t>(i)] = std::isfinite(y[static_cast<std::size_t>(i)])
                                           ? sum / weights
                                           : std::numeric_limits<double>::quiet_NaN();
  }
  return out;
}

namespace detail {

// From numbers to pixels, and the lines that connect them.
struct Frame {
  double left, right, top, bottom;  // pixels
  double x_low, x_high, y_low, y_high;
  double x(double v) const { return left + (v - x_low) / (x_high - x_low) * (right - left); }
  double y(double v) const { return bottom - (v - y_low) / (y_high - y_low) * (bottom - top); }
};

inline std::string pixel(double v) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.1f", v);
  return buffer;
}

// At most `most` points: of each run of neighbours the least and the greatest are kept.
inline std::vector<std::size_t> thinned(const std::vector<double>& y, std::size_t most) {
  std::vector<std::size_t> keep;
  const std::size_t buckets = most / 2;
  if (y.size() <= most) {
    for (std::size_t i = 0; i < y.size(); ++i) keep.push_back(i);
    return keep;
  }
  for (std::size_t b = 0; b < buckets; ++b) {
    const std::size_t begin = b * y.size() / buckets, end = (b + 1) * y.size() / buckets;
    std::size_t low = begin, high = begin;
    for (std::size_t i = begin; i < end; ++i) {
      if (!(y[i] >= y[low])) low = i;
      if (!(y[i] <= y[high])) high = i;
    }
    keep.push_back(std::min(low, high));
    if (low != high) keep.push_back(std::max(low, high));
  }
  return keep;
}

inline std::string path(const Frame& f, const Curve& curve, const std::vector<double>& y) {
  std::string d;
  bool pen = false;
  for (const std::size_t i : thinned(y, 800)) {
    if (!std::isfinite(y[i])) {
      pen = false;
      continue;
    }
    d += (pen ? "L" : "M") + pixel(f.x(curve.x[i])) + ' ' + pixel(f.y(y[i]));
    pen = true;
  }
  return d;
}

}  // namespace detail

// The chart as one <svg> element. Colours are the variables --curve-0 .. --curve-5, --grid and
// --quiet of the page around it, with fallbacks. Curves of 30 points and more are drawn smoothed
// (unless the chart is exact), with the raw ones faint behind.
inline std::string svg(const Chart& chart) {
  double x_low = 0, x_high = 0, y_low = 0, y_high = 0;
  bool any = false;
  for (const Curve& c : chart.curves)
    for (std::size_t i = 0; i < c.y.size(); ++i) {
      if (!std::isfinite(c.y[i])) continue;
      x_low = any ? std::min(x_low, c.x[i]) : c.x[i];
      x_high = any ? std::max(x_high, c.x[i]) : c.x[i];
      y_low = any ? std::min(y_low, c.y[i]) : c.y[i];
      y_high = any ? std::max(y_high, c.y[i]) : c.y[i];
      any = true;
    }
  if (x_high <= x_low) x_high = x_low + 1;
  const double flat = std::max(std::abs(y_high), 1e-9) * 1e-3;
  const double pad =
      y_high - y_low > flat ? 0.06 * (y_high - y_low) : std::max(0.1 * std::abs(y_high), 1e-6);
  const bool from_zero = y_low >= 0 && y_low - pad < 0;
  y_low = from_zero ? 0 : y_low - pad;
  y_high += pad;

  const detail::Frame f{.left = 44,
                        .right = chart.width - 10.0,
                        .top = 8,
                        .bottom = chart.height - 24.0,
                        .x_low = x_low,
                        .x_high = x_high,
                        .y_low = y_low,
                        .y_high = y_high};
  const std::string size = std::to_string(chart.width) + " " + std::to_string(chart.height);
  std::string out = "<svg viewBox=\"0 0 " + size + "\" role=\"img\" aria-label=\"" +
                    html_text(chart.title) +
                    "\" style=\"font:11px system-ui,sans-serif;fill:none\">";
  if (!chart.note.empty()) out += "<title>" + html_text(chart.note) + "</title>";
  const auto label = [&](double x, double y, const char* anchor, const std::string& text) {
    out += "<text x=\"" + detail::pixel(x) + "\" y=\"" + detail::pixel(y) + "\" text-anchor=\"" +
           anchor + "\" style=\"fill:var(--quiet,#6b7280)\">" + html_text(text) + "</text>";
  };
  const auto line = [&](double x1, double y1, double x2, double y2) {
    out += "<path d=\"M" + detail::pixel(x1) + ' ' + detail::pixel(y1) + 'L' + detail::pixel(x2) +
           ' ' + detail::pixel(y2) + "\" style=\"stroke:var(--grid,#e5e7eb)\"/>";
  };
  if (!any) {
    label((f.left + f.right) / 2, (f.top + f.bottom) / 2, "middle", "no values");
    return out + "</svg>";
  }
  const Ticks ys = round_ticks(y_low, y_high, 5);
  for (const double v : ys.at) {
    line(f.left, f.y(v), f.right, f.y(v));
    label(f.left - 6, f.y(v) + 3.5, "end", tick_text(v, ys));
  }
  const Ticks xs = round_ticks(x_low, x_high, 6, true);
  label(f.left - 14, f.bottom + 16, "end", "step");
  for (const double v : xs.at)
    label(f.x(v), f.bottom + 16, f.x(v) > f.right - 12 ? "end" : "middle", tick_text(v, xs));

  for (std::size_t c = 0; c < chart.curves.size(); ++c) {
    const Curve& curve = chart.curves[c];
    constexpr const char* fallback[] = {"#2563eb", "#d97706", "#059669",
                                        "#9333ea", "#dc2626", "#0891b2"};
    const std::string color = "var(--curve-" + std::to_string(c % 6) + "," + fallback[c % 6] + ")";
    const auto stroke = [&](const std::string& d, const char* style) {
      out += "<path d=\"" + d + "\" style=\"stroke:" + color + ";stroke-linejoin:round;" + style +
             "\"/>";
    };
    const auto points = static_cast<std::int64_t>(
        std::count_if(curve.y.begin(), curve.y.end(), [](double v) { return std::isfinite(v); }));
    if (points >= 30 && !chart.exact) {
      stroke(detail::path(f, curve, curve.y), "stroke-width:1;opacity:.3");
      stroke(detail::path(f, curve, smooth(curve.y, points / 25 + 1)), "stroke-width:2");
    } else {
      stroke(detail::path(f, curve, curve.y), "stroke-width:2");
      for (std::size_t i = 0; i < curve.y.size() && points < 30; ++i)
        if (std::isfinite(curve.y[i]))
          out += "<circle cx=\"" + detail::pixel(f.x(curve.x[i])) + "\" cy=\"" +
                 detail::pixel(f.y(curve.y[i])) + "\" r=\"2.5\" style=\"fill:" + color + "\"/>";
    }
  }
  return out + "</svg>";
}

}  // namespace report
}  // namespace v0
}  // namespace hone
