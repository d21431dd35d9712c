#include "image.cuh"

#include "cuda/device.cuh"

namespace {

__global__ void preprocess_kernel(ap::PreprocessArgs a) {
  const int64_t k = ap::thread_index();
  if (k >= static_cast<int64_t>(a.p.out_width) * a.p.out_height) return;
  ap::preprocess_pixel(a.image, a.map, a.p, static_cast<int32_t>(k % a.p.out_width), static_cast<int32_t>(k / a.p.out_width), a.out);
}

__global__ void map_kernel(ap::UndistortMapArgs a) {
  const int64_t k = ap::thread_index();
  if (k >= static_cast<int64_t>(a.p.out_width) * a.p.out_height) return;
  ap::source_of(a.p.lens, a.p.view, static_cast<int32_t>(k % a.p.out_width), static_cast<int32_t>(k / a.p.out_width), a.map + 2 * k,
                a.map + 2 * k + 1);
}

}  // namespace

AP_API int32_t ap_preprocess(const ap::PreprocessArgs& a, void* stream) {
  if (const int32_t why = ap::refused(a.p)) return why;
  const int64_t n = static_cast<int64_t>(a.p.out_width) * a.p.out_height;
  preprocess_kernel<<<ap::blocks(n), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a);
  return ap::launched();
}

AP_API int32_t ap_undistort_map(const ap::UndistortMapArgs& a, void* stream) {
  const int64_t n = static_cast<int64_t>(a.p.out_width) * a.p.out_height;
  if (n > 0) map_kernel<<<ap::blocks(n), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a);
  return ap::launched();
}
