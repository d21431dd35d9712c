#include "project.cuh"

AP_API int32_t ap_project(const float* xyz, const float* T, const float* lens, const int32_t* sizes, const uint8_t* image,
                          float* uv, float* depth, uint8_t* valid, uint8_t* color, int32_t n, int32_t step,
                          float min_depth, void*) {
  if (n < 0 || !(min_depth > 0.0f)) return -1;
  const ap::Lens c = ap::lens_of(lens, sizes);
  if (image && step < 3 * c.width) return -2;
  for (int32_t i = 0; i < n; ++i) {
    const int64_t k = i;
    valid[i] = ap::project_point(c, T, xyz + 3 * k, min_depth, uv + 2 * k, depth + i);
    if (image) ap::pick_color(image, step, valid[i], uv + 2 * k, color + 3 * k);
  }
  return 0;
}
