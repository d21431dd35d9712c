#include "image.cuh"

AP_API int32_t ap_preprocess(const uint8_t* image, const float* map, const float* lens, const int32_t* sizes, const float* view,
                             float* out, int32_t step, int32_t pixel, int32_t swap, int32_t out_width, int32_t out_height, void*) {
  const ap::ImagePlan plan = ap::image_plan(lens, sizes, view, step, pixel, swap, out_width, out_height);
  if (out_width <= 0 || out_height <= 0 || (pixel != 3 && pixel != 4) || step < pixel * (plan.lens.width - 1) + 3) return -1;
  for (int32_t j = 0; j < out_height; ++j)
    for (int32_t i = 0; i < out_width; ++i) ap::preprocess_pixel(image, map, plan, i, j, out);
  return 0;
}

AP_API int32_t ap_undistort_map(const float* lens, const int32_t* sizes, const float* view, float* map, int32_t out_width,
                                int32_t out_height, void*) {
  if (out_width <= 0 || out_height <= 0) return -1;
  const ap::ImagePlan plan = ap::image_plan(lens, sizes, view, 0, 3, 0, out_width, out_height);
  for (int32_t j = 0; j < out_height; ++j)
    for (int32_t i = 0; i < out_width; ++i) {
      float* m = map + 2 * (static_cast<int64_t>(j) * out_width + i);
      ap::source_of(plan, nullptr, i, j, m, m + 1);
    }
  return 0;
}
