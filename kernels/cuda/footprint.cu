#include "footprint.cuh"

#include "cuda/device.cuh"

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

AP_API int32_t ap_footprint(const ap::FootprintArgs& a, void* stream) {
  if (a.p.nx <= 0 || a.p.ny <= 0) return ap::kEmptyGrid;
  if (!(a.p.res > 0.0f)) return ap::kResolution;
  if (a.p.m > 0)
    footprint_kernel<<<a.p.m, 128, 0, static_cast<cudaStream_t>(stream)>>>(a.boxes, a.mask, a.p.nx, a.p.ny, a.p.res, a.p.margin);
  return ap::launched();
}
