// Cells whose centre lies in an oriented box.
#pragma once
#include "port.h"

namespace ap {

struct Footprint {
  float cx, cy, half_l, half_w, c, s;  // centre in grid local [m], half sizes with margin [m], cosine and sine of yaw
  int i0, i1, j0, j1;                  // cells to test: [i0, i1) x [j0, j1)
};

// box: x y length width yaw in grid local coordinates.
AP_HD Footprint footprint_of(const float* box, float margin, float res, int nx, int ny) {
  Footprint f;
  f.cx = box[0];
  f.cy = box[1];
  f.half_l = 0.5f * box[2] + margin;
  f.half_w = 0.5f * box[3] + margin;
  f.c = cosf(box[4]);
  f.s = sinf(box[4]);
  const float rx = fabsf(f.c) * f.half_l + fabsf(f.s) * f.half_w, ry = fabsf(f.s) * f.half_l + fabsf(f.c) * f.half_w;
  const bool finite = rx < 1e4f && ry < 1e4f && fabsf(f.cx) < 1e6f && fabsf(f.cy) < 1e6f;
  f.i0 = finite ? static_cast<int>(floorf((f.cx - rx) / res)) : 0;
  f.i1 = finite ? static_cast<int>(floorf((f.cx + rx) / res)) + 1 : 0;
  f.j0 = finite ? static_cast<int>(floorf((f.cy - ry) / res)) : 0;
  f.j1 = finite ? static_cast<int>(floorf((f.cy + ry) / res)) + 1 : 0;
  f.i0 = f.i0 < 0 ? 0 : f.i0;
  f.j0 = f.j0 < 0 ? 0 : f.j0;
  f.i1 = f.i1 > nx ? nx : f.i1;
  f.j1 = f.j1 > ny ? ny : f.j1;
  return f;
}

AP_HD bool in_footprint(const Footprint& f, int ix, int iy, float res) {
  const float dx = (static_cast<float>(ix) + 0.5f) * res - f.cx, dy = (static_cast<float>(iy) + 0.5f) * res - f.cy;
  return fabsf(f.c * dx + f.s * dy) <= f.half_l && fabsf(f.c * dy - f.s * dx) <= f.half_w;
}

}  // namespace ap
