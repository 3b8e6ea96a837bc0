// A compiled pattern: PCRE2, 8-bit, just-in-time compiled where the machine allows it.
#pragma once

#ifndef PCRE2_CODE_UNIT_WIDTH
#define PCRE2_CODE_UNIT_WIDTH 8
#endif
#include <pcre2.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "hone/core/error.hpp"
#include "hone/text/onig_syntax.hpp"

namespace hone {
inline namespace v0 {
namespace text {

struct Match {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool operator==(const Match&) const = default;
};

// What one thread needs to run patterns.
class RegexScratch {
 public:
  RegexScratch()
      : data_(pcre2_match_data_create_8(1, nullptr), &pcre2_match_data_free_8),
        context_(pcre2_match_context_create_8(nullptr), &pcre2_match_context_free_8),
        stack_(pcre2_jit_stack_create_8(32 * 1024, 1024 * 1024, nullptr), &pcre2_jit_stack_free_8) {
    require(data_ && context_, "no memory to run a pattern");
    if (stack_) pcre2_jit_stack_assign_8(context_.get(), nullptr, stack_.get());
  }

 private:
  friend class Regex;
  std::unique_ptr<pcre2_match_data_8, decltype(&pcre2_match_data_free_8)> data_;
  std::unique_ptr<pcre2_match_context_8, decltype(&pcre2_match_context_free_8)> context_;
  std::unique_ptr<pcre2_jit_stack_8, decltype(&pcre2_jit_stack_free_8)> stack_;
};

// Immutable once made: any number of threads may search with it, each with a scratch of its own.
class Regex {
 public:
  // `pattern` in Oniguruma's syntax; `where` is named in errors.
  Regex(std::string_view pattern, std::string_view where) {
    const std::string rewritten = detail::rewrite_oniguruma(pattern, where);
    const std::unique_ptr<pcre2_compile_context_8, decltype(&pcre2_compile_context_free_8)> context(
        pcre2_compile_context_create_8(nullptr), &pcre2_compile_context_free_8);
    require(context != nullptr, where, ": no memory to compile a pattern");
    pcre2_set_newline_8(context.get(), PCRE2_NEWLINE_LF);
    pcre2_set_bsr_8(context.get(), PCRE2_BSR_UNICODE);
    int error = 0;
    PCRE2_SIZE offset = 0;
    code_.reset(pcre2_compile_8(reinterpret_cast<PCRE2_SPTR8>(rewritten.data()), rewritten.size(),
                                PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C,
                                &error, &offset, context.get()),
                &pcre2_code_free_8);
    if (code_ == nullptr)
      fail(where, ": pattern ", pattern, ": ", message(error), " (at byte ", offset, " of ",
           rewritten, ")");
    jit_ = pcre2_jit_compile_8(code_.get(), PCRE2_JIT_COMPLETE) == 0;
  }

  // The first match that begins at byte `from` or later. `s` must be valid UTF-8 and `from` the
  // beginning of a character, or s.size().
  bool find(std::string_view s, std::size_t from, RegexScratch& scratch, Match& match) const {
    const auto subject = reinterpret_cast<PCRE2_SPTR8>(s.data() == nullptr ? "" : s.data());
    int found = PCRE2_ERROR_JIT_STACKLIMIT;
    if (jit_)
      found = pcre2_jit_match_8(code_.get(), subject, s.size(), from, PCRE2_NO_UTF_CHECK,
                                scratch.data_.get(), scratch.context_.get());
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) [[unlikely]]
      found = pcre2_match_8(code_.get(), subject, s.size(), from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                            scratch.data_.get(), scratch.context_.get());
    if (found == PCRE2_ERROR_NOMATCH) return false;
    if (found < 0)
      fail("a split pattern gave up at byte ", from, " of a text of ", s.size(),
           " bytes: ", message(found));
    const PCRE2_SIZE* ends = pcre2_get_ovector_pointer_8(scratch.data_.get());
    match = {ends[0], ends[1]};
    return true;
  }

 private:
  static std::string message(int error) {
    unsigned char buffer[256] = {};
    pcre2_get_error_message_8(error, buffer, sizeof buffer);
    return reinterpret_cast<const char*>(buffer);
  }

  std::shared_ptr<pcre2_code_8> code_;
  bool jit_ = false;
};

}  // namespace text
}  // namespace v0
}  // namespace hone
