#include <cstring>

#include "transform.cuh"

// matrix: 12 floats.
AP_API int32_t ap_transform(const float* xyz, const float* matrix, float* out, int32_t n, void*) {
  if (n < 0) return -1;
  ap::Rigid T;
  std::memcpy(T.m, matrix, sizeof(T.m));
  for (int64_t i = 0; i < n; ++i) ap::transform_point(xyz + 3 * i, T, out + 3 * i);
  return 0;
}
