// Free-space evidence and log-odds update of the occupancy grid.
//
// A cell is observed free when it holds a ground return, or when it lies between two consecutive returns of one
// azimuth that are both ground and whose spacing agrees with the beam spacing and the local slope. A ray that
// merely passes over a cell does not free it.
#pragma once
#include "enums.h"
#include "port.h"

namespace ap {


struct Polar {
  int32_t sector;
  float range;   // horizontal distance to the lidar [m]
  float dz;      // height relative to the lidar [m]
};

AP_HD Polar polar_of(const float* p, const FreespaceParams& c) {
  const float dx = p[0] - c.ox, dy = p[1] - c.oy;
  const float turn = (atan2_approx(dy, dx) + 3.14159265f) * (0.15915494f * static_cast<float>(c.n_azimuth));
  int32_t sector = static_cast<int32_t>(turn);
  sector = sector >= c.n_azimuth ? 0 : (sector < 0 ? 0 : sector);
  return {sector, sqrtf(dx * dx + dy * dy), p[2] - c.oz};
}

// Cell index of a point, or -1 outside the grid.
AP_HD int32_t grid_cell(float x, float y, const FreespaceParams& c) {
  const int ix = cell_of(x + c.shift_x, c.inv_res), iy = cell_of(y + c.shift_y, c.inv_res);
  return ((ix >= 0) & (ix < c.nx) & (iy >= 0) & (iy < c.ny)) ? iy * c.nx + ix : -1;  // no branches: loops become vector loops
}

AP_HD bool is_ground_like(uint8_t label) { return label == kGround || label == kLow; }

// Largest range at which the ray to (r2, dz2) should meet ground that continues from (r1, dz1) with `slope`.
AP_HD float predicted_range(float r1, float dz1, float r2, float dz2, float slope) {
  const float tangent = dz2 / r2;
  const float denominator = tangent - slope;
  if (denominator >= -1e-4f) return 1e9f;  // the ray runs above ground of this slope for ever
  return (dz1 - slope * r1) / denominator;
}

// Elevation bins of one degree, for the beam spacing that a scan itself shows.
constexpr int kElevationBins = 181;
AP_HD int elevation_bin(float e) {
  const int b = static_cast<int>(e * 57.29578f + 90.5f);
  return b < 0 ? 0 : (b >= kElevationBins ? kElevationBins - 1 : b);
}

AP_HD float smallest_of_three(const float* own, int b) {
  float v = own[b];
  if (b > 0 && own[b - 1] < v) v = own[b - 1];
  if (b + 1 < kElevationBins && own[b + 1] < v) v = own[b + 1];
  return v;
}

// Sort key of a return within its sector: by range, then by index. Ranges are >= 0, so their bits sort as integers.
AP_HD uint64_t range_key(float range, int32_t index) {
  union { float f; uint32_t u; } bits;
  bits.f = range;
  return (static_cast<uint64_t>(bits.u) << 32) | static_cast<uint32_t>(index);
}
AP_HD float key_range(uint64_t key) {
  union { float f; uint32_t u; } bits;
  bits.u = static_cast<uint32_t>(key >> 32);
  return bits.f;
}
AP_HD int32_t key_index(uint64_t key) { return static_cast<int32_t>(key & 0xffffffffu); }

// The returns of one sector, near to far, straight from the keys. The CPU has the same interface over arrays in that order.
struct Sector {
  const uint64_t* keys;
  const uint8_t* labels;
  const float* xyz;
  float oz;

  AP_HD int32_t index(int k) const { return key_index(keys[k]); }
  AP_HD float range(int k) const { return key_range(keys[k]); }
  AP_HD uint8_t label(int k) const { return labels[index(k)]; }
  AP_HD float dz(int k) const { return xyz[3 * static_cast<int64_t>(index(k)) + 2] - oz; }  // over the lidar [m]
  AP_HD float elevation(int k) const { return atan2_approx(dz(k), range(k)); }
};

// Slope of the ground just before return k of a sector: from a ground return at least 0.3 m nearer, else level.
template <typename Returns>
AP_HD float slope_before(const Returns& s, int k) {
  const float range = s.range(k), dz = s.dz(k);
  for (int j = k - 1; j >= 0 && j >= k - 12; --j) {
    if (!is_ground_like(s.label(j))) break;
    const float run = range - s.range(j);
    if (run >= 0.3f) {
      const float slope = (dz - s.dz(j)) / run;
      return slope > 0.35f ? 0.35f : (slope < -0.35f ? -0.35f : slope);
    }
  }
  return 0.0f;
}

// Free value (0 none, 1 low, 2 ground) of the stretch between returns k and k+1 of a sector: both are ground, no beam
// between them stayed away (`gaps` by elevation), and the farther one lies where ground of that slope would be met.
template <typename Returns>
AP_HD uint8_t interval_value(const Returns& s, int k, const float* gaps, const FreespaceParams& c) {
  const uint8_t la = s.label(k), lb = s.label(k + 1);
  if (!is_ground_like(la) || !is_ground_like(lb)) return 0;
  const float ra = s.range(k), rb = s.range(k + 1), gap = rb - ra;
  if (rb > c.max_range || gap > c.max_gap) return 0;
  const float e = s.elevation(k + 1), za = s.dz(k), zb = s.dz(k + 1);
  if (e - s.elevation(k) > gaps[elevation_bin(e)] || fabsf(zb - za) > c.gap_floor + 0.35f * gap) return 0;
  const float predicted = predicted_range(ra, za, rb, zb, slope_before(s, k) - c.slope_tolerance) - ra;
  if (gap > c.gap_floor + c.gap_factor * (predicted > 0.0f ? predicted : 0.0f)) return 0;
  return la == kGround && lb == kGround ? 2 : 1;
}

// Number of steps of half a cell, and the cell at step t, of the open interval between two points.
AP_HD int interval_steps(const float* a, const float* b, const FreespaceParams& c) {
  const float dx = b[0] - a[0], dy = b[1] - a[1];
  return static_cast<int>(sqrtf(dx * dx + dy * dy) * c.inv_res * 2.0f) + 1;
}
AP_HD int32_t interval_cell(const float* a, const float* b, int step, int steps, const FreespaceParams& c) {
  const float t = static_cast<float>(step) / static_cast<float>(steps);
  return grid_cell(a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]), c);
}

// How far [m] the ground behind return k of a sector is hidden: an obstacle hides it up to the next return.
template <typename Returns>
AP_HD float shadow_behind(const Returns& s, int k, int count, const FreespaceParams& c) {
  if (s.label(k) != kObstacle) return 0.0f;
  const float next = k + 1 < count ? s.range(k + 1) - s.range(k) : c.shadow_length;
  return next < c.shadow_length ? (next * c.inv_res < 1.0f ? 0.0f : next) : c.shadow_length;
}
// Cell at `step` half cells behind a point, seen from the lidar.
AP_HD int32_t shadow_cell(const float* p, float range, int step, const FreespaceParams& c) {
  const float t = static_cast<float>(step) / (2.0f * c.inv_res * range);
  return grid_cell(p[0] + t * (p[0] - c.ox), p[1] + t * (p[1] - c.oy), c);
}

// Evidence of the point itself: obstacle, free value of its cell, or nothing.
constexpr float kFarthest = 1e6f;  // [m] what is farther is no return
AP_HD bool takes_part(uint8_t label, float range) { return label != kIgnored && label != kOverhang && range < kFarthest; }

// How a cell is fused: fading of occupied and of free evidence per step [-], what one scan adds or takes, bounds.
// One cell of the log-odds map: fade, then add the evidence of this scan. Obstacle returns win over free.
AP_HD float log_odds_cell(float value, int32_t hits, uint8_t free, float lethal, const LogOddsParams& c) {
  float v = value * (value < 0.0f ? c.fade_free : c.fade);
  if (hits > 0 || lethal > 0.0f) {
    const float weight = hits >= 2 ? 1.0f : (hits == 1 ? 0.6f : 0.0f);
    v += c.hit * (weight > lethal ? weight : lethal);
  } else if (free) {
    v -= c.miss * (free >= 2 ? 1.0f : 0.5f);
  }
  return v > c.clamp ? c.clamp : (v < -c.clamp_free ? -c.clamp_free : v);
}

// Wire value: -1 unknown, otherwise round(100 p).
AP_HD int8_t wire_of(float log_odds, float unknown_below) {
  if (fabsf(log_odds) < unknown_below) return -1;
  return static_cast<int8_t>(floorf(100.0f / (1.0f + expf(-log_odds)) + 0.5f));
}

// 0, or why the kernel cannot run.
inline int32_t refused(const FreespaceParams& p) {
  if (p.nx <= 0 || p.ny <= 0) return kEmptyGrid;
  return p.n_azimuth > 0 ? 0 : kNoSector;
}

}  // namespace ap
