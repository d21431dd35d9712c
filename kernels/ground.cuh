// Ground segmentation of one lidar sweep.
//
// 1. Polar cells around the lidar (azimuth sectors x bins of r^2 that grow with range): the lowest return of each, and
//    whether something stands on it (returns well above the lowest, below head height): such cells are `crowded`.
// 2. The plane that the vehicle stands on: slopes are tried for the most low returns near them, then fitted.
// 3. The surface grows outwards, one bin after the other, all sectors at once: a Kalman filter of height and radial
//    slope per sector, which also listens to its neighbour sectors, takes the lowest return of a cell
//    - where it fits the ground so far,
//    - where it rises or falls steadily from the last ground return and nothing stands there (banks, berms),
//    - where it drops together with a neighbour and can be seen over the ground before it (ditches, edges); the level
//      before the drop is kept in mind, so that the ground on the far side of a ditch is found again.
//    Where it takes nothing (objects) the filter only predicts and its variance grows.
// 4. Gaps between accepted cells of a sector are laid on the line between them.
// 5. Returns close to that surface move each cell to their mean height, shared with the neighbour cells.
// 6. Every point gets its height above the surface, interpolated between cell centres, and a label. Where something
//    stands in the cell or next to it, its lowest parts must not pass for ground: there the layer of ground is thin.
//    Elsewhere a low return is grass, a stone or a kerb, and ground.
//
// Reductions are integer (min of 64-bit keys, sums of tenths of a millimetre): their order does not matter.
#pragma once
#include "ground_growth.cuh"

namespace ap {

// Surface height [m] at a point, linear between the four nearest cell centres. `per_metre` is 1 / (distance to the next centre).
AP_HD float ground_surface(const float* surface, const float* centre, const float* per_metre, int32_t cell, float range, float turn) {
  int b = cell / kGroundSectors;
  b -= range < centre[b] ? 1 : 0;
  b = b < 0 ? 0 : b;
  b = b > kGroundBins - 2 ? kGroundBins - 2 : b;
  float t = (range - centre[b]) * per_metre[b];
  t = t < 0.0f ? 0.0f : t;
  t = t > 1.0f ? 1.0f : t;
  const float left = floorf(turn - 0.5f), u = turn - 0.5f - left;
  const int s0 = static_cast<int>(left) & (kGroundSectors - 1), s1 = (s0 + 1) & (kGroundSectors - 1);
  const int row = b * kGroundSectors, next = row + kGroundSectors;
  const float inner0 = surface[row + s0], outer0 = surface[next + s0];
  const float zi = inner0 + u * (surface[row + s1] - inner0), zo = outer0 + u * (surface[next + s1] - outer0);
  return zi + t * (zo - zi);
}

// Returns near the surface, per cell: sum of heights above it [0.1 mm] and number.
AP_HD bool ground_refines(float height) { return fabsf(height) < kMeanBand; }
AP_HD int32_t ground_units(float height) { return static_cast<int32_t>(floorf(height * 1e4f + 0.5f)); }
AP_HD float ground_refined(const float* surface, const int32_t* sum, const int32_t* count, int bin, int sector) {
  const int row = bin * kGroundSectors, left = (sector + kGroundSectors - 1) & (kGroundSectors - 1), right = (sector + 1) & (kGroundSectors - 1);
  const int cell = row + sector;
  const int in = bin > 0 ? cell - kGroundSectors : cell, out = bin < kGroundBins - 1 ? cell + kGroundSectors : cell;
  const int32_t n = 2 * count[cell] + count[row + left] + count[row + right] + count[in] + count[out];
  const int32_t total = 2 * sum[cell] + sum[row + left] + sum[row + right] + sum[in] + sum[out];
  return surface[cell] + 1e-4f * static_cast<float>(total) / static_cast<float>(n + kMeanPrior);
}

// Half thickness [m] of the layer of ground.
AP_HD float ground_layer(uint8_t level, float r, const GroundParams& c) {
  return level == 0 ? c.rough_height : (level == 1 ? kThinNear : kThinOwn) + kThinGrowth * r;
}

AP_HD uint8_t ground_label(float height, float layer, const GroundParams& c) {
  if (height < -kBelowGround - layer) return kIgnored;
  if (height < layer) return kGround;
  if (height < c.obstacle_height) return kLow;
  return height < c.overhead ? kObstacle : kOverhang;
}

}  // namespace ap
