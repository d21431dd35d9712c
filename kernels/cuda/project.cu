// T, lens and sizes are host tables; all other pointers are device memory.
#include "project.cuh"

#include "cuda/device.cuh"

namespace {

struct Pose {
  float m[12];
};

__global__ void project_kernel(const float* xyz, Pose T, ap::Lens lens, const uint8_t* image, float* uv, float* depth, uint8_t* valid,
                               uint8_t* color, int32_t n, int32_t step, float min_depth) {
  const int64_t i = ap::thread_index();
  if (i >= n) return;
  const bool seen = ap::project_point(lens, T.m, xyz + 3 * i, min_depth, uv + 2 * i, depth + i);
  valid[i] = seen;
  if (image) ap::pick_color(image, step, seen, uv + 2 * i, color + 3 * i);
}

}  // namespace

AP_API int32_t ap_project(const float* xyz, const float* T, const float* lens, const int32_t* sizes, const uint8_t* image,
                          float* uv, float* depth, uint8_t* valid, uint8_t* color, int32_t n, int32_t step,
                          float min_depth, void* stream) {
  if (n < 0 || !(min_depth > 0.0f)) return -1;
  const ap::Lens c = ap::lens_of(lens, sizes);
  if (image && step < 3 * c.width) return -2;
  Pose pose;
  memcpy(pose.m, T, sizeof(pose.m));
  if (n > 0)
    project_kernel<<<ap::blocks(n), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(xyz, pose, c, image, uv, depth, valid, color,
                                                                                         n, step, min_depth);
  return ap::launched();
}
