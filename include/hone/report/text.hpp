// Numbers and texts as sinks write them.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "hone/text/utf8.hpp"

namespace hone {
inline namespace v0 {
namespace report {

// The shortest decimals that read back as the same double; "nan", "inf", "-inf" for those.
inline std::string exact(double x) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, x);
  return std::string(buffer, end.ptr);
}

// A few significant digits for people: 0, 0.0123, 1.08, 23.10, 1234, 2.00e-05.
inline std::string brief(double x) {
  if (!std::isfinite(x) || x == 0) return exact(x);
  const double size = std::abs(x);
  const int decimals = size >= 1000 || (size >= 100 && x == std::trunc(x)) ? 0
                       : size >= 100                                       ? 1
                       : size >= 1                                         ? 2
                       : size >= 0.1                                       ? 3
                                                                           : 4;
  char buffer[64];
  if (size < 1e-3 || size >= 1e7)
    std::snprintf(buffer, sizeof buffer, "%.2e", x);
  else
    std::snprintf(buffer, sizeof buffer, "%.*f", decimals, x);
  return buffer;
}

// A JSON text in its quotes; bytes that are no UTF-8 become U+FFFD.
inline std::string json_text(std::string_view raw) {
  std::string out = "\"";
  for (const char c : text::replace_invalid_utf8(raw)) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      char buffer[8];
      std::snprintf(buffer, sizeof buffer, "\\u%04x", static_cast<unsigned>(c));
      out += buffer;
    } else {
      out += c;
    }
  }
  return out + '"';
}

// A JSON number; what is none becomes null.
inline std::string json_number(double x) { return std::isfinite(x) ? exact(x) : "null"; }

// Text for an HTML page or an SVG picture, in an element or in quotes.
inline std::string html_text(std::string_view raw) {
  std::string out;
  for (const char c : text::replace_invalid_utf8(raw)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') out += c;
    }
  }
  return out;
}

// One line of at most `width` characters: line ends become a sign, other control characters go, a
// long text ends with an ellipsis. Never cuts a character.
inline std::string one_line(std::string_view raw, std::size_t width) {
  const std::string clean = text::replace_invalid_utf8(raw);
  std::string out;
  std::size_t characters = 0, cut = 0;
  for (std::size_t at = 0; at < clean.size();) {
    const auto step = text::utf8_at(clean, at);
    const std::string_view c = std::string_view(clean).substr(at, step.length);
    at += step.length;
    if (c == "\r" || (c[0] != '\n' && c[0] != '\t' && static_cast<unsigned char>(c[0]) < 0x20) ||
        c[0] == 0x7F)
      continue;
    if (++characters == width) cut = out.size();
    if (characters > width) return out.substr(0, cut) + "\u2026";
    out += c == "\n" ? "\u23ce" : c == "\t" ? " " : c;
  }
  return out;
}

// Characters, each taken to be one column wide.
inline std::size_t columns(std::string_view s) {
  std::size_t n = 0;
  for (const char c : s) n += (static_cast<unsigned char>(c) >> 6) != 2;
  return n;
}

inline std::string padded(std::string s, std::size_t width) {
  const std::size_t have = columns(s);
  if (have < width) s.append(width - have, ' ');
  return s;
}

// 75 -> "1:15", 4000 -> "1:06:40".
inline std::string clock(double seconds) {
  if (!(seconds >= 0) || seconds > 1e9) return "?";
  const auto s = static_cast<std::int64_t>(seconds + 0.5);
  char buffer[32];
  if (s >= 3600)
    std::snprintf(buffer, sizeof buffer, "%lld:%02lld:%02lld", static_cast<long long>(s / 3600),
                  static_cast<long long>(s / 60 % 60), static_cast<long long>(s % 60));
  else
    std::snprintf(buffer, sizeof buffer, "%lld:%02lld", static_cast<long long>(s / 60),
                  static_cast<long long>(s % 60));
  return buffer;
}

}  // namespace report
}  // namespace v0
}  // namespace hone
