#include <ATen/ATen.h>
#include <hone/hone.hpp>
#include <iostream>

int main() {
  const float sum = at::ones({2, 3}).sum().item<float>();
  std::cout << "LibTorch beside hone " << hone::simd_name << ": " << sum << '\n';
  return sum == 6.0f ? 0 : 1;
}
