#include "project.cuh"

AP_API int32_t ap_project(const ap::ProjectArgs& args, void*) {
  const ap::ProjectArgs a = args;
  const ap::ProjectParams& p = a.p;
  if (!(p.min_depth > 0.0f)) return ap::kMinDepth;
  for (int32_t i = 0; i < p.n; ++i) {
    const int64_t k = i;
    a.valid[i] = ap::project_point(p, a.xyz + 3 * k, a.uv + 2 * k, a.depth + i);
    if (a.image) ap::pick_color(a.image, 3 * p.lens.width, a.valid[i], a.uv + 2 * k, a.color + 3 * k);
  }
  return 0;
}
