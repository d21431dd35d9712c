#include "transform.cuh"

AP_API int32_t ap_transform(const ap::TransformArgs& args, void*) {
  const ap::TransformArgs a = args;
  for (int64_t i = 0; i < a.p.n; ++i) ap::transform_point(a.xyz + 3 * i, a.p.matrix, a.out + 3 * i);
  return 0;
}
