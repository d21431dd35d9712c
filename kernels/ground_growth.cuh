// Ground segmentation: the plane under the vehicle and the filter that grows the surface outwards. See ground.cuh.
#pragma once
#include "ground_cells.cuh"

namespace ap {

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

}  // namespace ap
