// Rolling 2.5D terrain map: fusion of one sweep's ground returns. The layers derived from it: terrain_layers.cuh.
//
// All sums are integers (0.1 mm), so that neither threads nor atomics change the answer.
#pragma once
#include "port.h"

namespace ap {

constexpr float kTerrainNoise = 0.02f;       // height noise of one return at the lidar [m], growing by
constexpr float kTerrainAngleNoise = 0.002f; // beam pointing and pitch of the vehicle [rad]
constexpr float kTerrainDrift = 0.02f;       // what odometry adds to a cell that is not seen [m per sqrt(s)]
constexpr float kTerrainJump = 0.2f;         // innovations beyond this plus three deviations mean that the world changed [m]
constexpr float kSpreadMemory = 0.8f;        // share of the old spread of heights when a cell is seen again

// Ground returns of one sweep in one cell: number, sum and sum of squares of z in anchor [0.1 mm], [0.01 mm^2].
struct TerrainSums {
  int64_t n, z, zz;
};
AP_HD int64_t terrain_units(float z) { return static_cast<int64_t>(floorf(z * 1e4f + 0.5f)); }

// Cell of a return that may be fused, or -1.
AP_HD int32_t terrain_cell(const float* p, const TerrainFuseParams& c) {
  const float dx = p[0] - c.ox, dy = p[1] - c.oy;
  if (!(dx * dx + dy * dy < c.max_range * c.max_range) || !(fabsf(p[2]) < 1e3f)) return -1;
  const int ix = cell_of(p[0] + c.shift_x, c.inv_res), iy = cell_of(p[1] + c.shift_y, c.inv_res);
  return ix >= 0 && ix < c.nx && iy >= 0 && iy < c.ny ? iy * c.nx + ix : -1;
}

// Slope [-] that a cell's measurement must reckon with; a tenth while unknown.
AP_HD float terrain_slope(float slope) { return slope == slope ? tanf(slope) : 0.1f; }

// Kalman update of one cell; elevation in odom [m], NaN while unknown; spread of heights in the cell [m].
// `slope` [rad] widens the measurement.
AP_HD void terrain_fuse(const TerrainSums& m, int cell, float slope, const TerrainFuseParams& c, float* elevation, float* variance,
                        float* spread, float* age) {
  age[cell] += c.elapsed;
  const bool known = elevation[cell] == elevation[cell];
  if (known) variance[cell] += kTerrainDrift * kTerrainDrift * c.elapsed;
  if (m.n == 0) return;
  const double n = static_cast<double>(m.n), mean_units = static_cast<double>(m.z) / n;
  const float mean = static_cast<float>(mean_units * 1e-4) + c.anchor_z;
  const float square = static_cast<float>((static_cast<double>(m.zz) / n - mean_units * mean_units) * 1e-8);
  const float x = (static_cast<float>(cell % c.nx) + 0.5f) / c.inv_res - c.shift_x - c.ox;
  const float y = (static_cast<float>(cell / c.nx) + 0.5f) / c.inv_res - c.shift_y - c.oy;
  const float noise = kTerrainNoise + kTerrainAngleNoise * sqrtf(x * x + y * y), tilt = terrain_slope(slope) / c.inv_res;
  // A lone return may lie anywhere in a sloping cell; more of them average that out, but not the pointing of the beam.
  const float few = static_cast<float>(m.n < 8 ? m.n : 8);
  const float r = noise * noise + tilt * tilt * (1.0f / 12.0f) / few;
  const float own = m.n > 2 && square > 0.0f ? sqrtf(square) : 0.0f;
  if (!known) {
    elevation[cell] = mean;
    variance[cell] = r;
    spread[cell] = own;
  } else {
    const float innovation = mean - elevation[cell];
    float p = variance[cell];
    if (fabsf(innovation) > kTerrainJump + 3.0f * sqrtf(p + r)) p += innovation * innovation;
    elevation[cell] += p / (p + r) * innovation;
    variance[cell] = p * r / (p + r);
    if (m.n > 2) spread[cell] = kSpreadMemory * spread[cell] + (1.0f - kSpreadMemory) * own;
  }
  age[cell] = 0.0f;
}

}  // namespace ap
