#include "hone/hone.hpp"

const void* address_in_the_other_file();
int hone_in_a_trap();

// Linked from three files that each hold the whole library: a function that is neither inline nor a
// template would be defined three times, and a variable that is not inline would have three homes.
int main() {
  return &hone::simd_name == address_in_the_other_file() && hone_in_a_trap() == 1 ? 0 : 1;
}
