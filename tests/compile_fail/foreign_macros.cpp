// Macros named min and max, as <windows.h> defines them, would silently replace hone's functions.
// expect: hone has functions named min and max: define NOMINMAX before including <windows.h>
// expect: hone owns the order of every sum: compile without -ffast-math
#if HONE_FAIL == 1
#define min(a, b) ((a) < (b) ? (a) : (b))
#elif HONE_FAIL == 2
#define __FAST_MATH__ 1
#endif
#include "hone/core/config.hpp"

int main() {}
