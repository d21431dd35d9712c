// Pinhole camera with the lens models of sensor_msgs/CameraInfo.
#pragma once
#include "port.h"

namespace ap {

enum LensModel : int32_t { kPolynomial = 0, kEquidistant = 1 };

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

}  // namespace ap
