// How well points lie on a map (edges of an image, structure seen from above) under a projection.
#pragma once
#include "port.h"

namespace ap {

constexpr float kAlignOne = 65536.0f;  // fixed point: sums of integers are the same in any order

// Value 0..255 of the map (bilinear) where M (3x4, row-major) projects the point: (x/z, y/z) in pixels, centres at
// integers. False where the point is behind the projection (z <= 0.001) or outside the centres of the border pixels.
AP_HD bool map_value(const float* M, const float* p, const uint8_t* map, int32_t width, int32_t height, float* value) {
  const float z = M[8] * p[0] + M[9] * p[1] + M[10] * p[2] + M[11];
  if (!(z > 0.001f)) return false;
  const float u = (M[0] * p[0] + M[1] * p[1] + M[2] * p[2] + M[3]) / z;
  const float v = (M[4] * p[0] + M[5] * p[1] + M[6] * p[2] + M[7]) / z;
  if (!(u >= 0.0f && v >= 0.0f && u < static_cast<float>(width - 1) && v < static_cast<float>(height - 1))) return false;
  const int32_t iu = static_cast<int32_t>(u), iv = static_cast<int32_t>(v);
  const float a = u - static_cast<float>(iu), b = v - static_cast<float>(iv);
  const uint8_t* px = map + static_cast<int64_t>(iv) * width + iu;
  const float top = (1.0f - a) * static_cast<float>(px[0]) + a * static_cast<float>(px[1]);
  const float bottom = (1.0f - a) * static_cast<float>(px[width]) + a * static_cast<float>(px[width + 1]);
  *value = (1.0f - b) * top + b * bottom;
  return true;
}

// Adds a point's weight times value, and its weight, to fixed-point sums.
AP_HD void add_map_value(const float* M, const float* p, float weight, const uint8_t* map, int32_t width, int32_t height,
                         int64_t* score, int64_t* inside) {
  float value;
  if (!map_value(M, p, map, width, height, &value)) return;
  *score += static_cast<int64_t>(weight * value * (kAlignOne / 256.0f) + 0.5f);
  *inside += static_cast<int64_t>(weight * kAlignOne + 0.5f);
}

}  // namespace ap
