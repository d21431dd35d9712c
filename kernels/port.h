// One source for g++ (CPU) and nvcc (GPU): host/device marker, prototypes of the launchers, work memory.
#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

#include "launchers.h"

#if defined(__SSE4_1__) && !defined(__CUDACC__)
#include <immintrin.h>
#endif

#ifdef __CUDACC__
#define AP_HD __host__ __device__ __forceinline__
#else
#define AP_HD inline
#endif


namespace ap {

#ifndef __CUDACC__
// How to empty each work memory of the calling thread.
inline std::vector<void (*)()>& kept_of_thread() {
  thread_local std::vector<void (*)()> releases;
  return releases;
}

// Work memory of the calling thread, one of each type, kept from call to call until ap_release: the steady state allocates nothing. Behind a
// call on purpose: as a thread_local name the compiler would look it up again and again inside loops.
template <typename Memory>
__attribute__((noinline)) Memory& kept() {
  thread_local Memory memory;
  thread_local bool known = false;
  if (!known) {
    known = true;
    kept_of_thread().push_back([] { kept<Memory>() = Memory{}; });
  }
  return memory;
}
#endif

// Cell index of coordinate v on an axis that starts at 0 with the given inverse cell edge.
AP_HD int cell_of(float v, float inv_res) { return static_cast<int>(floorf(v * inv_res)); }

// atan2 [rad] by a minimax polynomial (Abramowitz & Stegun 4.4.49, error below 2e-5): the same on CPU and GPU,
// whose libraries round atan2f differently, and cheap.
AP_HD float atan2_approx(float y, float x) {
  const float ax = fabsf(x), ay = fabsf(y);
  const float big = ax > ay ? ax : ay, small = ax > ay ? ay : ax;
  const float q = big > 0.0f ? small / big : 0.0f;
  const float s = q * q;
  float r = q * (0.9998660f + s * (-0.3302995f + s * (0.1801410f + s * (-0.0851330f + s * 0.0208351f))));
  r = ay > ax ? 1.57079633f - r : r;
  r = x < 0.0f ? 3.14159265f - r : r;
  return y < 0.0f ? -r : r;
}

// Four floats at once: one vector register on the CPU (gcc does not find it in a loop over bytes), four scalars on a GPU.
#ifdef __CUDACC__
struct Float4 {
  float v[4];
  AP_HD float operator[](int i) const { return v[i]; }
};
AP_HD Float4 bytes4(const uint8_t* p) {
  return {{static_cast<float>(p[0]), static_cast<float>(p[1]), static_cast<float>(p[2]), static_cast<float>(p[3])}};
}
AP_HD Float4 operator*(float s, Float4 a) { return {{s * a.v[0], s * a.v[1], s * a.v[2], s * a.v[3]}}; }
AP_HD Float4 operator+(Float4 a, Float4 b) { return {{a.v[0] + b.v[0], a.v[1] + b.v[1], a.v[2] + b.v[2], a.v[3] + b.v[3]}}; }
#else
typedef float Float4 __attribute__((vector_size(16)));
inline Float4 bytes4(const uint8_t* p) {
#ifdef __SSE4_1__
  int32_t four;
  __builtin_memcpy(&four, p, 4);
  return _mm_cvtepi32_ps(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(four)));
#else
  return Float4{static_cast<float>(p[0]), static_cast<float>(p[1]), static_cast<float>(p[2]), static_cast<float>(p[3])};
#endif
}
#endif

}  // namespace ap
