#include "image.cuh"

AP_API int32_t ap_preprocess(const ap::PreprocessArgs& args, void*) {
  const ap::PreprocessArgs a = args;
  const ap::PreprocessParams& p = a.p;
  if (const int32_t why = ap::refused(p)) return why;
  for (int32_t j = 0; j < p.out_height; ++j)
    for (int32_t i = 0; i < p.out_width; ++i) ap::preprocess_pixel(a.image, a.map, p, i, j, a.out);
  return 0;
}

AP_API int32_t ap_undistort_map(const ap::UndistortMapArgs& args, void*) {
  const ap::UndistortMapArgs a = args;
  for (int32_t j = 0; j < a.p.out_height; ++j)
    for (int32_t i = 0; i < a.p.out_width; ++i) {
      float* m = a.map + 2 * (static_cast<int64_t>(j) * a.p.out_width + i);
      ap::source_of(a.p.lens, a.p.view, i, j, m, m + 1);
    }
  return 0;
}
