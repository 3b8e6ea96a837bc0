// What happens to text before it is split: Unicode normal forms and the two replacements by which
// SentencePiece vocabularies mark word beginnings. The tables are utf8proc's.
#pragma once

#include <utf8proc.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "hone/core/error.hpp"
#include "hone/text/utf8.hpp"

namespace hone {
inline namespace v0 {
namespace text {

// NFC, NFD, NFKC or NFKD (Unicode standard annex 15).
struct NormalForm {
  enum Form { nfc, nfd, nfkc, nfkd };
  Form form = nfc;
  bool operator==(const NormalForm&) const = default;
};

// Puts `prefix` before a text that is not empty.
struct Prepend {
  std::string prefix;
  bool operator==(const Prepend&) const = default;
};

// Every occurrence of `from` becomes `to`.
struct Replace {
  std::string from;
  std::string to;
  bool operator==(const Replace&) const = default;
};

using Normalizer = std::variant<NormalForm, Prepend, Replace>;

namespace detail {

// Characters of blocks in which NFC changes nothing and nothing composes with what stands before.
// A text of these alone is its own NFC; the tests check the ranges against utf8proc.
inline bool is_nfc_inert(char32_t c) {
  return c < 0x300 || (c >= 0x400 && c <= 0x482) || (c >= 0x48A && c <= 0x590) ||
         (c >= 0x2002 && c <= 0x20CF) || (c >= 0x2190 && c <= 0x2328) ||
         (c >= 0x3000 && c <= 0x3029) || (c >= 0x3030 && c <= 0x3098) ||
         (c >= 0x309B && c <= 0x312F) || (c >= 0x4E00 && c <= 0x9FFF) ||
         (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xFE00 && c <= 0xFE0F) ||
         (c >= 0xFF00 && c <= 0xFFEF) || (c >= 0x1F300 && c <= 0x1FAFF);
}

inline bool is_surely_nfc(std::string_view s) {
  for (std::size_t at = 0; at < s.size();) {
    const auto lead = static_cast<unsigned char>(s[at]);
    if (lead < 0xCC) {  // below U+0300, bytes that continue such a character included
      ++at;
      continue;
    }
    const Utf8Step step = utf8_at(s, at);
    if (!is_nfc_inert(step.character)) return false;
    at += step.length;
  }
  return true;
}

inline std::string replace_all(std::string_view s, std::string_view from, std::string_view to) {
  std::string out;
  out.reserve(s.size());
  for (;;) {
    const std::size_t at = s.find(from);
    out += s.substr(0, at);
    if (at == std::string_view::npos) return out;
    out += to;
    s.remove_prefix(at + from.size());
  }
}

inline std::string normal_form(std::string_view s, NormalForm::Form form) {
  int options = UTF8PROC_STABLE;
  options |=
      form == NormalForm::nfc || form == NormalForm::nfkc ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
  if (form == NormalForm::nfkc || form == NormalForm::nfkd) options |= UTF8PROC_COMPAT;
  utf8proc_uint8_t* result = nullptr;
  const utf8proc_ssize_t length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(s.data()),
                                               static_cast<utf8proc_ssize_t>(s.size()), &result,
                                               static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(result, &std::free);
  require(length >= 0, "normalising ", s.size(), " bytes of text: ", utf8proc_errmsg(length));
  return std::string(reinterpret_cast<const char*>(result), static_cast<std::size_t>(length));
}

}  // namespace detail

// `s` after all normalizers in order. The result lies in `storage`, or is `s` itself if nothing
// changes. `s` must be valid UTF-8.
inline std::string_view normalize(std::string_view s, const std::vector<Normalizer>& normalizers,
                                  std::string& storage) {
  for (const Normalizer& normalizer : normalizers) {
    if (s.empty()) return s;
    if (const auto* form = std::get_if<NormalForm>(&normalizer)) {
      if (form->form == NormalForm::nfc && detail::is_surely_nfc(s)) continue;
      storage = detail::normal_form(s, form->form);
    } else if (const auto* prepend = std::get_if<Prepend>(&normalizer)) {
      storage = prepend->prefix + std::string(s);
    } else if (const auto* replace = std::get_if<Replace>(&normalizer)) {
      if (s.find(replace->from) == std::string_view::npos) continue;
      storage = detail::replace_all(s, replace->from, replace->to);
    }
    s = storage;
  }
  return s;
}

}  // namespace text
}  // namespace v0
}  // namespace hone
