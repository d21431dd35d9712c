#include "transform.cuh"

namespace {
__global__ void transform_kernel(const float* xyz, const float* matrix, float* out, int32_t n) {
  const int64_t i = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x;
  if (i >= n) return;
  ap::Rigid T;
  for (int k = 0; k < 12; ++k) T.m[k] = matrix[k];
  ap::transform_point(xyz + 3 * i, T, out + 3 * i);
}
}  // namespace

// All pointers are device memory.
AP_API int32_t ap_transform(const float* xyz, const float* matrix, float* out, int32_t n, void* stream) {
  if (n < 0) return -1;
  if (n == 0) return 0;
  transform_kernel<<<(n + 255) / 256, 256, 0, static_cast<cudaStream_t>(stream)>>>(xyz, matrix, out, n);
  return cudaGetLastError() == cudaSuccess ? 0 : -2;
}
