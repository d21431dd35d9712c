// All pointers are device memory.
#include "transform.cuh"

#include "cuda/device.cuh"

namespace {

__global__ void transform_kernel(ap::TransformArgs a) {
  const int64_t i = ap::thread_index();
  if (i < a.p.n) ap::transform_point(a.xyz + 3 * i, a.p.matrix, a.out + 3 * i);
}

}  // namespace

AP_API int32_t ap_transform(const ap::TransformArgs& a, void* stream) {
  if (a.p.n > 0) transform_kernel<<<ap::blocks(a.p.n), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a);
  return ap::launched();
}
