// The lidar canvas: what the returns in each cell look like and what ground segmentation says of them. Nothing here is learnt.
#pragma once
#include "cells.cuh"
#include "enums.h"

namespace ap {

constexpr int kCanvas = 18, kSlices = 5;
constexpr float kZScale = 4.0f, kZLimit = 3.0f;  // heights are divided by it [m] and cut
constexpr float kFullCell = 1.0f / 3.4965076f;  // 1 / log(1 + 32 returns)

AP_HD float cut(float v, float limit) { return v < -limit ? -limit : v > limit ? limit : v; }
AP_HD float logs_of(int32_t count) { return logf(1.0f + static_cast<float>(count)) * kFullCell; }

// The kCanvas values of one cell: see ops/canvas.py for their meaning. All zero where no return is.
AP_HD void canvas_cell(const BevCanvasArgs& a, int32_t cell, float* v) {
  const CellGrid& g = a.p.grid;
  const float ix = static_cast<float>(cell % g.nx) + 0.5f, iy = static_cast<float>(cell / g.nx) + 0.5f;
  const float edges[kSlices + 1] = {0.1f, 0.4f, 0.9f, 1.6f, 2.5f, 3.0e38f};  // of slices of height above local ground [m]
  CellSums z{};
  int32_t grounds = 0, over = 0, slice[kSlices] = {};
  float intensity = 0.0f, brightest = 0.0f, dx = 0.0f, dy = 0.0f, ground_z = 0.0f, top = 0.0f;
  for (int32_t k = a.starts[cell]; k < a.starts[cell + 1]; ++k) {
    const int64_t i = a.order[k];
    const uint8_t label = a.label[i];
    const float h = a.height[i];
    if (label == kIgnored || label >= kPointLabels || !(fabsf(h) < 3.0e38f)) continue;
    const float* p = a.xyz + 3 * i;
    const float own = cut(p[2] / kZScale, kZLimit), bright = a.intensity[i];
    add_value(&z, own);
    intensity += bright;
    brightest = z.count == 1 || bright > brightest ? bright : brightest;
    dx += (p[0] - g.x0) * g.inv_res - ix;
    dy += (p[1] - g.y0) * g.inv_res - iy;
    if (label == kGround) {
      ++grounds;
      ground_z += own;
    } else if (label == kOverhang) {
      ++over;
    } else {
      top = h > top ? h : top;
      for (int s = 0; s < kSlices; ++s) slice[s] += h >= edges[s] && h < edges[s + 1];
    }
  }
  for (int k = 0; k < kCanvas; ++k) v[k] = 0.0f;
  if (z.count > 0) {
    const float n = static_cast<float>(z.count), shift = z.sum / n, spread = z.square / n - shift * shift;
    v[0] = logs_of(z.count);
    v[1] = z.first + shift;
    v[2] = z.low;
    v[3] = z.high;
    v[4] = spread > 0.0f ? sqrtf(spread) : 0.0f;
    v[5] = intensity / n;
    v[6] = brightest;
    v[7] = dx / n;
    v[8] = dy / n;
    v[9] = static_cast<float>(grounds) / n;
    v[10] = grounds ? ground_z / static_cast<float>(grounds) : 0.0f;
    v[11] = cut(top / kZScale, kZLimit);
    for (int s = 0; s < kSlices; ++s) v[12 + s] = logs_of(slice[s]);
    v[17] = logs_of(over);
  }
}

}  // namespace ap
