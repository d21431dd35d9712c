#include "canvas.cuh"

#include "planes.h"

AP_API int32_t ap_bev_canvas(const ap::BevCanvasArgs& args, void*) {
  const ap::BevCanvasArgs a = args;
  if (a.p.grid.nx <= 0 || a.p.grid.ny <= 0) return ap::kEmptyGrid;
  ap::fill_cells<ap::kCanvas>(a.starts, a.p.grid.nx * a.p.grid.ny, ap::kCanvas, true, a.out,
                              [&a](int32_t cell, float* values) { ap::canvas_cell(a, cell, values); });
  return 0;
}
