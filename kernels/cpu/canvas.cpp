#include "canvas.cuh"

#include "spread.h"

AP_API int32_t ap_bev_canvas(const ap::BevCanvasArgs& args, void*) {
  const ap::BevCanvasArgs a = args;
  if (a.p.grid.nx <= 0 || a.p.grid.ny <= 0) return ap::kEmptyGrid;
  const ap::Spread spread;
#pragma omp parallel for schedule(dynamic, 512)
  for (int32_t c = 0; c < a.p.grid.nx * a.p.grid.ny; ++c) ap::fill_canvas(a, c, a.out);
  return 0;
}
