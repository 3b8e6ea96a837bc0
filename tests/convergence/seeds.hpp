// How many seeds a convergence test runs: the first few, or HONE_TEST_SEEDS.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace hone_test {

inline std::uint64_t seeds(std::uint64_t usual) {
  const char* given = std::getenv("HONE_TEST_SEEDS");
  return given ? static_cast<std::uint64_t>(std::atoll(given)) : usual;
}

}  // namespace hone_test
