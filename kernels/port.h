// One source for g++ (CPU) and nvcc (GPU): host/device marker, export marker, launch helper.
#pragma once
#include <cmath>
#include <cstdint>

#ifdef __CUDACC__
#define AP_HD __host__ __device__ __forceinline__
#else
#define AP_HD inline
#endif

#define AP_API extern "C" __attribute__((visibility("default")))

namespace ap {

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

}  // namespace ap
