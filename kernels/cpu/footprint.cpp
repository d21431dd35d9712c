#include "footprint.cuh"

// mask uint8 (ny,nx): 1 is stored where a cell's centre lies in one of the boxes (m,5).
AP_API int32_t ap_footprint(const float* boxes, uint8_t* mask, int32_t m, int32_t nx, int32_t ny, float res, float margin, void*) {
  if (m < 0 || nx <= 0 || ny <= 0 || !(res > 0.0f)) return -1;
  for (int32_t b = 0; b < m; ++b) {
    const ap::Footprint f = ap::footprint_of(boxes + 5 * b, margin, res, nx, ny);
    for (int j = f.j0; j < f.j1; ++j)
      for (int i = f.i0; i < f.i1; ++i)
        if (ap::in_footprint(f, i, j, res)) mask[j * nx + i] = 1;
  }
  return 0;
}
