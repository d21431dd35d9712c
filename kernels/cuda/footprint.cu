#include "footprint.cuh"

namespace {
// One block per box; all threads store the same value, so their order does not matter.
__global__ void footprint_kernel(const float* boxes, uint8_t* mask, int32_t nx, int32_t ny, float res, float margin) {
  const ap::Footprint f = ap::footprint_of(boxes + 5 * blockIdx.x, margin, res, nx, ny);
  const int width = f.i1 - f.i0, cells = width > 0 && f.j1 > f.j0 ? width * (f.j1 - f.j0) : 0;
  for (int k = threadIdx.x; k < cells; k += blockDim.x) {
    const int i = f.i0 + k % width, j = f.j0 + k / width;
    if (ap::in_footprint(f, i, j, res)) mask[j * nx + i] = 1;
  }
}
}  // namespace

AP_API int32_t ap_footprint(const float* boxes, uint8_t* mask, int32_t m, int32_t nx, int32_t ny, float res, float margin, void* stream) {
  if (m < 0 || nx <= 0 || ny <= 0 || !(res > 0.0f)) return -1;
  if (m == 0) return 0;
  footprint_kernel<<<m, 128, 0, static_cast<cudaStream_t>(stream)>>>(boxes, mask, nx, ny, res, margin);
  return cudaGetLastError() == cudaSuccess ? 0 : -2;
}
