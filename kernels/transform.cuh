// Rigid transform of points; the arithmetic is spelled out so that CPU and GPU round alike.
#pragma once
#include "port.h"

namespace ap {

// T: rows of a 3x4 matrix.
AP_HD void transform_point(const float* p, const float* T, float* out) {
  const float x = p[0], y = p[1], z = p[2];
  for (int r = 0; r < 3; ++r) {
    const float* m = T + 4 * r;
    out[r] = ((m[0] * x + m[1] * y) + m[2] * z) + m[3];
  }
}

}  // namespace ap
