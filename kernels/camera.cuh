// Pinhole camera with the lens models of sensor_msgs/CameraInfo.
#pragma once
#include <cstring>

#include "port.h"

namespace ap {

enum LensModel : int32_t { kPolynomial = 0, kEquidistant = 1 };

// Host table of the launchers, float32[14] + int32[3], in the order of ops/camera.py.
struct Lens {
  float fx, fy, cx, cy, skew;
  float k[6], p1, p2;  // polynomial: k1 k2 k3 over k4 k5 k6; equidistant: k1..k4
  float max_sq;        // squared normalised radius beyond which the polynomial folds back
  int32_t model, width, height;
};

// Ideal normalised coordinates to pixel coordinates (centres of pixels at integers).
AP_HD void distort(const Lens& c, float x, float y, float* u, float* v) {
  const float r2 = x * x + y * y;
  float xd, yd;
  if (c.model == kEquidistant) {  // Kannala-Brandt, theta from the optical axis
    const float r = sqrtf(r2), t = atanf(r), t2 = t * t;
    const float d = t * (1.0f + t2 * (c.k[0] + t2 * (c.k[1] + t2 * (c.k[2] + t2 * c.k[3]))));
    const float s = r > 1e-6f ? d / r : 1.0f;
    xd = x * s;
    yd = y * s;
  } else {  // Brown-Conrady, rational in OpenCV's order k1 k2 p1 p2 k3 k4 k5 k6
    const float s = (1.0f + r2 * (c.k[0] + r2 * (c.k[1] + r2 * c.k[2]))) / (1.0f + r2 * (c.k[3] + r2 * (c.k[4] + r2 * c.k[5])));
    xd = x * s + 2.0f * c.p1 * x * y + c.p2 * (r2 + 2.0f * x * x);
    yd = y * s + c.p1 * (r2 + 2.0f * y * y) + 2.0f * c.p2 * x * y;
  }
  *u = c.fx * xd + c.skew * yd + c.cx;
  *v = c.fy * yd + c.cy;
}

inline Lens lens_of(const float* values, const int32_t* sizes) {
  Lens lens;
  memcpy(&lens.fx, values, 14 * sizeof(float));
  memcpy(&lens.model, sizes, 3 * sizeof(int32_t));
  return lens;
}

}  // namespace ap
