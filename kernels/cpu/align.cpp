#include "align.cuh"

// One thread: it runs beside the worker, which needs the cores.
AP_API int32_t ap_map_scores(const float* points, const float* weights, const float* projections, const uint8_t* map,
                             int64_t* score, int64_t* inside, int32_t n, int32_t m, int32_t width, int32_t height, void*) {
  if (n < 0 || m < 0) return -1;
  if (width < 2 || height < 2) return -2;
  for (int64_t k = 0; k < m; ++k) {
    int64_t s = 0, w = 0;
    for (int64_t i = 0; i < n; ++i) ap::add_map_value(projections + 12 * k, points + 3 * i, weights[i], map, width, height, &s, &w);
    score[k] = s;
    inside[k] = w;
  }
  return 0;
}
