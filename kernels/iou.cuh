// Overlap of rotated boxes by exact clipping of one rectangle at the four sides of the other.
#pragma once
#include "port.h"

namespace ap {

// Keeps the part of a convex polygon with s * p[axis] <= limit (Sutherland-Hodgman); returns its vertex count
// (n + 1 at most but for rounding, so 8 after four sides of a rectangle; more are not stored).
AP_HD int clip_side(const float (*in)[2], int n, int axis, float s, float limit, float (*out)[2]) {
  int m = 0;
  for (int i = 0; i < n; ++i) {
    const float* a = in[i];
    const float* b = in[i + 1 < n ? i + 1 : 0];
    const float da = s * a[axis] - limit, db = s * b[axis] - limit;
    if (da <= 0.0f && m < 8) {
      out[m][0] = a[0];
      out[m++][1] = a[1];
    }
    if (m < 8 && ((da < 0.0f && db > 0.0f) || (da > 0.0f && db < 0.0f))) {
      const float t = da / (da - db);
      out[m][0] = a[0] + t * (b[0] - a[0]);
      out[m++][1] = a[1] + t * (b[1] - a[1]);
    }
  }
  return m;
}

// Area [m^2] shared by two boxes (x, y, length, width, yaw), worked out in the frame of a.
AP_HD float overlap_area(const float* a, const float* b) {
  const float ha = 0.5f * a[2], wa = 0.5f * a[3], hb = 0.5f * b[2], wb = 0.5f * b[3];
  if (!(ha > 0.0f && wa > 0.0f && hb > 0.0f && wb > 0.0f)) return 0.0f;
  const float dx = b[0] - a[0], dy = b[1] - a[1], reach = ha + wa + hb + wb;
  if (!(fabsf(dx) < reach && fabsf(dy) < reach && fabsf(b[4] - a[4]) < 1.0e6f)) return 0.0f;
  const float ca = cosf(a[4]), sa = sinf(a[4]), c = cosf(b[4] - a[4]), s = sinf(b[4] - a[4]);
  const float cx = ca * dx + sa * dy, cy = -sa * dx + ca * dy;
  float p[8][2] = {{cx + c * hb - s * wb, cy + s * hb + c * wb},
                   {cx - c * hb - s * wb, cy - s * hb + c * wb},
                   {cx - c * hb + s * wb, cy - s * hb - c * wb},
                   {cx + c * hb + s * wb, cy + s * hb - c * wb}};
  float q[8][2];
  int n = clip_side(p, 4, 0, 1.0f, ha, q);
  n = clip_side(q, n, 0, -1.0f, ha, p);
  n = clip_side(p, n, 1, 1.0f, wa, q);
  n = clip_side(q, n, 1, -1.0f, wa, p);
  float twice = 0.0f;
  for (int i = 2; i < n; ++i)  // fan around the first vertex: no cancellation of large coordinates
    twice += (p[i - 1][0] - p[0][0]) * (p[i][1] - p[0][1]) - (p[i][0] - p[0][0]) * (p[i - 1][1] - p[0][1]);
  return twice > 0.0f ? 0.5f * twice : 0.0f;
}

AP_HD float ratio_of(float common, float a, float b) {
  const float all = a + b - common;
  const float r = common > 0.0f ? common / all : 0.0f;
  return r < 1.0f ? r : 1.0f;
}

// Intersection over union of (x, y, l, w, yaw).
AP_HD float iou_bev(const float* a, const float* b) { return ratio_of(overlap_area(a, b), a[2] * a[3], b[2] * b[3]); }

// Intersection over union of upright boxes (x, y, z, l, w, h, yaw), z at the centre.
AP_HD float iou_3d(const float* a, const float* b) {
  const float ha = 0.5f * a[5], hb = 0.5f * b[5], dz = b[2] - a[2];
  if (!(ha > 0.0f && hb > 0.0f && fabsf(dz) < ha + hb)) return 0.0f;
  const float high = fminf(ha, dz + hb) - fmaxf(-ha, dz - hb);
  const float p[5] = {a[0], a[1], a[3], a[4], a[6]}, q[5] = {b[0], b[1], b[3], b[4], b[6]};
  return ratio_of(overlap_area(p, q) * high, a[3] * a[4] * a[5], b[3] * b[4] * b[5]);
}

}  // namespace ap
