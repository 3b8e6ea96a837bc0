// Decodes tokens one by one as a model makes them, in whole characters.
//
//   out of push(a), push(b), ..., finish()  ==  tokenizer.decode({a, b, ...})
#pragma once

#include <string>
#include <utility>

#include "hone/core/forest.hpp"
#include "hone/text/tokenizer.hpp"
#include "hone/text/utf8.hpp"

namespace hone {
inline namespace v0 {
namespace text {

class StreamDecoder {
 public:
  explicit StreamDecoder(Tokenizer tokenizer, DecodeOptions options = {})
      : tokenizer_(std::move(tokenizer)), options_(options) {}

  // The characters that this token completes: none while it leaves one half done.
  std::string push(Token id) {
    std::string out;
    bytes_.clear();
    tokenizer_.append_bytes(id, options_, begins_, bytes_);
    utf8_.feed(bytes_, out);
    return out;
  }

  // What is left at the end: U+FFFD for half a character. The decoder is as new afterwards.
  std::string finish() {
    std::string out;
    utf8_.flush(out);
    begins_ = true;
    return out;
  }

  bool holds_half_a_character() const { return utf8_.holds_half_a_character(); }

 private:
  Tokenizer tokenizer_;
  DecodeOptions options_;
  Utf8Stream utf8_;
  std::string bytes_;
  bool begins_ = true;
};

}  // namespace text
}  // namespace v0
}  // namespace hone
