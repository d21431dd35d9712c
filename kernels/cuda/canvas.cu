// All pointers are device memory. One thread walks over the points of one cell, in their order.
#include "canvas.cuh"

#include "cuda/device.cuh"

namespace {

__global__ void canvas_kernel(ap::BevCanvasArgs a) {
  const int64_t c = ap::thread_index(), n_cells = static_cast<int64_t>(a.p.grid.nx) * a.p.grid.ny;
  if (c >= n_cells) return;
  float values[ap::kCanvas];
  ap::canvas_cell(a, static_cast<int32_t>(c), values);
  for (int k = 0; k < ap::kCanvas; ++k) a.out[k * n_cells + c] = values[k];
}

}  // namespace

AP_API int32_t ap_bev_canvas(const ap::BevCanvasArgs& a, void* stream) {
  if (a.p.grid.nx <= 0 || a.p.grid.ny <= 0) return ap::kEmptyGrid;
  canvas_kernel<<<ap::blocks(a.p.grid.nx * a.p.grid.ny), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a);
  return ap::launched();
}
