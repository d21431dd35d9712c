// What the terrain map means for a vehicle: slope, steps, ditches and drops, traversability, lethal cells.
#pragma once
#include "port.h"

namespace ap {

constexpr int kSlopeReach = 2;               // slope is a plane over (2 * reach + 1)^2 cells
constexpr int kSlopeCells = 6;               // of which at least so many must be known

// Elevation with a rim of unknown cells around it, so that neighbours need no bounds check.
struct TerrainView {
  const float* padded;  // (ny + 2 rim, nx + 2 rim)
  const float* variance;
  TerrainDeriveParams c;
  int32_t rim;
  float steep;  // tangent of the largest slope
  AP_HD float z(int ix, int iy) const { return padded[(iy + rim) * (c.nx + 2 * rim) + ix + rim]; }
};
AP_HD int32_t terrain_rim(const TerrainDeriveParams& c) { return (c.reach > c.half_base ? c.reach : c.half_base) + 1; }
// Value of one cell of the padded elevation.
AP_HD float terrain_padded(const float* elevation, int32_t cell, int32_t rim, const TerrainDeriveParams& c) {
  const int ix = cell % (c.nx + 2 * rim) - rim, iy = cell / (c.nx + 2 * rim) - rim;
  return ix >= 0 && ix < c.nx && iy >= 0 && iy < c.ny ? elevation[iy * c.nx + ix] : NAN;
}

// Gradient [-] of the plane through the known cells around one; NaN when they do not span a plane.
AP_HD float terrain_gradient(const TerrainView& v, int ix, int iy) {
  const float z0 = v.z(ix, iy);
  float x_all = 0.0f, y_all = 0.0f;  // when all cells are known the normal equations are diagonal
  for (int j = -kSlopeReach; j <= kSlopeReach; ++j)
    for (int i = -kSlopeReach; i <= kSlopeReach; ++i) {
      const float d = v.z(ix + i, iy + j) - z0;
      x_all += static_cast<float>(i) * d;
      y_all += static_cast<float>(j) * d;
    }
  const float all = x_all + y_all;
  constexpr float kSquares = (2 * kSlopeReach + 1) * (kSlopeReach * (kSlopeReach + 1) * (2 * kSlopeReach + 1) / 3);
  if (all == all) return sqrtf(x_all * x_all + y_all * y_all) / (kSquares * v.c.res);
  float n = 0, x = 0, y = 0, z = 0, xx = 0, xy = 0, yy = 0, xz = 0, yz = 0;
  for (int j = -kSlopeReach; j <= kSlopeReach; ++j) {  // sums along x first; without branches
    float rn = 0, rx = 0, rxx = 0, rz = 0, rxz = 0;
    const float fj = static_cast<float>(j);
    for (int i = -kSlopeReach; i <= kSlopeReach; ++i) {
      const float fi = static_cast<float>(i), miss = v.z(ix + i, iy + j) - z0;
      const float w = miss == miss ? 1.0f : 0.0f, d = miss == miss ? miss : 0.0f;
      rn += w; rx += fi * w; rxx += fi * fi * w; rz += d; rxz += fi * d;
    }
    n += rn; x += rx; y += fj * rn; z += rz; xx += rxx; xy += fj * rx; yy += fj * fj * rn; xz += rxz; yz += fj * rz;
  }
  if (n < kSlopeCells) return NAN;
  xx -= x * x / n; xy -= x * y / n; yy -= y * y / n; xz -= x * z / n; yz -= y * z / n;
  const float det = xx * yy - xy * xy;
  if (det < 0.05f * (xx + yy) * (xx + yy)) return NAN;
  const float gx = (xz * yy - yz * xy) / det, gy = (yz * xx - xz * xy) / det;
  return sqrtf(gx * gx + gy * gy) / v.c.res;
}

AP_HD float minmod(float a, float b) { return a * b <= 0.0f ? 0.0f : (fabsf(a) < fabsf(b) ? a : b); }

// Height difference [m] across one cell along (dx, dy) beyond what the slope on both sides explains; NaN if unknown.
AP_HD float terrain_step(const TerrainView& v, int ix, int iy, int dx, int dy) {
  const float a = v.z(ix - dx, iy - dy), b = v.z(ix + dx, iy + dy);
  const float before = a - v.z(ix - 2 * dx, iy - 2 * dy), after = v.z(ix + 2 * dx, iy + 2 * dy) - b;
  const float outside = before == before ? (after == after ? minmod(before, after) : before) : after;
  return fabsf(b - a - 2.0f * outside);
}

// How far [m] the cell stands above the higher of the wheels of an axle base along (dx, dy); NaN if unknown. The higher:
// next to a ditch only the ditch itself is to be lethal, not half a wheelbase of level ground beside it.
AP_HD float terrain_bump(const TerrainView& v, int ix, int iy, int dx, int dy) {
  const float z = v.z(ix, iy), a = z - v.z(ix - dx, iy - dy), b = z - v.z(ix + dx, iy + dy);
  return a < b ? a : (a == a ? b : a);
}

// Gradient [-] that both sides of the cell agree on, so that level ground beside an edge is not steep; NaN if unknown.
AP_HD float terrain_own_gradient(const TerrainView& v, int ix, int iy) {
  const float z = v.z(ix, iy), x0 = z - v.z(ix - 1, iy), x1 = v.z(ix + 1, iy) - z, y0 = z - v.z(ix, iy - 1), y1 = v.z(ix, iy + 1) - z;
  const float gx = x0 + x1 == x0 + x1 ? minmod(x0, x1) : NAN, gy = y0 + y1 == y0 + y1 ? minmod(y0, y1) : NAN;
  return sqrtf(gx * gx + gy * gy) / v.c.res;
}

// Angle [rad] of a gradient; NaN stays NaN.
AP_HD float slope_angle(float gradient) { return gradient == gradient ? atan2_approx(gradient, 1.0f) : NAN; }

AP_HD float known_max(float a, float b) { return !(a == a) || b > a ? b : a; }

// 0 up to the limit, then the probability mass beyond it: 2 Phi(d / sigma) - 1, by the logistic approximation.
AP_HD float excess(float value, float limit, float sigma) {
  return value > limit ? 2.0f / (1.0f + expf(-1.702f * (value - limit) / sigma)) - 1.0f : 0.0f;
}
AP_HD float share_left(float value, float limit) { return value < limit ? 1.0f - value / limit : 0.0f; }

// One side of a cell: how far the ground rises there within reach, how steeply, and how far the next known cell is.
struct TerrainSide {
  float rise, tangent;  // [m], [-]
  int next;             // [cells], 0 if none
};
// A side while its cells are looked at from far to near: greatest rise, rise and distance of the steepest tangent,
// nearest known cell. Unknown cells are as likely as known ones, so nothing branches on them; tangents are compared by
// products and divided once.
struct SideScan {
  float rise, steepest, at, next;
};
AP_HD void side_look(SideScan& s, float rise, float cells) {
  s.next = rise == rise ? cells : s.next;
  s.rise = rise > s.rise ? rise : s.rise;
  const bool steeper = rise * s.at > s.steepest * cells;
  s.steepest = steeper ? rise : s.steepest;
  s.at = steeper ? cells : s.at;
}
AP_HD TerrainSide side_of(const SideScan& s, float res, bool diagonal) {
  return {s.rise, s.steepest / (res * (diagonal ? 1.41421356f : 1.0f) * s.at), static_cast<int>(s.next)};
}
AP_HD TerrainSide terrain_side(const TerrainView& v, int ix, int iy, int dx, int dy) {
  const int32_t stride = dy * (v.c.nx + 2 * v.rim) + dx;
  const float* cell = v.padded + (iy + v.rim) * (v.c.nx + 2 * v.rim) + ix + v.rim;
  SideScan scan{0.0f, 0.0f, 1.0f, 0.0f};
  for (int k = v.c.reach; k >= 1; --k) side_look(scan, cell[k * stride] - *cell, static_cast<float>(k));
  return side_of(scan, v.c.res, dx != 0 && dy != 0);
}

AP_HD void mark_between(const TerrainView& v, int ix, int iy, int dx, int dy, int from, int next, uint8_t* negative) {
  for (int k = from; k < next; ++k) {
    const int x = ix + k * dx, y = iy + k * dy;
    if (x >= 0 && x < v.c.nx && y >= 0 && y < v.c.ny) negative[y * v.c.nx + x] = 1;
  }
}

// What one cell says of ditches and drops along (dx, dy), as bits: 1 it is the floor of a ditch, 2 / 4 unseen ground
// behind it (along -d / +d) is a drop.
// Ditch: the ground rises by more than a step on both sides, on one of them more steeply than the vehicle can drive.
// Drop: between this cell and a lower one farther from the lidar nothing was seen, and even the gentlest ground that
// could join them is too steep.
enum : uint8_t { kFloor = 1, kDropBefore = 2, kDropAfter = 4 };
AP_HD uint8_t terrain_pit(const TerrainView& v, int ix, int iy, int dx, int dy, const TerrainSide& before, const TerrainSide& after) {
  const TerrainDeriveParams& c = v.c;
  const float z = v.z(ix, iy);
  const float steep = v.steep, depth = c.max_step + 2.0f * sqrtf(v.variance[iy * c.nx + ix]);
  // Behind an edge only the far wall shows: where cells before it are hidden, the floor is deeper than what was seen.
  const float seen = before.next > 2 || after.next > 2 ? depth - 0.5f * c.max_step : depth;
  const bool floor = before.rise > seen && after.rise > seen && (before.tangent > steep || after.tangent > steep);
  uint8_t bits = floor ? kFloor : 0;
  for (int side = -1; side <= 1; side += 2) {
    const int next = side < 0 ? before.next : after.next, sx = side * dx, sy = side * dy;
    if (next < 2) continue;
    const float drop = z - v.z(ix + next * sx, iy + next * sy);
    const float run = c.res * static_cast<float>(next) * sqrtf(static_cast<float>(dx * dx + dy * dy));
    const float x = (static_cast<float>(ix) + 0.5f) * c.res - c.vx, y = (static_cast<float>(iy) + 0.5f) * c.res - c.vy;
    const bool away = x * static_cast<float>(sx) + y * static_cast<float>(sy) > 0.0f;
    if (away && drop > depth && drop > steep * run) bits |= side < 0 ? kDropBefore : kDropAfter;
  }
  return bits;
}

// False where no ditch or drop can be: heights of the cells in question and of all cells within reach of them.
AP_HD bool terrain_may_pit(float own_high, float own_low, float high, float low, const TerrainDeriveParams& c) {
  return high - own_low > 0.5f * c.max_step || own_high - low > c.max_step;
}

constexpr int kPitDirections = 4;
AP_HD void pit_direction(int k, int* dx, int* dy) {
  *dx = k == 1 ? 0 : 1;
  *dy = k == 0 ? 0 : (k == 3 ? -1 : 1);
}

// The bits of all four directions of a cell, four bits each.
AP_HD uint16_t terrain_pits(const TerrainView& v, int cell) {
  const int ix = cell % v.c.nx, iy = cell / v.c.nx;
  if (!(v.z(ix, iy) == v.z(ix, iy))) return 0;
  uint16_t bits = 0;
  for (int k = 0; k < kPitDirections; ++k) {
    int dx, dy;
    pit_direction(k, &dx, &dy);
    bits = static_cast<uint16_t>(bits | terrain_pit(v, ix, iy, dx, dy, terrain_side(v, ix, iy, -dx, -dy), terrain_side(v, ix, iy, dx, dy)) << (4 * k));
  }
  return bits;
}

// Marks the ditch or drop at one cell, and the unseen cells that belong to it, if enough of the 24 cells around agree
// along the same direction: ditches and edges are long, stray returns below ground are not. Marks are only ever set.
constexpr int kPitSupport = 2;
AP_HD void terrain_negative(const TerrainView& v, int cell, const uint16_t* pits, uint8_t* negative) {
  if (!pits[cell]) return;
  const TerrainDeriveParams& c = v.c;
  const int ix = cell % c.nx, iy = cell / c.nx;
  for (int k = 0; k < kPitDirections; ++k)
    for (int bit = 0; bit < 3; ++bit) {
      const int mask = 1 << (4 * k + bit);
      if (!(pits[cell] & mask)) continue;
      int support = -1;
      for (int j = -2; j <= 2; ++j)
        for (int i = -2; i <= 2; ++i) {
          const int x = ix + i, y = iy + j;
          if (x >= 0 && x < c.nx && y >= 0 && y < c.ny && (pits[y * c.nx + x] & mask)) ++support;
        }
      if (support < kPitSupport) continue;
      int dx, dy;
      pit_direction(k, &dx, &dy);
      if (bit == 0) negative[cell] = 1;
      if (bit != 2) mark_between(v, ix, iy, -dx, -dy, 1, terrain_side(v, ix, iy, -dx, -dy).next, negative);
      if (bit != 1) mark_between(v, ix, iy, dx, dy, 1, terrain_side(v, ix, iy, dx, dy).next, negative);
    }
}

// Derived layers of one cell. `negative` is 1 where terrain_negative marked it.
AP_HD void terrain_derive(const TerrainView& v, int cell, const float* spread, const uint8_t* negative, float* slope, float* step,
                          float* roughness, float* traversability, float* lethal) {
  const TerrainDeriveParams& c = v.c;
  const int ix = cell % c.nx, iy = cell / c.nx;
  slope[cell] = step[cell] = roughness[cell] = traversability[cell] = NAN;
  lethal[cell] = negative[cell] ? 1.0f : 0.0f;
  if (negative[cell]) traversability[cell] = 0.0f;
  const float z = v.z(ix, iy);
  if (!(z == z)) return;
  const float gradient = terrain_gradient(v, ix, iy);
  const float rise = known_max(terrain_step(v, ix, iy, 1, 0), terrain_step(v, ix, iy, 0, 1));
  float bump = NAN;
  const int h = c.half_base, q = (7 * h + 5) / 10;  // the diagonals reach about as far
  bump = known_max(bump, terrain_bump(v, ix, iy, h, 0));
  bump = known_max(bump, terrain_bump(v, ix, iy, 0, h));
  bump = known_max(bump, terrain_bump(v, ix, iy, q, q));
  bump = known_max(bump, terrain_bump(v, ix, iy, q, -q));
  slope[cell] = slope_angle(gradient);
  step[cell] = rise;
  const float tilt = gradient == gradient ? gradient * c.res : 0.0f, flat = spread[cell] * spread[cell] - tilt * tilt * (1.0f / 12.0f);
  roughness[cell] = flat > 0.0f ? sqrtf(flat) : 0.0f;
  if (!(gradient == gradient) || negative[cell]) return;
  const float sigma = sqrtf(v.variance[cell]) + 1e-3f, reach = c.res * (2 * kSlopeReach + 1);
  const float own = slope_angle(terrain_own_gradient(v, ix, iy)), steepness = own < slope[cell] ? own : slope[cell];
  float t = share_left(steepness, c.max_slope), l = excess(steepness, c.max_slope, 2.0f * sigma / reach);
  if (rise == rise) {
    t = fminf(t, share_left(rise, c.max_step));
    l = fmaxf(l, excess(rise, c.max_step, 1.5f * sigma));
  }
  if (bump == bump && bump > 0.0f) {
    t = fminf(t, share_left(bump, c.clearance));
    l = fmaxf(l, excess(bump, c.clearance, 1.3f * sigma));
  }
  traversability[cell] = fminf(t, share_left(2.0f * roughness[cell], c.clearance));
  lethal[cell] = l;
}

}  // namespace ap
