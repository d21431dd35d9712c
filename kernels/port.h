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

}  // namespace ap
