#include "hone/hone.hpp"

const void* address_in_the_other_file() { return &hone::simd_name; }
