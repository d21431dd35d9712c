// Oriented box of one cluster: L-shape fit by search (Zhang, Xu, Dong, Dolan: "Efficient L-shape fitting for vehicle
// detection using laser scanners", IV 2017, closeness criterion) over the side that the sensor sees.
#pragma once
#include "port.h"

namespace ap {

constexpr int kProfile = 48;  // azimuth bins of the near side; a multiple of kLanes
constexpr int kLanes = 8;     // sums run in this many lanes on every device, so that all give the same answer
constexpr int kFeatures = 16;
constexpr float kPi = 3.14159265358979f;

// Columns of the feature table.
enum Feature {
  kCx, kCy, kLength, kWidth, kYaw, kZMin, kZMax, kHeightMin, kHeightMax, kGround, kEdgeRms, kSpanLong, kSpanShort,
  kRange, kEdgeShare, kFaceFill
};

struct Profile {  // nearest point per azimuth bin, relative to `x`, `y` of the cluster's mean
  float x[kProfile], y[kProfile];
  int n;  // padded to whole lanes with copies of the first point
};

struct Cluster {
  const float* xyz;
  const float* height;
  const int32_t* order;
  int32_t n;
  float ox, oy;  // sensor
};

AP_HD float lane_min(const float* v) {
  float r = v[0];
  for (int k = 1; k < kLanes; ++k) r = v[k] < r ? v[k] : r;
  return r;
}

AP_HD float lane_max(const float* v) {
  float r = v[0];
  for (int k = 1; k < kLanes; ++k) r = v[k] > r ? v[k] : r;
  return r;
}

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
  const float ul = lane_min(u_low), uh = lane_max(u_high), vl = lane_min(v_low), vh = lane_max(v_high);
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
    const float* p = g.xyz + 3 * static_cast<int64_t>(g.order[k]);
    const float x = p[0] - g.ox, y = p[1] - g.oy, along = ax * x + ay * y, t = (ax * y - ay * x) / fmaxf(along, 1e-3f);
    low = t < low ? t : low;
    high = t > high ? t : high;
  }
  low = fmaxf(low, -20.0f);
  high = fminf(high, 20.0f);
  const float scale = (kProfile - 0.01f) / fmaxf(high - low, 1e-6f);
  float best[kProfile];
  int32_t who[kProfile];
  for (int b = 0; b < kProfile; ++b) best[b] = 1e18f, who[b] = -1;
  for (int32_t k = 0; k < g.n; ++k) {
    const float* p = g.xyz + 3 * static_cast<int64_t>(g.order[k]);
    const float x = p[0] - g.ox, y = p[1] - g.oy, along = ax * x + ay * y, t = (ax * y - ay * x) / fmaxf(along, 1e-3f);
    const int b = static_cast<int>((fminf(fmaxf(t, low), high) - low) * scale);
    const float d = x * x + y * y;
    if (d < best[b]) best[b] = d, who[b] = g.order[k];
  }
  f->n = 0;
  for (int b = 0; b < kProfile; ++b) {
    if (who[b] < 0) continue;
    f->x[f->n] = g.xyz[3 * static_cast<int64_t>(who[b])] - mx;
    f->y[f->n++] = g.xyz[3 * static_cast<int64_t>(who[b]) + 1] - my;
  }
  for (; f->n % kLanes; ++f->n) f->x[f->n] = f->x[0], f->y[f->n] = f->y[0];
}

// Direction in [0, pi/2) of highest closeness: steps of 5 degrees, then of 1 degree around the best.
AP_HD float search_yaw(const Profile& f, float sx, float sy, float d0) {
  constexpr float deg = kPi / 180.0f;
  float best = -1.0f, yaw = 0.0f;
  for (int k = 0; k < 18; ++k) {
    const float a = 5.0f * k * deg, q = closeness(f, cosf(a), sinf(a), sx, sy, d0);
    if (q > best) best = q, yaw = a;
  }
  const float coarse = yaw;
  for (int k = -4; k <= 4; ++k) {
    const float a = coarse + k * deg, q = closeness(f, cosf(a), sinf(a), sx, sy, d0);
    if (q > best) best = q, yaw = a;
  }
  return yaw;
}

// How well the profile lies on the near edges: rms distance, and the spans it covers along u and along v edges.
AP_HD void edge_quality(const Profile& f, float c, float s, const float* box, float sx, float sy, float* out) {
  const float su = c * sx + s * sy, sv = c * sy - s * sx;
  const float eu = 2.0f * su < box[0] + box[1] ? box[0] : box[1], ev = 2.0f * sv < box[2] + box[3] ? box[2] : box[3];
  float sum = 0.0f, ul = 1e9f, uh = -1e9f, vl = 1e9f, vh = -1e9f;
  int close = 0;
  for (int i = 0; i < f.n; ++i) {
    const float u = c * f.x[i] + s * f.y[i], v = c * f.y[i] - s * f.x[i], du = fabsf(u - eu), dv = fabsf(v - ev);
    const float d = du < dv ? du : dv;
    sum += d * d;
    close += d < 0.2f;
    if (dv < 0.25f) ul = fminf(ul, u), uh = fmaxf(uh, u);
    if (du < 0.25f) vl = fminf(vl, v), vh = fmaxf(vh, v);
  }
  out[0] = sqrtf(sum / f.n);
  out[1] = fmaxf(uh - ul, 0.0f);
  out[2] = fmaxf(vh - vl, 0.0f);
  out[3] = static_cast<float>(close) / f.n;
}

// Share of the panes of the outline as the sensor sees it (6 across the view, 4 high) that hold a return. A vehicle's
// rear fills it, a rider or a bush does not.
AP_HD float face_fill(const Cluster& g, float mx, float my, float zl, float zh) {
  const float ax = mx - g.ox, ay = my - g.oy, inv = 1.0f / fmaxf(sqrtf(ax * ax + ay * ay), 1e-3f), c = -ay * inv, s = ax * inv;
  float low = 1e9f, high = -1e9f;
  for (int32_t k = 0; k < g.n; ++k) {
    const float *p = g.xyz + 3 * static_cast<int64_t>(g.order[k]), t = c * (p[0] - mx) + s * (p[1] - my);
    low = fminf(low, t), high = fmaxf(high, t);
  }
  const float across = 5.999f / fmaxf(high - low, 0.05f), up = 3.999f / fmaxf(zh - zl, 0.05f);
  uint32_t panes = 0u;
  for (int32_t k = 0; k < g.n; ++k) {
    const float *p = g.xyz + 3 * static_cast<int64_t>(g.order[k]), t = c * (p[0] - mx) + s * (p[1] - my);
    panes |= 1u << (static_cast<int>((t - low) * across) + 6 * static_cast<int>((p[2] - zl) * up));
  }
  int filled = 0;
  for (; panes; panes &= panes - 1u) ++filled;
  return static_cast<float>(filled) / 24.0f;
}

// All features of one cluster into row[kFeatures].
AP_HD void fit_cluster(const Cluster& g, float d0, float* row) {
  float sx = 0.0f, sy = 0.0f, zl = 1e9f, zh = -1e9f, hl = 1e9f, hh = -1e9f, near2 = 1e18f;
  double ground = 0.0, mean_x = 0.0, mean_y = 0.0;
  int32_t known = 0;
  for (int32_t k = 0; k < g.n; ++k) {
    const int32_t i = g.order[k];
    const float *p = g.xyz + 3 * static_cast<int64_t>(i), h = g.height[i], x = p[0] - g.ox, y = p[1] - g.oy;
    mean_x += p[0], mean_y += p[1];
    zl = fminf(zl, p[2]), zh = fmaxf(zh, p[2]);
    near2 = fminf(near2, x * x + y * y);
    if (h == h) hl = fminf(hl, h), hh = fmaxf(hh, h), ground += p[2] - h, ++known;
  }
  const float mx = static_cast<float>(mean_x / g.n), my = static_cast<float>(mean_y / g.n);
  Profile f;
  make_profile(g, mx, my, &f);
  sx = g.ox - mx, sy = g.oy - my;
  float yaw = search_yaw(f, sx, sy, d0);
  const float c = cosf(yaw), s = sinf(yaw);
  float box[4] = {1e9f, -1e9f, 1e9f, -1e9f}, quality[4];
  for (int32_t k = 0; k < g.n; ++k) {
    const float* p = g.xyz + 3 * static_cast<int64_t>(g.order[k]);
    const float x = p[0] - mx, y = p[1] - my, u = c * x + s * y, v = c * y - s * x;
    box[0] = fminf(box[0], u), box[1] = fmaxf(box[1], u), box[2] = fminf(box[2], v), box[3] = fmaxf(box[3], v);
  }
  edge_quality(f, c, s, box, sx, sy, quality);
  const float u = 0.5f * (box[0] + box[1]), v = 0.5f * (box[2] + box[3]), du = box[1] - box[0], dv = box[3] - box[2];
  const bool swap = dv > du;
  row[kCx] = mx + c * u - s * v;
  row[kCy] = my + s * u + c * v;
  row[kLength] = swap ? dv : du;
  row[kWidth] = swap ? du : dv;
  row[kYaw] = swap ? yaw - 0.5f * kPi : yaw;  // -94 .. 94 degrees; the caller wraps
  row[kZMin] = zl;
  row[kZMax] = zh;
  row[kHeightMin] = known ? hl : NAN;
  row[kHeightMax] = known ? hh : NAN;
  row[kGround] = known ? static_cast<float>(ground / known) : zl;
  row[kEdgeRms] = quality[0];
  row[kSpanLong] = swap ? quality[2] : quality[1];
  row[kSpanShort] = swap ? quality[1] : quality[2];
  row[kRange] = sqrtf(near2);
  row[kEdgeShare] = quality[3];
  row[kFaceFill] = face_fill(g, mx, my, zl, zh);
}

}  // namespace ap
