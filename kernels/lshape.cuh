// Oriented box of one cluster: L-shape fit by search (Zhang, Xu, Dong, Dolan: "Efficient L-shape fitting for vehicle
// detection using laser scanners", IV 2017, closeness criterion) over the side that the sensor sees.
#pragma once
#include "enums.h"
#include "port.h"

namespace ap {

constexpr int kProfile = 48;  // azimuth bins of the near side; a multiple of kLanes
constexpr int kTrimBins = 64;
constexpr float kSlimWidth = 1.1f, kSlimLength = 2.6f;  // two-wheelers, people [m]
constexpr float kVehicleWidth = 1.2f;  // [m]
constexpr int kLanes = 8;     // sums run in this many lanes on every device, so that all give the same answer
constexpr float kLowest = 0.3f, kLowObject = 0.8f;  // [m] above ground
constexpr float kPi = 3.14159265358979f;

struct Profile {  // nearest point per azimuth bin, relative to `x`, `y` of the cluster's mean
  float x[kProfile], y[kProfile];
  int n;  // padded to whole lanes with copies of the first point
};

struct Cluster {
  const float* points;  // (n,4) x y z height
  int32_t n;
  float ox, oy;  // sensor
  float top;     // largest height
};

// Unlike fminf and fmaxf these are one instruction; no argument is NaN where they are used.
AP_HD float lesser(float a, float b) { return b < a ? b : a; }
AP_HD float greater(float a, float b) { return b > a ? b : a; }

// Third smallest of the lanes' minima: neighbours of a profile sit in different lanes, so a straight edge is met by
// all of them and two stray returns move nothing.
AP_HD float third_low(const float* v) {
  float a = lesser(v[0], v[1]), b = greater(v[0], v[1]);
  float d = 1e9f;
  for (int k = 2; k < kLanes; ++k) d = lesser(d, greater(b, v[k])), b = lesser(b, greater(a, v[k])), a = lesser(a, v[k]);
  return d;
}

AP_HD float third_high(const float* v) {
  float a = greater(v[0], v[1]), b = lesser(v[0], v[1]);
  float d = -1e9f;
  for (int k = 2; k < kLanes; ++k) d = greater(d, lesser(b, v[k])), b = greater(b, lesser(a, v[k])), a = greater(a, v[k]);
  return d;
}

// Does a point belong to the body? Returns close to the ground (kerbs, grass) only where the object is low itself.
AP_HD bool in_body(float height, float top) { return !(height < kLowest) || top < kLowObject; }

// Closeness of the profile to the two near edges of its bounding rectangle at direction (c, s); sx, sy: the sensor.
AP_HD float closeness(const Profile& f, float c, float s, float sx, float sy, float d0) {
  float u_low[kLanes], u_high[kLanes], v_low[kLanes], v_high[kLanes], sum[kLanes];
  for (int k = 0; k < kLanes; ++k) u_low[k] = v_low[k] = 1e9f, u_high[k] = v_high[k] = -1e9f, sum[k] = 0.0f;
  for (int i = 0; i < f.n; i += kLanes)
    for (int k = 0; k < kLanes; ++k) {
      const float u = c * f.x[i + k] + s * f.y[i + k], v = c * f.y[i + k] - s * f.x[i + k];
      u_low[k] = u < u_low[k] ? u : u_low[k];
      u_high[k] = u > u_high[k] ? u : u_high[k];
      v_low[k] = v < v_low[k] ? v : v_low[k];
      v_high[k] = v > v_high[k] ? v : v_high[k];
    }
  const float ul = third_low(u_low), uh = third_high(u_high), vl = third_low(v_low), vh = third_high(v_high);
  const float su = c * sx + s * sy, sv = c * sy - s * sx;
  const float eu = 2.0f * su < ul + uh ? ul : uh, ev = 2.0f * sv < vl + vh ? vl : vh;
  for (int i = 0; i < f.n; i += kLanes)
    for (int k = 0; k < kLanes; ++k) {
      const float u = c * f.x[i + k] + s * f.y[i + k], v = c * f.y[i + k] - s * f.x[i + k];
      const float du = fabsf(u - eu), dv = fabsf(v - ev), d = du < dv ? du : dv;
      sum[k] += 1.0f / (d < d0 ? d0 : d);
    }
  float total = 0.0f;
  for (int k = 0; k < kLanes; ++k) total += sum[k];
  return total;
}

// Nearest point per azimuth bin as seen from the sensor.
AP_HD void make_profile(const Cluster& g, float mx, float my, Profile* f) {
  const float ax = mx - g.ox, ay = my - g.oy;
  float low = 1e9f, high = -1e9f;
  for (int32_t k = 0; k < g.n; ++k) {
    const float* p = g.points + 4 * static_cast<int64_t>(k);
    if (!in_body(p[3], g.top)) continue;
    const float x = p[0] - g.ox, y = p[1] - g.oy, along = ax * x + ay * y, t = (ax * y - ay * x) / greater(along, 1e-3f);
    low = t < low ? t : low;
    high = t > high ? t : high;
  }
  low = greater(low, -20.0f);
  high = lesser(high, 20.0f);
  const float scale = (kProfile - 0.01f) / greater(high - low, 1e-6f);
  float best[kProfile];
  int32_t who[kProfile];
  for (int b = 0; b < kProfile; ++b) best[b] = 1e18f, who[b] = -1;
  for (int32_t k = 0; k < g.n; ++k) {
    const float* p = g.points + 4 * static_cast<int64_t>(k);
    if (!in_body(p[3], g.top)) continue;
    const float x = p[0] - g.ox, y = p[1] - g.oy, along = ax * x + ay * y, t = (ax * y - ay * x) / greater(along, 1e-3f);
    const int b = static_cast<int>((lesser(greater(t, low), high) - low) * scale);
    const float d = x * x + y * y;
    if (d < best[b]) best[b] = d, who[b] = k;
  }
  f->n = 0;
  for (int b = 0; b < kProfile; ++b) {
    if (who[b] < 0) continue;
    f->x[f->n] = g.points[4 * static_cast<int64_t>(who[b])] - mx;
    f->y[f->n++] = g.points[4 * static_cast<int64_t>(who[b]) + 1] - my;
  }
  for (; f->n % kLanes; ++f->n) f->x[f->n] = f->x[0], f->y[f->n] = f->y[0];
}

// Direction in [0, pi/2) of highest closeness: every 6 degrees, then around the best down to 0.75 degrees.
AP_HD float search_yaw(const Profile& f, float sx, float sy, float d0) {
  constexpr float deg = kPi / 180.0f;
  float best = -1.0f, yaw = 0.0f;
  for (int k = 0; k < 15; ++k) {
    const float a = 6.0f * k * deg, q = closeness(f, cosf(a), sinf(a), sx, sy, d0);
    if (q > best) best = q, yaw = a;
  }
  for (float step = 3.0f * deg; step > 0.7f * deg; step *= 0.5f) {
    const float around = yaw;
    for (int side = -1; side <= 1; side += 2) {
      const float a = around + side * step, q = closeness(f, cosf(a), sinf(a), sx, sy, d0);
      if (q > best) best = q, yaw = a;
    }
  }
  return yaw;
}

// Principal direction in [0, pi/2) of what lies below three fifths of the height: the bicycle under the rider. Something
// that slim shows no two faces, and shoulders and handlebar turn an L.
AP_HD float slim_yaw(const Cluster& g, float mx, float my) {
  double n = 0.0, x = 0.0, y = 0.0, xx = 0.0, yy = 0.0, xy = 0.0;
  for (int32_t k = 0; k < g.n; ++k) {
    const float* p = g.points + 4 * static_cast<int64_t>(k);
    if (p[3] > 0.6f * g.top) continue;
    const double u = p[0] - mx, v = p[1] - my;
    n += 1.0, x += u, y += v, xx += u * u, yy += v * v, xy += u * v;
  }
  if (n < 5.0) return -1.0f;
  const double cxx = xx / n - x * x / (n * n), cyy = yy / n - y * y / (n * n), cxy = xy / n - x * y / (n * n);
  float yaw = 0.5f * atan2f(static_cast<float>(2.0 * cxy), static_cast<float>(cxx - cyy));  // -pi/2 .. pi/2
  if (yaw < 0.0f) yaw += 0.5f * kPi;
  return yaw < 0.5f * kPi ? yaw : 0.0f;
}

// How well the profile lies on the near edges: rms distance, spans it covers along u and along v edges, share near them.
AP_HD void edge_quality(const Profile& f, float c, float s, const float* box, float sx, float sy, float tolerance, float* out) {
  const float su = c * sx + s * sy, sv = c * sy - s * sx;
  const float eu = 2.0f * su < box[0] + box[1] ? box[0] : box[1], ev = 2.0f * sv < box[2] + box[3] ? box[2] : box[3];
  float sum = 0.0f, ul = 1e9f, uh = -1e9f, vl = 1e9f, vh = -1e9f;
  int close = 0;
  for (int i = 0; i < f.n; ++i) {
    const float u = c * f.x[i] + s * f.y[i], v = c * f.y[i] - s * f.x[i], du = fabsf(u - eu), dv = fabsf(v - ev);
    const float d = du < dv ? du : dv;
    sum += d * d;
    close += d < tolerance;
    if (dv < tolerance) ul = lesser(ul, u), uh = greater(uh, u);
    if (du < tolerance) vl = lesser(vl, v), vh = greater(vh, v);
  }
  out[0] = sqrtf(sum / f.n);
  out[1] = greater(uh - ul, 0.0f);
  out[2] = greater(vh - vl, 0.0f);
  out[3] = static_cast<float>(close) / f.n;
}

// Extents [u low, u high, v low, v high] of the body at direction (c, s). Of something as wide as a vehicle the outermost
// hundredth (mirrors, strays) is left out across the length; along it the far end is sparse and counts in full.
AP_HD void body_extent(const Cluster& g, float mx, float my, float c, float s, float* box) {
  int32_t body = 0;
  box[0] = box[2] = 1e9f, box[1] = box[3] = -1e9f;
  for (int32_t k = 0; k < g.n; ++k) {
    const float* p = g.points + 4 * static_cast<int64_t>(k);
    if (!in_body(p[3], g.top)) continue;
    const float x = p[0] - mx, y = p[1] - my, u = c * x + s * y, v = c * y - s * x;
    box[0] = lesser(box[0], u), box[1] = greater(box[1], u), box[2] = lesser(box[2], v), box[3] = greater(box[3], v);
    ++body;
  }
  const int axis = box[3] - box[2] < box[1] - box[0] ? 1 : 0;
  const int32_t trim = body / 75;
  const float low = box[2 * axis], wide = box[2 * axis + 1] - low, step = wide / kTrimBins, inv = kTrimBins / wide;
  if (trim == 0 || wide < kVehicleWidth) return;
  int32_t bins[kTrimBins] = {};
  for (int32_t k = 0; k < g.n; ++k) {
    const float* p = g.points + 4 * static_cast<int64_t>(k);
    if (!in_body(p[3], g.top)) continue;
    const float x = p[0] - mx, y = p[1] - my, t = axis == 0 ? c * x + s * y : c * y - s * x;
    const int b = static_cast<int>((t - low) * inv);
    ++bins[b < kTrimBins ? b : kTrimBins - 1];
  }
  int first = 0, last = kTrimBins - 1;
  for (int32_t sum = bins[first]; sum <= trim; sum += bins[++first]) {}
  for (int32_t sum = bins[last]; sum <= trim; sum += bins[--last]) {}
  box[2 * axis + 1] -= step * (kTrimBins - 1 - last);
  box[2 * axis] += step * first;
}

// The outline as the sensor sees it. out[0]: share of its panes (6 across the view, 4 high) that hold a return: a bush or
// a ladder does not fill it. out[1]: how wide the topmost row is [m]: a car's roof is, a rider's head is not.
AP_HD void outline(const Cluster& g, float mx, float my, float zl, float zh, float* out) {
  const float ax = mx - g.ox, ay = my - g.oy, inv = 1.0f / greater(sqrtf(ax * ax + ay * ay), 1e-3f), c = -ay * inv, s = ax * inv;
  float low = 1e9f, high = -1e9f, top_low = 1e9f, top_high = -1e9f;
  for (int32_t k = 0; k < g.n; ++k) {
    const float *p = g.points + 4 * static_cast<int64_t>(k), t = c * (p[0] - mx) + s * (p[1] - my);
    low = lesser(low, t), high = greater(high, t);
  }
  const float across = 5.999f / greater(high - low, 0.05f), up = 3.999f / greater(zh - zl, 0.05f);
  uint32_t panes = 0u;
  for (int32_t k = 0; k < g.n; ++k) {
    const float *p = g.points + 4 * static_cast<int64_t>(k), t = c * (p[0] - mx) + s * (p[1] - my);
    const int row = static_cast<int>((p[2] - zl) * up);
    panes |= 1u << (static_cast<int>((t - low) * across) + 6 * row);
    if (row == 3) top_low = lesser(top_low, t), top_high = greater(top_high, t);
  }
  int filled = 0;
  for (; panes; panes &= panes - 1u) ++filled;
  out[0] = static_cast<float>(filled) / 24.0f;
  out[1] = greater(top_high - top_low, 0.0f);
}

// Heights, ground and axis-parallel box of a cluster; its mean goes to mean[2].
AP_HD void measure(Cluster* g, float* mean, float* row) {
  float xl = 1e9f, xh = -1e9f, yl = 1e9f, yh = -1e9f;
  float zl = 1e9f, zh = -1e9f, hl = 1e9f, hh = -1e9f, near2 = 1e18f;
  double ground = 0.0, mx = 0.0, my = 0.0;
  int32_t known = 0;
  for (int32_t k = 0; k < g->n; ++k) {
    const float *p = g->points + 4 * static_cast<int64_t>(k), h = p[3], x = p[0] - g->ox, y = p[1] - g->oy;
    mx += p[0], my += p[1];
    xl = lesser(xl, p[0]), xh = greater(xh, p[0]), yl = lesser(yl, p[1]), yh = greater(yh, p[1]);
    zl = lesser(zl, p[2]), zh = greater(zh, p[2]);
    near2 = lesser(near2, x * x + y * y);
    if (h == h) hl = lesser(hl, h), hh = greater(hh, h), ground += p[2] - h, ++known;
  }
  mean[0] = static_cast<float>(mx / g->n), mean[1] = static_cast<float>(my / g->n);
  g->top = hh;
  row[kBoxX] = 0.5f * (xl + xh);
  row[kBoxY] = 0.5f * (yl + yh);
  row[kBoxLength] = greater(xh - xl, yh - yl);
  row[kBoxWidth] = lesser(xh - xl, yh - yl);
  row[kBoxYaw] = yh - yl > xh - xl ? 0.5f * kPi : 0.0f;
  row[kBoxEdgeRms] = row[kBoxSpanLong] = row[kBoxSpanShort] = row[kBoxEdgeShare] = row[kBoxFaceFill] = row[kBoxTopSpan] = 0.0f;
  row[kBoxZMin] = zl;
  row[kBoxZMax] = zh;
  row[kBoxHeightMin] = known ? hl : NAN;
  row[kBoxHeightMax] = known ? hh : NAN;
  row[kBoxGround] = known ? static_cast<float>(ground / known) : zl;
  row[kBoxRange] = sqrtf(near2);
}

// All features of one cluster into row[kFeatures]; what is longer than max_length keeps its axis-parallel box.
AP_HD void fit_cluster(Cluster g, float d0, float max_length, float* row) {
  float mean[2], box[4], quality[4];
  measure(&g, mean, row);
  if (row[kBoxLength] > max_length) return;
  const float mx = mean[0], my = mean[1], sx = g.ox - mx, sy = g.oy - my;
  Profile f;
  make_profile(g, mx, my, &f);
  float yaw = search_yaw(f, sx, sy, d0), c = cosf(yaw), s = sinf(yaw);
  body_extent(g, mx, my, c, s, box);
  if (lesser(box[1] - box[0], box[3] - box[2]) < kSlimWidth && greater(box[1] - box[0], box[3] - box[2]) < kSlimLength) {
    const float slim = slim_yaw(g, mx, my);
    yaw = slim < 0.0f ? yaw : slim;
    c = cosf(yaw), s = sinf(yaw);
    body_extent(g, mx, my, c, s, box);
  }
  edge_quality(f, c, s, box, sx, sy, 0.2f + 0.003f * row[kBoxRange], quality);
  const float u = 0.5f * (box[0] + box[1]), v = 0.5f * (box[2] + box[3]), du = box[1] - box[0], dv = box[3] - box[2];
  const bool swap = dv > du;
  row[kBoxX] = mx + c * u - s * v;
  row[kBoxY] = my + s * u + c * v;
  row[kBoxLength] = swap ? dv : du;
  row[kBoxWidth] = swap ? du : dv;
  row[kBoxYaw] = swap ? yaw - 0.5f * kPi : yaw;  // -94 .. 94 degrees; the caller wraps
  row[kBoxEdgeRms] = quality[0];
  row[kBoxSpanLong] = swap ? quality[2] : quality[1];
  row[kBoxSpanShort] = swap ? quality[1] : quality[2];
  row[kBoxEdgeShare] = quality[3];
  outline(g, mx, my, row[kBoxZMin], row[kBoxZMax], row + kBoxFaceFill);
}

}  // namespace ap
