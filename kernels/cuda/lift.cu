// All pointers are device memory. One thread sums one channel of one cell; neighbouring threads read neighbouring channels.
#include "lift.cuh"

#include "cuda/device.cuh"

namespace {

__global__ void cell_kernel(const float* views, const float* depths, int32_t* ids, ap::FrustumCellsParams p) {
  const int64_t k = ap::thread_index(), area = static_cast<int64_t>(p.height) * p.width;
  if (k >= area * p.cameras * p.bins) return;
  const int32_t q = static_cast<int32_t>(k % area), d = static_cast<int32_t>(k / area % p.bins);
  ids[k] = ap::frustum_cell(views + 12 * (k / (area * p.bins)), depths[d], q % p.width, q / p.width, p);
}

__global__ void pixel_kernel(const int32_t* order, int32_t* pixels, ap::FrustumPixelsParams p) {
  const int64_t k = ap::thread_index();
  if (k < p.n) pixels[k] = ap::frustum_pixel(order[k], p.bins, p.area);
}

__global__ void pool_kernel(ap::BevPoolArgs a) {
  const int64_t k = ap::thread_index();
  const int32_t channels = a.p.channels;
  if (k >= static_cast<int64_t>(a.p.cells) * channels) return;
  const int64_t cell = k / channels, c = k % channels;
  const float sum = ap::pool_channel(a.depth, a.context + c, a.order, a.pixels, a.starts[cell], a.starts[cell + 1], channels);
  a.out[a.p.planes ? c * a.p.cells + cell : k] = sum;
}

__global__ void depth_kernel(ap::BevPoolGradArgs a) {
  const int64_t k = ap::thread_index();
  const ap::BevPoolGradParams& p = a.p;
  const int64_t volume = static_cast<int64_t>(p.bins) * p.area;
  if (k >= volume * p.cameras) return;
  const bool in = a.ids[k] >= 0 && a.ids[k] < p.cells;
  const int64_t pixel = k / volume * p.area + k % p.area;
  a.grad_depth[k] =
      in ? ap::depth_gradient(a.context + pixel * p.channels, a.grad + static_cast<int64_t>(a.ids[k]) * p.channels, p.channels) : 0.0f;
}

__global__ void context_kernel(ap::BevPoolGradArgs a) {
  const int64_t k = ap::thread_index();
  const ap::BevPoolGradParams& p = a.p;
  if (k >= static_cast<int64_t>(p.cameras) * p.area * p.channels) return;
  const int64_t pixel = k / p.channels, first = pixel / p.area * p.bins * p.area + pixel % p.area;
  a.grad_context[k] = ap::context_gradient(a.depth + first, a.ids + first, a.grad + k % p.channels, p);
}

}  // namespace

AP_API int32_t ap_frustum_cells(const ap::FrustumCellsArgs& a, void* stream) {
  if (a.p.grid.nx <= 0 || a.p.grid.ny <= 0) return ap::kEmptyGrid;
  const int64_t n = static_cast<int64_t>(a.p.cameras) * a.p.bins * a.p.height * a.p.width;
  if (n > 0) cell_kernel<<<ap::blocks(n), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a.views, a.depths, a.ids, a.p);
  return ap::launched();
}

AP_API int32_t ap_frustum_pixels(const ap::FrustumPixelsArgs& a, void* stream) {
  if (const int32_t why = ap::refused(a.p)) return why;
  if (a.p.n > 0) pixel_kernel<<<ap::blocks(a.p.n), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a.order, a.pixels, a.p);
  return ap::launched();
}

AP_API int32_t ap_bev_pool(const ap::BevPoolArgs& a, void* stream) {
  if (const int32_t why = ap::refused(a.p)) return why;
  const int64_t n = static_cast<int64_t>(a.p.cells) * a.p.channels;
  pool_kernel<<<ap::blocks(n), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a);
  return ap::launched();
}

AP_API int32_t ap_bev_pool_grad(const ap::BevPoolGradArgs& a, void* stream) {
  const ap::BevPoolGradParams& p = a.p;
  if (p.channels < 1) return ap::kNoFeature;
  const auto s = static_cast<cudaStream_t>(stream);
  const int64_t pixels = static_cast<int64_t>(p.cameras) * p.area, bins = pixels * p.bins, values = pixels * p.channels;
  if (bins > 0) depth_kernel<<<ap::blocks(bins), ap::kThreads, 0, s>>>(a);
  if (values > 0) context_kernel<<<ap::blocks(values), ap::kThreads, 0, s>>>(a);
  return ap::launched();
}
