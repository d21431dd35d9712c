// Boxes from the heads of a centre-based detector (CenterPoint, Yin et al. 2021): a box is where a class's heatmap has a local
// maximum; what is said of it stands in the other heads at that cell.
#pragma once
#include "iou.cuh"

namespace ap {

// Planes of the box head.
enum BoxHead : int { kOffsetX, kOffsetY, kHeadZ, kLogLength, kLogWidth, kLogHeight, kSinYaw, kCosYaw, kHeadVx, kHeadVy };
constexpr int kBoxHeads = 10, kVariances = 9;  // variances of x y, z, the logarithms of the size, yaw, vx vy
constexpr int kRow = 9 + kVariances;           // x y z l w h yaw vx vy, their variances
constexpr float kSizeLog = 5.0f;               // sizes from 7 mm to 148 m
constexpr float kLogVarLow = -8.0f, kLogVarHigh = 6.0f;

// Logit of class k at a cell, divided by its temperature.
AP_HD float heat_at(const DecodeBoxesArgs& a, int32_t k, int64_t cell) {
  return a.heat[static_cast<int64_t>(k) * a.p.grid.nx * a.p.grid.ny + cell] * a.sharpness[k];
}

// Whether a box stands at this cell of class k: above the threshold, every head finite, no neighbour larger. Of equal neighbours
// the first counts, so two maxima of a class never touch.
AP_HD bool is_peak(const DecodeBoxesArgs& a, int32_t k, int32_t cell) {
  const int32_t nx = a.p.grid.nx, ny = a.p.grid.ny, x = cell % nx, y = cell / nx;
  const float own = heat_at(a, k, cell);
  if (!(own >= a.p.min_logit && own < 3.0e38f)) return false;
  for (int32_t j = y > 0 ? y - 1 : 0; j <= y + 1 && j < ny; ++j)
    for (int32_t i = x > 0 ? x - 1 : 0; i <= x + 1 && i < nx; ++i) {
      const int32_t other = j * nx + i;
      const float heat = heat_at(a, k, other);
      if (other < cell ? heat >= own : heat > own) return false;
    }
  const int64_t area = static_cast<int64_t>(nx) * ny;
  bool finite = true;
  for (int h = 0; h < kBoxHeads; ++h) finite = finite && fabsf(a.box[h * area + cell]) < 3.0e38f;
  for (int h = 0; h < kVariances; ++h) finite = finite && fabsf(a.log_variance[h * area + cell]) < 3.0e38f;
  return finite;
}

// Key by which maxima are sorted: the larger logit first, then the smaller class, then the smaller cell.
AP_HD uint64_t peak_key(float logit, uint32_t index) {
  union {
    float f;
    uint32_t u;
  } bits;
  bits.f = logit + 0.0f;  // -0 becomes 0
  const uint32_t rising = bits.u & 0x80000000u ? ~bits.u : bits.u | 0x80000000u;
  return static_cast<uint64_t>(~rising) << 32 | index;
}
AP_HD uint32_t key_peak(uint64_t key) { return static_cast<uint32_t>(key); }

AP_HD float exp_within(float v, float low, float high) { return expf(v < low ? low : v > high ? high : v); }

// Row of the table for the box at a cell [m, rad, m/s].
AP_HD void box_row(const DecodeBoxesArgs& a, int32_t cell, float* row) {
  const CellGrid& g = a.p.grid;
  const int64_t area = static_cast<int64_t>(g.nx) * g.ny;
  float h[kBoxHeads];
  for (int k = 0; k < kBoxHeads; ++k) h[k] = a.box[k * area + cell];
  row[0] = g.x0 + (static_cast<float>(cell % g.nx) + 0.5f + h[kOffsetX]) / g.inv_res;
  row[1] = g.y0 + (static_cast<float>(cell / g.nx) + 0.5f + h[kOffsetY]) / g.inv_res;
  row[2] = h[kHeadZ];
  for (int k = 0; k < 3; ++k) row[3 + k] = exp_within(h[kLogLength + k], -kSizeLog, kSizeLog);
  row[6] = atan2f(h[kSinYaw], h[kCosYaw]);
  row[7] = h[kHeadVx];
  row[8] = h[kHeadVy];
  for (int k = 0; k < kVariances; ++k) row[9 + k] = exp_within(a.log_variance[k * area + cell], kLogVarLow, kLogVarHigh);
}

// Probability of class k at a cell.
AP_HD float class_score(const DecodeBoxesArgs& a, int32_t k, int32_t cell) { return 1.0f / (1.0f + expf(-heat_at(a, k, cell))); }

// Whether the more likely box p of class k takes out box q of class m.
AP_HD bool suppresses(const DecodeBoxesArgs& a, const float* p, int32_t k, const float* q, int32_t m) {
  if (a.group[k] != a.group[m]) return false;
  const float b[5] = {p[0], p[1], p[3], p[4], p[6]}, c[5] = {q[0], q[1], q[3], q[4], q[6]};
  return iou_bev(b, c) > a.overlap[m];
}

AP_HD void clear_row(const DecodeBoxesArgs& a, int32_t r) {
  for (int k = 0; k < kRow; ++k) a.rows[static_cast<int64_t>(r) * kRow + k] = 0.0f;
  for (int32_t k = 0; k < a.p.classes; ++k) a.scores[static_cast<int64_t>(r) * a.p.classes + k] = 0.0f;
  a.labels[r] = -1;
}

// 0, or why the kernel cannot run.
inline int32_t refused(const DecodeBoxesParams& p) {
  if (p.grid.nx <= 0 || p.grid.ny <= 0) return kEmptyGrid;
  return p.classes < 1 || p.room < 1 || static_cast<int64_t>(p.grid.nx) * p.grid.ny > 0x7fffffff / p.classes ? kNoBox : 0;
}

}  // namespace ap
