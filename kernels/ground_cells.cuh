// Ground segmentation: its constants, the polar cells around the lidar, and what stands in them. See ground.cuh.
#pragma once
#include "enums.h"
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

// What stands in a cell: 2 something in it, 1 in a cell next to it, 0 nothing. `own` holds 1 for crowded cells.
AP_HD uint8_t ground_crowd_level(const uint8_t* own, int bin, int sector) {
  const int row = bin * kGroundSectors, left = (sector + kGroundSectors - 1) & (kGroundSectors - 1), right = (sector + 1) & (kGroundSectors - 1);
  if (own[row + sector]) return 2;
  const int in = bin > 0 ? row - kGroundSectors : row, out = bin < kGroundBins - 1 ? row + kGroundSectors : row;
  return own[row + left] | own[row + right] | own[in + left] | own[in + sector] | own[in + right] | own[out + left] |
         own[out + sector] | own[out + right];
}

}  // namespace ap
