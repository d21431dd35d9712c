// Lens, sizes and view are host tables; image, map and out are device memory.
#include "image.cuh"

#include "cuda/device.cuh"

namespace {

__global__ void preprocess_kernel(const uint8_t* image, const float* map, ap::ImagePlan plan, float* out) {
  const int64_t k = ap::thread_index();
  if (k >= static_cast<int64_t>(plan.out_width) * plan.out_height) return;
  ap::preprocess_pixel(image, map, plan, static_cast<int32_t>(k % plan.out_width), static_cast<int32_t>(k / plan.out_width), out);
}

__global__ void map_kernel(ap::ImagePlan plan, float* map) {
  const int64_t k = ap::thread_index();
  if (k >= static_cast<int64_t>(plan.out_width) * plan.out_height) return;
  ap::source_of(plan, nullptr, static_cast<int32_t>(k % plan.out_width), static_cast<int32_t>(k / plan.out_width), map + 2 * k, map + 2 * k + 1);
}

}  // namespace

AP_API int32_t ap_preprocess(const uint8_t* image, const float* map, const float* lens, const int32_t* sizes, const float* view,
                             float* out, int32_t step, int32_t pixel, int32_t swap, int32_t out_width, int32_t out_height, void* stream) {
  const ap::ImagePlan plan = ap::image_plan(lens, sizes, view, step, pixel, swap, out_width, out_height);
  if (out_width <= 0 || out_height <= 0 || (pixel != 3 && pixel != 4) || step < pixel * (plan.lens.width - 1) + 3) return -1;
  const int64_t n = static_cast<int64_t>(out_width) * out_height;
  preprocess_kernel<<<ap::blocks(n), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(image, map, plan, out);
  return ap::launched();
}

AP_API int32_t ap_undistort_map(const float* lens, const int32_t* sizes, const float* view, float* map, int32_t out_width,
                                int32_t out_height, void* stream) {
  if (out_width <= 0 || out_height <= 0) return -1;
  const int64_t n = static_cast<int64_t>(out_width) * out_height;
  map_kernel<<<ap::blocks(n), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
      ap::image_plan(lens, sizes, view, 0, 3, 0, out_width, out_height), map);
  return ap::launched();
}
