#include "footprint.cuh"

AP_API int32_t ap_footprint(const ap::FootprintArgs& args, void*) {
  const ap::FootprintArgs a = args;
  const int32_t nx = a.p.nx, ny = a.p.ny;
  const float res = a.p.res;
  if (nx <= 0 || ny <= 0) return ap::kEmptyGrid;
  if (!(res > 0.0f)) return ap::kResolution;
  for (int32_t b = 0; b < a.p.m; ++b) {
    const ap::Footprint f = ap::footprint_of(a.boxes + 5 * b, a.p.margin, res, nx, ny);
    for (int j = f.j0; j < f.j1; ++j)
      for (int i = f.i0; i < f.i1; ++i)
        if (ap::in_footprint(f, i, j, res)) a.mask[j * nx + i] = 1;
  }
  return 0;
}
