// All pointers are device memory. One thread has one cell.
#include "decode_ground.cuh"

#include "cuda/device.cuh"

namespace {

__global__ void ground_kernel(ap::DecodeGroundArgs a) {
  const int64_t c = ap::thread_index();
  if (c < static_cast<int64_t>(a.p.nx) * a.p.ny) ap::ground_cell(a, static_cast<int32_t>(c));
}

}  // namespace

AP_API int32_t ap_decode_ground(const ap::DecodeGroundArgs& a, void* stream) {
  if (const int32_t why = ap::refused(a.p)) return why;
  ground_kernel<<<ap::blocks(static_cast<int64_t>(a.p.nx) * a.p.ny), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a);
  return ap::launched();
}
