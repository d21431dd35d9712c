// Pillars as PointPillars (Lang et al. 2019) reads them: nine numbers per point, padded with zeros.
#pragma once
#include "cells.cuh"

namespace ap {

constexpr int kPillarFeatures = 9;  // x y z intensity, offsets to the mean (3), offsets to the pillar's centre (2)

// Pillar r of total occupied ones is kept when more than the limit exist: an even share in order of cell id.
AP_HD bool keeps_pillar(int64_t r, int64_t total, int64_t limit) {
  return total <= limit || (r + 1) * limit / total > r * limit / total;
}
AP_HD int32_t pillar_slot(int64_t r, int64_t total, int64_t limit) {
  return static_cast<int32_t>(total <= limit ? r : r * limit / total);
}

// Fills row `slot` of the output from the points order[first..last) of cell c; earlier zeros beyond the row's
// points stay zeros, so only what the row held before (counts[slot]) is cleared.
AP_HD void fill_pillar(const float* xyz, const float* intensity, const int32_t* order, int32_t first, int32_t last, int32_t cell,
                       const CellGrid& grid, int32_t max_points, int32_t slot, float* features, int32_t* coords, int32_t* counts) {
  const int32_t n = last - first < max_points ? last - first : max_points;
  float* row = features + static_cast<int64_t>(slot) * max_points * kPillarFeatures;
  float mean[3] = {0.0f, 0.0f, 0.0f};
  for (int32_t k = 0; k < n; ++k)
    for (int d = 0; d < 3; ++d) mean[d] += xyz[3 * static_cast<int64_t>(order[first + k]) + d];
  for (int d = 0; d < 3; ++d) mean[d] /= static_cast<float>(n);
  const int32_t iy = cell / grid.nx, ix = cell % grid.nx;
  const float cx = grid.x0 + (static_cast<float>(ix) + 0.5f) / grid.inv_res, cy = grid.y0 + (static_cast<float>(iy) + 0.5f) / grid.inv_res;
  for (int32_t k = 0; k < n; ++k) {
    const int64_t i = order[first + k];
    const float x = xyz[3 * i], y = xyz[3 * i + 1], z = xyz[3 * i + 2];
    float* f = row + k * kPillarFeatures;
    f[0] = x, f[1] = y, f[2] = z, f[3] = intensity[i];
    f[4] = x - mean[0], f[5] = y - mean[1], f[6] = z - mean[2];
    f[7] = x - cx, f[8] = y - cy;
  }
  for (int32_t k = n * kPillarFeatures; k < counts[slot] * kPillarFeatures; ++k) row[k] = 0.0f;
  coords[2 * slot] = iy;
  coords[2 * slot + 1] = ix;
  counts[slot] = n;
}

// Clears what row `slot` held before, for rows beyond the last pillar.
AP_HD void clear_pillar(int32_t max_points, int32_t slot, float* features, int32_t* coords, int32_t* counts) {
  float* row = features + static_cast<int64_t>(slot) * max_points * kPillarFeatures;
  for (int32_t k = 0; k < counts[slot] * kPillarFeatures; ++k) row[k] = 0.0f;
  coords[2 * slot] = coords[2 * slot + 1] = -1;
  counts[slot] = 0;
}

}  // namespace ap
