// The pillar feature net of PointPillars (Lang et al. 2019) without pillars in memory: the nine features of pillarise.cuh, linear,
// ReLU, largest over the points. Four of the nine are the point itself and five differ from it by what is constant in a cell,
// so with weights W (9 rows) and the offset d of a point from the cell's centre
//   W^T f = (W0 + W4 + W7) dx + (W1 + W5 + W8) dy + (W2 + W6) z + W3 intensity + constant of the cell.
#pragma once
#include "cells.cuh"

namespace ap {

constexpr int32_t kMaxPillarChannels = 512;

// What is the same for all points of a cell.
struct PillarCell {
  float cx, cy;        // centre [m]
  float mx, my, mz;    // mean of the points that take part, x and y from the centre [m]
  int32_t first, last;  // they are order[first..last)
};

AP_HD PillarCell pillar_cell(const float* xyz, const int32_t* order, const int32_t* starts, int32_t cell, const PillarNetParams& p) {
  PillarCell c{};
  c.cx = p.grid.x0 + (static_cast<float>(cell % p.grid.nx) + 0.5f) / p.grid.inv_res;
  c.cy = p.grid.y0 + (static_cast<float>(cell / p.grid.nx) + 0.5f) / p.grid.inv_res;
  c.first = starts[cell];
  c.last = starts[cell + 1] - c.first < p.max_points ? starts[cell + 1] : c.first + p.max_points;
  for (int32_t k = c.first; k < c.last; ++k) {
    const float* q = xyz + 3 * static_cast<int64_t>(order[k]);
    c.mx += q[0] - c.cx, c.my += q[1] - c.cy, c.mz += q[2];
  }
  const float n = static_cast<float>(c.last - c.first);
  c.mx /= n, c.my /= n, c.mz /= n;
  return c;
}

// Weights of one output as the points need them; w points at its first weight, rows are stride apart.
struct PillarWeights {
  float x, y, z, intensity;
};
AP_HD PillarWeights pillar_weights(const float* w, int32_t stride) {
  return {w[0] + w[4 * stride] + w[7 * stride], w[stride] + w[5 * stride] + w[8 * stride], w[2 * stride] + w[6 * stride], w[3 * stride]};
}

// The constant of a cell for one output.
AP_HD float pillar_constant(const PillarCell& c, const float* w, int32_t stride, float bias) {
  return bias + w[0] * c.cx + w[stride] * c.cy - w[4 * stride] * c.mx - w[5 * stride] * c.my - w[6 * stride] * c.mz;
}

AP_HD float pillar_term(const PillarWeights& w, float dx, float dy, float z, float intensity) {
  return w.x * dx + w.y * dy + w.z * z + w.intensity * intensity;
}

// 0, or why the kernel cannot run.
inline int32_t refused(const PillarNetParams& p) {
  if (p.grid.nx <= 0 || p.grid.ny <= 0) return kEmptyGrid;
  if (p.channels < 1 || p.channels > kMaxPillarChannels) return kNoFeature;
  return p.max_points < 1 ? kNoPillars : 0;
}

}  // namespace ap
