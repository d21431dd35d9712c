// Layers of the ground from the heads of a network: softmax, probabilities, variance, and where nothing can be judged.
#pragma once
#include "port.h"

namespace ap {

AP_HD void ground_cell(const DecodeGroundArgs& a, int32_t cell) {
  const DecodeGroundParams& p = a.p;
  const int64_t area = static_cast<int64_t>(p.nx) * p.ny;
  const float seen = a.visibility[cell] * p.sharp_visibility, elevation = a.elevation[cell], spread = a.elevation[area + cell];
  int32_t best = 0;
  float top = a.terrain[cell] * p.sharp_terrain, sum = 0.0f;
  bool finite = fabsf(a.drivable[cell]) < 3.0e38f && fabsf(elevation) < 3.0e38f && fabsf(spread) < 3.0e38f;
  for (int32_t k = 0; k < p.classes; ++k) {
    const float logit = a.terrain[k * area + cell] * p.sharp_terrain;
    finite = finite && fabsf(logit) < 3.0e38f;
    if (logit > top) top = logit, best = k;
  }
  if (!finite || !(seen >= p.min_logit)) {
    a.label[cell] = 0;
    a.confidence[cell] = 0.0f;
    a.free[cell] = a.height[cell] = a.variance[cell] = nanf("");
    return;
  }
  for (int32_t k = 0; k < p.classes; ++k) sum += expf(a.terrain[k * area + cell] * p.sharp_terrain - top);
  a.label[cell] = static_cast<uint8_t>(1 + best);
  a.confidence[cell] = 1.0f / sum;
  a.free[cell] = 1.0f / (1.0f + expf(-a.drivable[cell] * p.sharp_drivable));
  a.height[cell] = elevation;
  a.variance[cell] = p.widen * expf(spread < -8.0f ? -8.0f : spread > 6.0f ? 6.0f : spread);
}

// 0, or why the kernel cannot run.
inline int32_t refused(const DecodeGroundParams& p) { return p.nx < 1 || p.ny < 1 ? kEmptyGrid : p.classes < 1 || p.classes > 254 ? kNoTerrain : 0; }

}  // namespace ap
