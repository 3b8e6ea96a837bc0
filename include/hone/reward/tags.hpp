// Rewards for the form of an answer: tags in their places.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "hone/core/completion.hpp"
#include "hone/reward/number.hpp"

namespace hone {
inline namespace v0 {
namespace reward {

// `right` if the answer consists of <name>...</name> for each name, in this order, each tag once
// and nothing but white space between them; else `wrong`. With `free_end`, anything that is no tag
// of these may follow: Tags{.names = {"think"}, .free_end = true} is a thought and then the answer.
struct Tags {
  std::vector<std::string> names = {"think", "answer"};
  bool free_end = false;
  bool first_opened = false;  // the prompt ends with the first <name>, so the answer lacks it
  float right = 1.0f, wrong = 0.0f;

  float operator()(const Completion& c) const { return well_formed(c.text) ? right : wrong; }

  bool well_formed(std::string_view text) const {
    std::size_t at = 0;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string open = "<" + names[i] + ">", close = "</" + names[i] + ">";
      if (i > 0 || !first_opened) {
        if (!once(text, open)) return false;
        at = std::min(text.find_first_not_of(" \t\r\n", at), text.size());
        if (!text.substr(at).starts_with(open)) return false;
        at += open.size();
      } else if (text.find(open) != std::string_view::npos) {
        return false;
      }
      const std::size_t end = text.find(close, at);
      if (end == std::string_view::npos || !once(text, close)) return false;
      at = end + close.size();
    }
    return free_end || detail::trimmed(text.substr(at)).empty();
  }

 private:
  static bool once(std::string_view text, std::string_view tag) {
    const std::size_t first = text.find(tag);
    return first != std::string_view::npos && text.find(tag, first + 1) == std::string_view::npos;
  }
};

}  // namespace reward
}  // namespace v0
}  // namespace hone
