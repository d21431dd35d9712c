#include "align.cuh"

// One thread: it runs beside the worker, which needs the cores.
AP_API int32_t ap_map_scores(const ap::MapScoresArgs& args, void*) {
  const ap::MapScoresArgs a = args;
  const int32_t width = a.p.width, height = a.p.height;
  if (width < 2 || height < 2) return ap::kSmallMap;
  for (int64_t k = 0; k < a.p.m; ++k) {
    int64_t s = 0, w = 0;
    for (int64_t i = 0; i < a.p.n; ++i)
      ap::add_map_value(a.projections + 12 * k, a.points + 3 * i, a.weights[i], a.map, width, height, &s, &w);
    a.score[k] = s;
    a.inside[k] = w;
  }
  return 0;
}
