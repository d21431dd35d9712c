#include "iou.cuh"

namespace {

template <int kWidth, float (*kIou)(const float*, const float*)>
int32_t table(const float* a, const float* b, float* out, int32_t n, int32_t m) {
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < m; ++j) out[i * m + j] = kIou(a + kWidth * i, b + kWidth * j);
  return 0;
}

}  // namespace

AP_API int32_t ap_iou_bev(const ap::IouBevArgs& a, void*) {
  return table<5, ap::iou_bev>(a.a, a.b, a.out, a.p.n, a.p.m);
}

AP_API int32_t ap_iou_3d(const ap::Iou3dArgs& a, void*) {
  return table<7, ap::iou_3d>(a.a, a.b, a.out, a.p.n, a.p.m);
}
