// All pointers are device memory.
#include "project.cuh"

#include "cuda/device.cuh"

namespace {

__global__ void project_kernel(ap::ProjectArgs a) {
  const int64_t i = ap::thread_index();
  if (i >= a.p.n) return;
  const bool seen = ap::project_point(a.p, a.xyz + 3 * i, a.uv + 2 * i, a.depth + i);
  a.valid[i] = seen;
  if (a.image) ap::pick_color(a.image, 3 * a.p.lens.width, seen, a.uv + 2 * i, a.color + 3 * i);
}

}  // namespace

AP_API int32_t ap_project(const ap::ProjectArgs& a, void* stream) {
  if (!(a.p.min_depth > 0.0f)) return ap::kMinDepth;
  if (a.p.n > 0) project_kernel<<<ap::blocks(a.p.n), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a);
  return ap::launched();
}
