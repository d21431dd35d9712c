// One lidar point into one camera image.
#pragma once
#include "camera.cuh"

namespace ap {

// Pixel, depth [m] along the optical axis, and whether the point is in view: in front of the camera by min_depth,
// inside the lens model's range and inside the image (pixels cover centre +- 0.5).
AP_HD bool project_point(const ProjectParams& c, const float* p, float* uv, float* depth) {
  const Lens& lens = c.lens;
  const float* T = c.pose;
  const float x = T[0] * p[0] + T[1] * p[1] + T[2] * p[2] + T[3];
  const float y = T[4] * p[0] + T[5] * p[1] + T[6] * p[2] + T[7];
  const float z = T[8] * p[0] + T[9] * p[1] + T[10] * p[2] + T[11];
  *depth = z;
  uv[0] = uv[1] = nanf("");
  if (!(z >= c.min_depth)) return false;
  const float nx = x / z, ny = y / z;
  if (!(nx * nx + ny * ny <= lens.max_sq)) return false;
  distort(lens, nx, ny, uv, uv + 1);
  return (uv[0] >= -0.5f) & (uv[1] >= -0.5f) & (uv[0] < static_cast<float>(lens.width) - 0.5f) &
         (uv[1] < static_cast<float>(lens.height) - 0.5f);
}

// Colour of the nearest pixel, zero where not in view.
AP_HD void pick_color(const uint8_t* image, int32_t step, bool valid, const float* uv, uint8_t* color) {
  color[0] = color[1] = color[2] = 0;
  if (!valid) return;
  const uint8_t* px = image + static_cast<int64_t>(floorf(uv[1] + 0.5f)) * step + 3 * static_cast<int64_t>(floorf(uv[0] + 0.5f));
  for (int c = 0; c < 3; ++c) color[c] = px[c];
}

}  // namespace ap
