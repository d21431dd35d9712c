// Points to cells of a bird's-eye-view grid, points grouped by cell, and height statistics of a cell.
#pragma once
#include "port.h"

namespace ap {

// Cell id iy * nx + ix, or -1 outside the grid or where a coordinate is not finite.
AP_HD int32_t cell_id(const float* p, const CellGrid& g) {
  const float u = floorf((p[0] - g.x0) * g.inv_res), v = floorf((p[1] - g.y0) * g.inv_res);
  if (!((u >= 0.0f) & (u < static_cast<float>(g.nx)) & (v >= 0.0f) & (v < static_cast<float>(g.ny)))) return -1;
  return static_cast<int32_t>(v) * g.nx + static_cast<int32_t>(u);
}

// Sums of one cell, shifted by its first value so that float32 keeps the variance of heights far from zero.
struct CellSums {
  float first, sum, square, low, high;
  int32_t count;
};

AP_HD void add_value(CellSums* s, float v) {
  if (!(v > -3.0e38f && v < 3.0e38f)) return;
  if (s->count++ == 0) {
    *s = {v, 0.0f, 0.0f, v, v, 1};
    return;
  }
  const float d = v - s->first;
  s->sum += d;
  s->square += d * d;
  s->low = v < s->low ? v : s->low;
  s->high = v > s->high ? v : s->high;
}

// stats: count, min, max, mean, variance (population) of cell c in five layers of n cells; NaN where empty.
AP_HD void store_stats(const CellSums& s, int32_t c, int32_t* count, float* low, float* high, float* mean, float* variance) {
  count[c] = s.count;
  const float n = static_cast<float>(s.count), nan = nanf("");
  const float shift = s.count ? s.sum / n : nan;
  const float spread = s.count ? s.square / n - shift * shift : nan;
  low[c] = s.count ? s.low : nan;
  high[c] = s.count ? s.high : nan;
  mean[c] = s.count ? s.first + shift : nan;
  variance[c] = spread < 0.0f ? 0.0f : spread;
}

}  // namespace ap
