// One output pixel of undistort + resize + normalise + NCHW.
#pragma once
#include <cstring>

#include "camera.cuh"

namespace ap {

struct ImagePlan {
  Lens lens;               // of the source image
  float ox, oy, sx, sy;    // output pixel (i, j) looks along x = ox + i * sx, y = oy + j * sy
  float scale[3], shift[3];  // value = byte * scale + shift, in output channel order
  int32_t step, pixel, swap;  // bytes per source row and pixel (3 or 4); swap: source and output differ in RGB/BGR order
  int32_t out_width, out_height;
};

AP_HD void source_of(const ImagePlan& p, const float* map, int32_t i, int32_t j, float* u, float* v) {
  if (map) {
    const float* m = map + 2 * (static_cast<int64_t>(j) * p.out_width + i);
    *u = m[0];
    *v = m[1];
    return;
  }
  const float x = p.ox + static_cast<float>(i) * p.sx, y = p.oy + static_cast<float>(j) * p.sy;
  if (x * x + y * y > p.lens.max_sq) *u = *v = -1.0e6f;
  else distort(p.lens, x, y, u, v);
}

// Weighted bytes of one pixel; outside is black. The last pixel of the image has no fourth byte to load.
AP_HD Float4 tap(const uint8_t* image, const ImagePlan& p, int32_t x, int32_t y, float w) {
  const bool in = x >= 0 && y >= 0 && x < p.lens.width && y < p.lens.height;
  const uint8_t* px = image + (in ? static_cast<int64_t>(y) * p.step + p.pixel * x : 0);
  const uint8_t own[4] = {px[0], px[1], px[2], 0};
  return (in ? w : 0.0f) * bytes4(own);
}

// Bilinear value of three channels at (u, v) (the fourth lane is not used); black outside the image.
AP_HD Float4 sample(const uint8_t* image, const ImagePlan& p, float u, float v) {
  if (!(u > -1.0f && v > -1.0f && u < static_cast<float>(p.lens.width) && v < static_cast<float>(p.lens.height))) return Float4{};
  const float fu = floorf(u), fv = floorf(v), a = u - fu, b = v - fv;
  const int32_t x = static_cast<int32_t>(fu), y = static_cast<int32_t>(fv);
  const float w00 = (1.0f - a) * (1.0f - b), w10 = a * (1.0f - b), w01 = (1.0f - a) * b, w11 = a * b;
  if (x < 0 || y < 0 || x + 2 >= p.lens.width || y + 1 >= p.lens.height)
    return tap(image, p, x, y, w00) + tap(image, p, x + 1, y, w10) + tap(image, p, x, y + 1, w01) + tap(image, p, x + 1, y + 1, w11);
  const uint8_t* top = image + static_cast<int64_t>(y) * p.step + p.pixel * x;
  const uint8_t* low = top + p.step;
  return w00 * bytes4(top) + w10 * bytes4(top + p.pixel) + w01 * bytes4(low) + w11 * bytes4(low + p.pixel);
}

AP_HD void preprocess_pixel(const uint8_t* image, const float* map, const ImagePlan& p, int32_t i, int32_t j, float* out) {
  float u, v;
  source_of(p, map, i, j, &u, &v);
  const Float4 sum = sample(image, p, u, v);
  const int64_t plane = static_cast<int64_t>(p.out_width) * p.out_height;
  float* o = out + static_cast<int64_t>(j) * p.out_width + i;
  o[0] = sum[p.swap ? 2 : 0] * p.scale[0] + p.shift[0];
  o[plane] = sum[1] * p.scale[1] + p.shift[1];
  o[2 * plane] = sum[p.swap ? 0 : 2] * p.scale[2] + p.shift[2];
}

// Host tables: lens float32[14], sizes int32[3] (model, width, height), view float32[10].
inline ImagePlan image_plan(const float* lens, const int32_t* sizes, const float* view, int32_t step, int32_t pixel,
                            int32_t swap, int32_t out_width, int32_t out_height) {
  ImagePlan p;
  p.lens = lens_of(lens, sizes);
  memcpy(&p.ox, view, 10 * sizeof(float));
  p.step = step;
  p.pixel = pixel;
  p.swap = swap;
  p.out_width = out_width;
  p.out_height = out_height;
  return p;
}

}  // namespace ap
