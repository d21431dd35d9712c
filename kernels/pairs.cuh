// Boxes of tracks against boxes of detections, seen from above: where, how alike, how much of one in the other.
// Double precision: positions are in odom and may be kilometres.
#pragma once
#include "enums.h"
#include "port.h"

namespace ap {

constexpr double kSweepTime = 0.1;   // [s] a sweep takes: boxes may be seen that much apart
constexpr double kGate = 13.8;       // chi-square, 2 degrees of freedom, 99.9 %
constexpr double kForbidden = 30.0;  // cost of leaving a pair unassigned: dearer pairs are not made

// One row of the box table; see Boxes in autonomy_perception/tracking/association.py.
struct PairBox {
  double x, y, length, width, yaw, bottom, top, road_user_log_odds, vx, vy, delay[2], probs[kClasses];
};

// The second box of a pair along the axes of the first: offset of the centre and, after quarter turns, size [m].
struct AlongBox {
  double u, v, length, width;
};

// Radius [m] within which a box can be seen: half its diagonal plus the way it goes during a sweep.
AP_HD double radius_of(const PairBox& b) {
  return 0.5 * sqrt(b.length * b.length + b.width * b.width) + kSweepTime * sqrt(b.vx * b.vx + b.vy * b.vy);
}

AP_HD bool nearer_than(const PairBox& a, const PairBox& b, double limit) {
  const double dx = b.x - a.x, dy = b.y - a.y;
  return dx * dx + dy * dy < limit * limit;
}

// Box b along the axes of a (cosine c, sine s of its yaw). Moving tracks are compared where they were when the lidar
// looked at the detection; of two candidates for that time the one that brings them nearer.
AP_HD AlongBox along_of(const PairBox& a, const PairBox& b, double c, double s) {
  double px = 0.0, py = 0.0, away = 0.0;
  for (int k = 0; k < 2; ++k) {
    const double delay = a.delay[k] - b.delay[k];
    const double ox = b.x - a.x + delay * (a.vx + b.vx), oy = b.y - a.y + delay * (a.vy + b.vy), d = ox * ox + oy * oy;
    if (k == 0 || d < away) {
      px = ox;
      py = oy;
      away = d;
    }
  }
  const double half_turns = 0.5 * rint((b.yaw - a.yaw) / 1.5707963267948966);
  const bool crosswise = half_turns != floor(half_turns);
  return {c * px + s * py, c * py - s * px, crosswise ? b.width : b.length, crosswise ? b.length : b.width};
}

// What is the same for all pairs of one track: its axes, its position covariance along them, what its classes like.
struct PairTrack {
  double c, s, sxx, syy, sxy, likes[kClasses];
};

// affinity (9,9): how well a detection of one class (column) fits a track of another (row).
AP_HD PairTrack pair_track(const PairBox& track, const double* cov, const double* affinity) {
  PairTrack t;
  t.c = cos(track.yaw);
  t.s = sin(track.yaw);
  t.sxx = t.c * t.c * cov[0] + t.c * t.s * (cov[1] + cov[2]) + t.s * t.s * cov[3];
  t.syy = t.s * t.s * cov[0] - t.c * t.s * (cov[1] + cov[2]) + t.c * t.c * cov[3];
  t.sxy = t.c * t.s * (cov[3] - cov[0]) + t.c * t.c * cov[1] - t.s * t.s * cov[2];
  for (int j = 0; j < kClasses; ++j) {
    t.likes[j] = 0.0;
    for (int i = 0; i < kClasses; ++i) t.likes[j] += track.probs[i] * affinity[kClasses * i + j];
  }
  return t;
}

AP_HD double capped(double value, double most) { return value < most ? value : most; }

// Length of an offset that remains after the part a partial view explains: centres may lie half of the size difference apart.
AP_HD double rest_of(double offset, double seen, double size) {
  const double rest = fabs(offset) - 0.5 * fabs(seen - size);
  return copysign(rest > 0.0 ? rest : 0.0, offset);
}

AP_HD double unlike(double seen, double size) {
  const double ratio = log((seen + 0.3) / (size + 0.3));
  return capped(ratio * ratio, 2.25);
}

// Cost of giving a detection to a track, kForbidden outside the gates. noise: position variance of the detection [m^2];
// reach: largest offset that the track can have travelled beyond its prediction [m].
AP_HD double pair_cost(const PairBox& track, const PairTrack& t, const PairBox& found, double noise, double reach) {
  const AlongBox b = along_of(track, found, t.c, t.s);
  const double u = rest_of(b.u, b.length, track.length), v = rest_of(b.v, b.width, track.width);
  const double sxx = t.sxx + noise, syy = t.syy + noise, full = sxx * syy - t.sxy * t.sxy, det = full > 1e-9 ? full : 1e-9;
  if (!(sxx > 0.0 && full > 0.0)) return kForbidden;  // no covariance: nothing can be said of the distance
  const double distance = (syy * u * u - 2.0 * t.sxy * u * v + sxx * v * v) / det;
  double affinity = 0.0;
  for (int k = 0; k < kClasses; ++k) affinity += t.likes[k] * found.probs[k];
  const bool allowed = distance < kGate && u * u + v * v < reach * reach && affinity > 0.08 &&
                       found.bottom - track.top < 0.7 && track.bottom - found.top < 0.7;
  if (!allowed) return kForbidden;
  const double plain = (b.u * b.u + b.v * b.v) / (sxx + syy + 0.5), road_user_log_odds = track.road_user_log_odds - found.road_user_log_odds;
  const double alike =
      2.0 * (unlike(b.length, track.length) + unlike(b.width, track.width)) + capped(0.25 * road_user_log_odds * road_user_log_odds, 3.0);
  return capped(distance + 0.5 * capped(plain, 9.0) + alike + log(det) - 2.0 * log(affinity), kForbidden);
}

// Share of an extent at an offset that lies within +-half.
AP_HD double share_within(double offset, double extent, double half) {
  const double low = offset - 0.5 * extent, high = offset + 0.5 * extent;
  const double common = (high < half ? high : half) - (low > -half ? low : -half);
  return (common > 0.0 ? common : 0.0) / (extent > 0.1 ? extent : 0.1);
}

// Whether at least about 70 % of the second box lies in the first one (cosine c, sine s of its yaw) grown by margin [m].
AP_HD bool pair_inside(const PairBox& outer, const PairBox& inner, double c, double s, double margin) {
  const AlongBox b = along_of(outer, inner, c, s);
  return share_within(b.u, b.length, 0.5 * outer.length + margin) * share_within(b.v, b.width, 0.5 * outer.width + margin) > 0.7;
}

// A disc seen from the sensor: range [m], bearing [rad], half angular width [rad].
struct Disc {
  double range, bearing, half;
};

// Hidden part 0..1 of the target's width behind a screen nearer by margin [m]; touched is set when an end of it is.
AP_HD double hidden_by(const Disc& target, const Disc& screen, double margin, bool& touched) {
  if (!(screen.range < target.range - margin)) return 0.0;
  double gap = fabs(target.bearing - screen.bearing);
  gap = capped(gap, 6.283185307179586 - gap);
  const double reach = target.half + screen.half, width = 2.0 * target.half;
  touched |= gap < reach + 0.01;
  const double share = (reach - gap) / (width > 1e-3 ? width : 1e-3);
  return share > 1.0 ? 1.0 : share > 0.0 ? share : 0.0;
}

}  // namespace ap
