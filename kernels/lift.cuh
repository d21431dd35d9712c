// Camera features into the bird's-eye view (lift-splat, Philion & Fidler 2020) by intervals (BEVPool, Liu et al. 2022):
// the bins of a frustum are grouped by cell once per calibration, then each cell sums its own in a fixed order.
#pragma once
#include "cells.cuh"

namespace ap {

constexpr int32_t kMaxChannels = 512;

// Cell of bin d of feature (i, j) of one camera; -1 outside the grid or the slab of heights.
AP_HD int32_t frustum_cell(const float* view, float depth, int32_t i, int32_t j, const FrustumCellsParams& p) {
  const float u = p.u0 + static_cast<float>(i) * p.step_u, v = p.v0 + static_cast<float>(j) * p.step_v;
  float point[3];
  for (int r = 0; r < 3; ++r) point[r] = depth * (view[4 * r] * u + view[4 * r + 1] * v + view[4 * r + 2]) + view[4 * r + 3];
  return point[2] >= p.z_min && point[2] <= p.z_max ? cell_id(point, p.grid) : -1;
}

// Row of the context features of entry k of the (cameras, bins, area) table.
AP_HD int32_t frustum_pixel(int32_t k, int32_t bins, int32_t area) { return k < 0 ? -1 : k / (bins * area) * area + k % area; }

// One channel of one cell: context points at that channel of pixel 0.
AP_HD float pool_channel(const float* depth, const float* context, const int32_t* order, const int32_t* pixels, int32_t first, int32_t last,
                         int32_t channels) {
  float sum = 0.0f;
  for (int32_t k = first; k < last; ++k) sum += depth[order[k]] * context[static_cast<int64_t>(pixels[k]) * channels];
  return sum;
}

// out(cell) = sum over bins i of the cell of depth(i) * context(pixel(i)), so the gradient by depth(i) is
// <grad(cell(i)), context(pixel(i))> and that by context(p) is the sum over the bins i of p of depth(i) * grad(cell(i)).
AP_HD float depth_gradient(const float* context, const float* grad, int32_t channels) {
  float sum = 0.0f;
  for (int32_t c = 0; c < channels; ++c) sum += context[c] * grad[c];
  return sum;
}

// One channel of the gradient by the context of one pixel: depth and ids point at its bin 0, grad at that channel of cell 0.
AP_HD float context_gradient(const float* depth, const int32_t* ids, const float* grad, const BevPoolGradParams& p) {
  float sum = 0.0f;
  for (int32_t d = 0; d < p.bins; ++d) {
    const int64_t k = static_cast<int64_t>(d) * p.area;
    if (ids[k] >= 0 && ids[k] < p.cells) sum += depth[k] * grad[static_cast<int64_t>(ids[k]) * p.channels];
  }
  return sum;
}

// 0, or why the kernel cannot run.
inline int32_t refused(const BevPoolParams& p) {
  return p.cells < 1 ? kEmptyGrid : p.channels < 1 || p.channels > kMaxChannels ? kNoFeature : 0;
}
inline int32_t refused(const FrustumPixelsParams& p) { return p.bins < 1 || p.area < 1 ? kNoFeature : 0; }

}  // namespace ap
