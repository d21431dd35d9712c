#include "iou.cuh"

namespace {

template <int kWidth, float (*kIou)(const float*, const float*)>
int32_t table(const float* a, const float* b, float* out, int32_t n, int32_t m) {
  if (n < 0 || m < 0) return -1;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < m; ++j) out[i * m + j] = kIou(a + kWidth * i, b + kWidth * j);
  return 0;
}

}  // namespace

AP_API int32_t ap_iou_bev(const float* a, const float* b, float* out, int32_t n, int32_t m, void*) {
  return table<5, ap::iou_bev>(a, b, out, n, m);
}

AP_API int32_t ap_iou_3d(const float* a, const float* b, float* out, int32_t n, int32_t m, void*) {
  return table<7, ap::iou_3d>(a, b, out, n, m);
}
