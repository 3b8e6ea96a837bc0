#include <hone/hone.hpp>
#include <iostream>

int main() {
  const hone::RandomKey key{.seed = 1, .step = 2, .sequence = 3, .position = 4};
  const float sample = hone::uniform(key);
  std::cout << "hone " << HONE_VERSION_MAJOR << '.' << HONE_VERSION_MINOR << '.'
            << HONE_VERSION_PATCH << ", " << hone::simd_name << ", uniform " << sample << '\n';
  return sample >= 0 && sample < 1 ? 0 : 1;
}
