// On how many tokens a law is tried.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace hone::test {

// `usual` at every change; a million with HONE_TEST_FULL=1; few with HONE_TEST_QUICK=1, for
// sanitizers and where fused multiply-adds are emulated. A test that is one of `shares` (one for
// each structure of a model, for instance) takes its part.
inline std::int64_t law_tokens(std::int64_t usual, std::int64_t shares = 1) {
  std::int64_t all = usual;
  if (std::getenv("HONE_TEST_QUICK"))
    all = std::min<std::int64_t>(usual, 8'000);
  else if (std::getenv("HONE_TEST_FULL"))
    all = std::max<std::int64_t>(usual, 1'000'000);
  return (all + shares - 1) / shares;
}

inline void report_law_tokens(std::int64_t tokens) {
  std::printf("%lld tokens compared\n", static_cast<long long>(tokens));
  testing::Test::RecordProperty("tokens", std::to_string(tokens));
}

}  // namespace hone::test
