// All pointers are device memory.
#include "iou.cuh"

#include "cuda/device.cuh"

namespace {

template <int kWidth>
__global__ void table_kernel(const float* a, const float* b, float* out, int64_t n, int64_t m) {
  const int64_t k = ap::thread_index();
  if (k >= n * m) return;
  const float* p = a + kWidth * (k / m);
  const float* q = b + kWidth * (k % m);
  out[k] = kWidth == 5 ? ap::iou_bev(p, q) : ap::iou_3d(p, q);
}

template <int kWidth>
int32_t table(const float* a, const float* b, float* out, int64_t n, int64_t m, void* stream) {
  if (n * m > 0) table_kernel<kWidth><<<ap::blocks(n * m), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a, b, out, n, m);
  return ap::launched();
}

}  // namespace

AP_API int32_t ap_iou_bev(const ap::IouBevArgs& a, void* stream) {
  return table<5>(a.a, a.b, a.out, a.p.n, a.p.m, stream);
}

AP_API int32_t ap_iou_3d(const ap::Iou3dArgs& a, void* stream) {
  return table<7>(a.a, a.b, a.out, a.p.n, a.p.m, stream);
}
