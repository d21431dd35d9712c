// Ground segmentation of one lidar sweep.
//
// 1. Polar cells around the lidar (azimuth sectors x bins of r^2 that grow with range): the lowest return of each, and
//    whether something stands on it (returns well above the lowest, below head height): such cells are `crowded`.
// 2. The plane that the vehicle stands on: slopes are tried for the most low returns near them, then fitted.
// 3. The surface grows outwards, one bin after the other, all sectors at once: a Kalman filter of height and radial
//    slope per sector, which also listens to its neighbour sectors, takes the lowest return of a cell
//    - where it fits the ground so far,
//    - where it rises or falls steadily from the last ground return and nothing stands there (banks, berms),
//    - where it drops together with a neighbour and can be seen over the ground before it (ditches, edges); the level before the drop is kept
//      in mind, so that the ground on the far side of a ditch is found again.
//    Where it takes nothing (objects) the filter only predicts and its variance grows.
// 4. Gaps between accepted cells of a sector are laid on the line between them.
// 5. Returns close to that surface move each cell to their mean height, shared with the neighbour cells.
// 6. Every point gets its height above the surface, interpolated between cell centres, and a label. Where something
//    stands in the cell or next to it, its lowest parts must not pass for ground: there the layer of ground is thin.
//    Elsewhere a low return is grass, a stone or a kerb, and ground.
//
// Reductions are integer (min of 64-bit keys, sums of tenths of a millimetre): their order does not matter.
#pragma once
#include "port.h"

namespace ap {

constexpr int kGroundSectors = 256;
constexpr int kGroundBinBits = 3;  // 8 bins per octave of r^2: a bin is 4.4 % of its range long on average
constexpr int kGroundBins = 14 << kGroundBinBits;  // r from 1 m to 128 m
constexpr int kGroundCells = kGroundSectors * kGroundBins;
constexpr float kSectorAngle = 6.28318531f / kGroundSectors;

// How ground behaves, as random walks along the ground.
constexpr float kHeightWalk = 0.03f;   // height (kerbs, ruts) [m per sqrt(m)]
constexpr float kSlopeWalk = 0.012f;   // radial slope [1 per sqrt(m)]
constexpr float kSlopeSpread = 0.2f;   // standard deviation that the slope never exceeds [-]
constexpr float kCrossSlope = 0.1f;    // slope across the sectors that a neighbour's height may hide [-]
constexpr float kCrossTwist = 0.1f;    // change of the radial slope across the sectors [1/m]
// How a lidar sees it.
constexpr float kRangeNoise = 0.03f;   // height of the lowest return near the lidar [m], growing by
constexpr float kAngleNoise = 0.0015f; // beam pointing [rad]
constexpr float kGate = 0.8f;          // innovations up to this many deviations, plus
constexpr float kGateFloor = 0.07f;    // this much [m], are ground
constexpr float kBelowGround = 0.3f;   // nothing can be seen farther below the line of sight over nearer ground [m]
constexpr float kStartHeight = 0.15f;  // how well the ground under the vehicle is known [m]
constexpr float kStartSlope = 0.05f;   // and its slope [-]
constexpr float kStartNear = 2.0f;     // from returns between this
constexpr float kStartFar = 15.0f;     // and this range [m],
constexpr float kStartWidth = 0.1f;    // to within this height [m]
constexpr float kStartGrowth = 0.03f;  // plus this share of the range
constexpr float kSteadyReach = 0.5f;   // a bank is followed over gaps of up to this [m]
constexpr float kSteadyGrowth = 0.1f;  // plus this share of the range
constexpr float kPlateauReach = 6.0f;  // the level before a drop is looked for again over this distance [m]
constexpr float kCrowdLow = 0.3f;      // something stands in a cell with returns from this [m] plus the slope of the cell
constexpr float kCrowdHigh = 2.0f;     // to this [m] above its lowest
constexpr float kMeanBand = 0.05f;    // returns closer to the surface than this refine it [m]
constexpr int kMeanPrior = 8;          // weight of the surface in that mean [returns]
constexpr float kSlopeTry = 0.08f;     // slopes tried for the start: multiples of this
constexpr int kSlopeTries = 4;         // up to this many times it, either way
constexpr int kPlanePrior = 50;        // weight of the first guess in the fit of the plane [returns]
// Half thickness of the layer of ground.
constexpr float kThinOwn = 0.035f;     // in a cell where something stands [m]
constexpr float kThinNear = 0.06f;     // next to such a cell [m]
constexpr float kThinGrowth = 0.001f;  // growth of both with range [rad]

enum : uint8_t { kPointIgnored = 0, kPointGround = 1, kPointObstacle = 2, kPointOverhang = 3, kPointLow = 4 };

struct GroundParams {
  float ox, oy, oz;       // lidar in anchor [m]
  float ground_z;         // ground under the vehicle in anchor [m]
  float obstacle_height;  // [m]
  float overhead;         // height above ground from which a return is passable [m]
  float rough_height;     // half thickness of the layer of ground where nothing stands [m]
  float steep;            // steepest bank that is ground [-]
};

union GroundBits {
  float f;
  int32_t i;
};

// Bin of a squared range: exponent and leading mantissa bits, so no logarithm and the same on every machine.
AP_HD int ground_bin(float r2) {
  GroundBits u;
  u.f = r2;
  const int b = (u.i >> (23 - kGroundBinBits)) - (127 << kGroundBinBits);
  return b < 0 ? 0 : (b >= kGroundBins ? kGroundBins - 1 : b);
}

// Inner edge and centre of a bin [m].
AP_HD float ground_edge(int b) {
  GroundBits u;
  u.i = (b + (127 << kGroundBinBits)) << (23 - kGroundBinBits);
  return sqrtf(u.f);
}
AP_HD float ground_centre(int b) { return 0.5f * (ground_edge(b) + ground_edge(b + 1)); }

// Cell (bin * sectors + sector, -1 if not finite), range [m] and azimuth [sectors] of a point.
struct GroundPolar {
  int32_t cell;
  float range, turn;
};
AP_HD GroundPolar ground_polar(const float* p, const GroundParams& c) {
  const float dx = p[0] - c.ox, dy = p[1] - c.oy, r2 = dx * dx + dy * dy;
  const float turn = (atan2_approx(dy, dx) + 3.14159265f) * (1.0f / kSectorAngle);
  const bool usable = (r2 < 1e10f) & (fabsf(p[2]) < 1e5f);
  const int32_t cell = ground_bin(usable ? r2 : 0.0f) * kGroundSectors + (static_cast<int32_t>(usable ? turn : 0.0f) & (kGroundSectors - 1));
  return {usable ? cell : -1, sqrtf(r2), turn};
}

// Sort key of a return: by height, then by index.
AP_HD int64_t low_key(float z, int32_t index) {
  GroundBits u;
  u.f = z + 0.0f;  // -0 and 0 are equal
  const int64_t order = u.i < 0 ? u.i ^ 0x7fffffff : u.i;
  return order * 4294967296LL + index;
}
AP_HD int32_t low_index(int64_t key) { return static_cast<int32_t>(key & 0xffffffffLL); }
constexpr int64_t kNoReturn = INT64_MAX;

// True when a return `rise` above the lowest of its cell, at bin width dr, means that something stands there.
AP_HD bool ground_crowds(float rise, float dr, const GroundParams& c) { return rise > kCrowdLow + c.steep * dr && rise < kCrowdHigh; }

// What the filter knows of the ground at a cell centre.
struct GroundState {
  float z, slope;        // [m], [-]
  float zz, zs, ss;      // covariance
  float sight;           // steepest line of sight over accepted ground so far, as tangent [-]
  float last_r, last_z;  // last accepted return [m]; last_r < 0 once something else was seen behind it
  float plateau, plateau_slope, plateau_end;  // level before a drop, extrapolated [m], [-]; given up at that range [m]
};

// Ground near the vehicle: z = height + x * gx + y * gy, x and y from the lidar.
struct GroundPlane {
  float height, gx, gy;
};

// How well a low return (x, y, z from the lidar's foot) lies on a plane through the foot with slope (gx, gy): 0..256.
AP_HD int32_t ground_vote(float x, float y, float z, float gx, float gy) {
  const float miss = fabsf(z - x * gx - y * gy) / (kStartWidth + kStartGrowth * (fabsf(x) + fabsf(y)));
  return miss < 1.0f ? static_cast<int32_t>(256.0f * (1.0f - miss)) : 0;
}

// Normal equations of the plane through the returns near a first guess; the guess itself counts as kPlanePrior returns.
struct PlaneSums {
  double n, x, y, z, xx, xy, yy, xz, yz;
};
AP_HD void plane_add(PlaneSums& s, const GroundPlane& g, float x, float y, float z) {
  const float e = z - g.height - x * g.gx - y * g.gy;
  if (fabsf(e) > kStartWidth + 0.3f * kStartGrowth * (fabsf(x) + fabsf(y))) return;
  s.n += 1; s.x += x; s.y += y; s.z += e; s.xx += x * x; s.xy += x * y; s.yy += y * y; s.xz += x * e; s.yz += y * e;
}
AP_HD GroundPlane plane_fit(const PlaneSums& s, GroundPlane g) {
  const double n = s.n + kPlanePrior, xx = s.xx - s.x * s.x / n + kPlanePrior, yy = s.yy - s.y * s.y / n + kPlanePrior;
  const double xy = s.xy - s.x * s.y / n, xz = s.xz - s.x * s.z / n, yz = s.yz - s.y * s.z / n, det = xx * yy - xy * xy;
  const double dx = (xz * yy - yz * xy) / det, dy = (yz * xx - xz * xy) / det;
  g.height += static_cast<float>((s.z - dx * s.x - dy * s.y) / n);
  g.gx += static_cast<float>(dx);
  g.gy += static_cast<float>(dy);
  return g;
}

AP_HD GroundState ground_start(const GroundPlane& g, int sector, const GroundParams& c) {
  const float a = (static_cast<float>(sector) + 0.5f) * kSectorAngle - 3.14159265f;
  const float slope = g.gx * cosf(a) + g.gy * sinf(a);
  return {c.ground_z + g.height, slope, kStartHeight * kStartHeight, 0.0f, kStartSlope * kStartSlope, -1e9f, -1.0f, 0.0f, 0.0f, 0.0f, 0.0f};
}

AP_HD GroundState ground_predict(GroundState g, float dr) {
  g.z += g.slope * dr;
  g.plateau += g.plateau_slope * dr;
  g.zz += dr * (2.0f * g.zs + dr * g.ss + kHeightWalk * kHeightWalk);
  g.zs += dr * g.ss;
  g.ss += dr * (kSlopeWalk * kSlopeWalk);
  g.ss = g.ss < kSlopeSpread * kSlopeSpread ? g.ss : kSlopeSpread * kSlopeSpread;
  return g;
}

// Own prediction and those of the two neighbour sectors, weighted by their variances; never less sure than before.
AP_HD GroundState ground_mix(const GroundState& g, const GroundState& left, const GroundState& right, float r) {
  const float width = r * kSectorAngle;
  const float cross = kCrossSlope * kCrossSlope * width * width, twist = kCrossTwist * kCrossTwist * width * width;
  const float w0 = 1.0f / g.zz, w1 = 1.0f / (left.zz + cross), w2 = 1.0f / (right.zz + cross), w = 1.0f / (w0 + w1 + w2);
  const float v0 = 1.0f / g.ss, v1 = 1.0f / (left.ss + twist), v2 = 1.0f / (right.ss + twist), v = 1.0f / (v0 + v1 + v2);
  GroundState m = g;
  m.z = (w0 * g.z + w1 * left.z + w2 * right.z) * w;
  m.slope = (v0 * g.slope + v1 * left.slope + v2 * right.slope) * v;
  m.zz = 3.0f * w < g.zz ? 3.0f * w : g.zz;
  m.ss = 3.0f * v < g.ss ? 3.0f * v : g.ss;
  m.zs = g.zs * sqrtf(m.zz * w0 * m.ss * v0);  // keeps the correlation
  return m;
}

// True when (range, z) follows from the last ground return as a bank does.
AP_HD bool ground_steady(const GroundState& g, float range, float z, uint8_t level, const GroundParams& c) {
  const float run = range - g.last_r;
  return g.last_r > 0.0f && level == 0 && run < kSteadyReach + kSteadyGrowth * range &&
         fabsf(z - g.last_z) < kGateFloor + c.steep * (run > 0.0f ? run : 0.0f);
}

// True when a neighbour cell has its lowest return at about the same height: ditches are long, multipath returns are alone.
AP_HD bool ground_supported(const float* height, int bin, int sector, float slack) {
  const float z = height[bin * kGroundSectors + sector];
  for (int i = -1; i <= 1; ++i)
    for (int j = -1; j <= 1; ++j) {
      const int b = bin + i;
      if ((i == 0 && j == 0) || b < 0 || b >= kGroundBins) continue;
      if (fabsf(height[b * kGroundSectors + ((sector + j) & (kGroundSectors - 1))] - z) < slack) return true;
    }
  return false;
}

// Offers the lowest return (range, z) of the cell with centre r; true when it is ground (g then holds the update).
AP_HD bool ground_accept(GroundState& g, float r, float range, float z, uint8_t level, bool supported, const GroundParams& c) {
  const float d = range - r, noise = kRangeNoise + kAngleNoise * r;
  float innovation = z - (g.z + g.slope * d);
  float a = g.zz + d * g.zs, b = g.zs + d * g.ss, s = a + d * b + noise * noise;
  const float gate = kGate * sqrtf(s) + kGateFloor;
  const float tangent = (z - c.oz) / (range > 0.1f ? range : 0.1f);
  if (fabsf(innovation) > gate) {
    const bool steady = ground_steady(g, range, z, level, c);
    const float back = z - (g.plateau + g.plateau_slope * d);
    const bool plateau = innovation > 0.0f && range < g.plateau_end && fabsf(back) < kGateFloor + 0.1f;
    const bool drop = innovation < 0.0f && supported && tangent >= g.sight - kBelowGround / r;
    if (!steady && !plateau && !drop) {
      g.last_r = -1.0f;
      return false;
    }
    if (drop && !steady && range >= g.plateau_end) {
      g.plateau = g.z;
      g.plateau_slope = g.slope;
      g.plateau_end = range + kPlateauReach;
    }
    if (plateau) {  // the far side: go on as if the ditch had not been
      g.z = g.plateau;
      g.slope = g.plateau_slope;
      innovation = back;
      g.plateau_end = 0.0f;
    } else {
      g.zz += innovation * innovation;
      a += innovation * innovation;
      s += innovation * innovation;
    }
  }
  const float kz = a / s, ks = b / s;
  g.z += kz * innovation;
  g.slope += ks * innovation;
  g.zz -= kz * a;
  g.zs -= kz * b;
  g.ss -= ks * b;
  g.sight = tangent > g.sight ? tangent : g.sight;
  g.last_r = range;
  g.last_z = z;
  return true;
}

// Lays the cells between the accepted cells of one sector on straight lines; what lies beyond the last stays predicted.
AP_HD void ground_bridge(float* surface, const uint8_t* accepted, const float* centre, int sector) {
  int outer = -1;
  for (int b = kGroundBins - 1; b >= 0; --b) {
    const int cell = b * kGroundSectors + sector;
    if (!accepted[cell]) continue;
    if (outer > b + 1) {
      const float z = surface[cell], rise = (surface[outer * kGroundSectors + sector] - z) / (centre[outer] - centre[b]);
      for (int k = b + 1; k < outer; ++k) surface[k * kGroundSectors + sector] = z + rise * (centre[k] - centre[b]);
    }
    outer = b;
  }
}

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

// What stands in a cell: 2 something in it, 1 in a cell next to it, 0 nothing. `own` holds 1 for crowded cells.
AP_HD uint8_t ground_crowd_level(const uint8_t* own, int bin, int sector) {
  const int row = bin * kGroundSectors, left = (sector + kGroundSectors - 1) & (kGroundSectors - 1), right = (sector + 1) & (kGroundSectors - 1);
  if (own[row + sector]) return 2;
  const int in = bin > 0 ? row - kGroundSectors : row, out = bin < kGroundBins - 1 ? row + kGroundSectors : row;
  return own[row + left] | own[row + right] | own[in + left] | own[in + sector] | own[in + right] | own[out + left] |
         own[out + sector] | own[out + right];
}

// Half thickness [m] of the layer of ground.
AP_HD float ground_layer(uint8_t level, float r, const GroundParams& c) {
  return level == 0 ? c.rough_height : (level == 1 ? kThinNear : kThinOwn) + kThinGrowth * r;
}

AP_HD uint8_t ground_label(float height, float layer, const GroundParams& c) {
  if (height < -kBelowGround - layer) return kPointIgnored;
  if (height < layer) return kPointGround;
  if (height < c.obstacle_height) return kPointLow;
  return height < c.overhead ? kPointObstacle : kPointOverhang;
}

}  // namespace ap
