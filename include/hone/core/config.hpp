// The library's few macros: the version and the instruction set that this translation unit was
// compiled for. Everything else in hone is a name in namespace hone.
#pragma once

#define HONE_VERSION_MAJOR 0
#define HONE_VERSION_MINOR 1
#define HONE_VERSION_PATCH 0

// Packs of 16 floats live in one 512-bit register, in two 256-bit registers or in a plain array.
// All three give the same bits; only the speed differs.
#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__)
#define HONE_SIMD 512
#elif defined(__AVX2__) && defined(__FMA__)
#define HONE_SIMD 256
#else
#define HONE_SIMD 0
#endif

#if defined(__FAST_MATH__)
#error "hone owns the order of every sum: compile without -ffast-math (and without -Ofast)"
#endif

#if defined(min) || defined(max)
#error "hone has functions named min and max: define NOMINMAX before including <windows.h>"
#endif

// Functions that a CUDA kernel may call as well; empty for a host compiler.
#if defined(__CUDACC__)
#define HONE_HD __host__ __device__
#else
#define HONE_HD
#endif

namespace hone {
inline namespace v0 {

// The instruction set of this build: "avx512", "avx2" or "plain".
inline constexpr const char* simd_name = HONE_SIMD == 512   ? "avx512"
                                         : HONE_SIMD == 256 ? "avx2"
                                                            : "plain";

}  // namespace v0
}  // namespace hone
