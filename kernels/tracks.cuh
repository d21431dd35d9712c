// What a track's past says: has it moved, and which class is it? Bodies for one track; double precision.
#pragma once
#include "enums.h"
#include "port.h"

namespace ap {

constexpr double kCreditLevel = 0.6;   // [nat] mean log-odds from which a resting thing counts as a road user
constexpr double kCreditWeight = 2.0;
constexpr double kMotionCredit = 4.5;  // [nat] what plainly travels is no bush

// One row of the class table: usual length, width, height [m], one standard deviation of each, top speed [m/s].
struct ClassRow {
  double size[3], spread[3], top_speed;
};

AP_HD double least(double a, double b) { return a < b ? a : b; }

// Log-likelihood <= 0 of a partly seen size: too large always speaks against a class, too small only where complete.
AP_HD double size_log(const ClassRow& c, const double* seen, const double* complete, double height) {
  double cost = 0.0;
  for (int k = 0; k < 2; ++k) {
    const double z = (seen[k] - c.size[k]) / c.spread[k], whole = least(complete[k], 1.0);
    cost += least(0.5 * (z > 0.0 ? 1.0 : whole * whole) * z * z, 6.0);
  }
  const double tall = (height - c.size[2]) / (1.5 * c.spread[2]), t = tall > 0.0 ? tall : 0.5 * tall;
  return -(cost + least(0.5 * t * t, 4.0));
}

// Class probabilities out (9) from the evidence of detections (9), the mean log-odds of being a road user, the size
// seen and how surely it is whole (2), height [m], speed [m/s] and how plainly it travels 0..1. Row 0 is unknown.
AP_HD void class_posterior(const double* evidence, double road_user_log_odds, const double* seen, const double* complete, double height,
                           double speed, double travel, const ClassRow* classes, double* out) {
  double fit[kClasses], best = -1e300, sum = 0.0, misfit = 0.0;
  for (int c = kClassUnknown + 1; c < kClasses; ++c) {
    const double over = speed - classes[c].top_speed, fast = over > 0.0 ? over / (0.15 * classes[c].top_speed) : 0.0;
    fit[c] = size_log(classes[c], seen, complete, height);
    out[c] = evidence[c] + fit[c] - (travel > 0.0 ? least(0.5 * fast * fast, 10.0) : 0.0);
    best = out[c] > best ? out[c] : best;
  }
  for (int c = kClassUnknown + 1; c < kClasses; ++c) sum += out[c] = exp(out[c] - best);
  for (int c = kClassUnknown + 1; c < kClasses; ++c) misfit += (out[c] /= sum) * fit[c];
  // A size that fits no class well speaks against all of them.
  double odds = kCreditWeight * (road_user_log_odds - kCreditLevel) + 0.35 * misfit + kMotionCredit * travel;
  odds = odds < -8.0 ? -8.0 : odds > 8.0 ? 8.0 : odds;
  const double user = 1.0 / (1.0 + exp(-odds));
  for (int c = kClassUnknown + 1; c < kClasses; ++c) out[c] *= user;
  out[kClassUnknown] = 1.0 - user;
}

// One frame of a track's history: time [s], axis-parallel bounds x0 y0 x1 y1 [m]; NaN where empty.
struct PastFrame {
  double time, bounds[4];
};

// Displacement within a window, last third against first third: common shift of both bounds (2) and shift of the centre
// (2) [m], time between [s], frames, largest single step along the shift as a share of it, way by the middle third over
// the direct one (>= 1).
struct Shift {
  double common[2], center[2], span, frames, largest_step, detour;
};

// Mean of the frames [first, last); of none, zero.
AP_HD void mean_of(const PastFrame* past, int first, int last, double* time, double* bounds) {
  *time = 0.0;
  for (int k = 0; k < 4; ++k) bounds[k] = 0.0;
  for (int i = first; i < last; ++i) {
    *time += past[i].time;
    for (int k = 0; k < 4; ++k) bounds[k] += past[i].bounds[k];
  }
  const double count = last > first ? last - first : 1;
  *time /= count;
  for (int k = 0; k < 4; ++k) bounds[k] /= count;
}

// past: n frames, oldest first, the empty ones before all others.
AP_HD Shift displacement(const PastFrame* past, int n, double window) {
  int start = n;
  while (start > 0 && past[start - 1].time >= past[n - 1].time - window - 1e-6) --start;
  const int frames = n - start, third = frames >= 3 ? frames / 3 : 1;
  Shift out = {{0.0, 0.0}, {0.0, 0.0}, 0.0, static_cast<double>(frames), 0.0, 1.0};
  if (frames == 0) return out;
  double first[4], middle[4], last[4], time[3], leg[2];
  mean_of(past, start, start + third, &time[0], first);
  mean_of(past, start + third, n - third, &time[1], middle);
  mean_of(past, n - third, n, &time[2], last);
  out.span = time[2] - time[0];
  for (int k = 0; k < 2; ++k) {
    const double low = last[k] - first[k], high = last[k + 2] - first[k + 2];
    out.common[k] = low * high > 0.0 ? copysign(least(fabs(low), fabs(high)), low) : 0.0;
    out.center[k] = 0.5 * (low + high);
    leg[k] = 0.5 * (middle[k] - first[k] + middle[k + 2] - first[k + 2]);
  }
  const double direct = sqrt(out.center[0] * out.center[0] + out.center[1] * out.center[1]), length = direct > 1e-3 ? direct : 1e-3;
  const double rest[2] = {out.center[0] - leg[0], out.center[1] - leg[1]};
  if (frames >= 3) out.detour = (sqrt(leg[0] * leg[0] + leg[1] * leg[1]) + sqrt(rest[0] * rest[0] + rest[1] * rest[1])) / length;
  double largest = start > 0 ? 0.0 : -1e300;
  for (int i = start; i + 1 < n; ++i) {
    double along = 0.0;
    for (int k = 0; k < 2; ++k)
      along += 0.5 * (past[i + 1].bounds[k] + past[i + 1].bounds[k + 2] - past[i].bounds[k] - past[i].bounds[k + 2]) * out.center[k] / length;
    largest = along > largest ? along : largest;
  }
  out.largest_step = largest / length;
  return out;
}

}  // namespace ap
