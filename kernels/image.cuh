// One output pixel of undistort + resize + normalise + NCHW.
#pragma once
#include "camera.cuh"

namespace ap {

// Source pixel of output pixel (i, j).
AP_HD void source_of(const Lens& lens, const ImageView& view, int32_t i, int32_t j, float* u, float* v) {
  const float x = view.ox + static_cast<float>(i) * view.sx, y = view.oy + static_cast<float>(j) * view.sy;
  if (x * x + y * y > lens.max_sq) *u = *v = -1.0e6f;
  else distort(lens, x, y, u, v);
}

// Weighted bytes of one pixel; outside is black. The last pixel of the image has no fourth byte to load.
AP_HD Float4 tap(const uint8_t* image, const PreprocessParams& p, int32_t x, int32_t y, float w) {
  const bool in = x >= 0 && y >= 0 && x < p.lens.width && y < p.lens.height;
  const uint8_t* px = image + (in ? static_cast<int64_t>(y) * p.step + p.pixel * x : 0);
  const uint8_t own[4] = {px[0], px[1], px[2], 0};
  return (in ? w : 0.0f) * bytes4(own);
}

// Bilinear value of three channels at (u, v) (the fourth lane is not used); black outside the image.
AP_HD Float4 sample(const uint8_t* image, const PreprocessParams& p, float u, float v) {
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

AP_HD void preprocess_pixel(const uint8_t* image, const float* map, const PreprocessParams& p, int32_t i, int32_t j, float* out) {
  float u, v;
  const int64_t at = static_cast<int64_t>(j) * p.out_width + i;
  if (map) u = map[2 * at], v = map[2 * at + 1];
  else source_of(p.lens, p.view, i, j, &u, &v);
  const Float4 sum = sample(image, p, u, v);
  const int64_t plane = static_cast<int64_t>(p.out_width) * p.out_height;
  float* o = out + at;
  o[0] = sum[p.swap ? 2 : 0] * p.view.scale[0] + p.view.shift[0];
  o[plane] = sum[1] * p.view.scale[1] + p.view.shift[1];
  o[2 * plane] = sum[p.swap ? 0 : 2] * p.view.scale[2] + p.view.shift[2];
}

// 0, or why the kernel cannot run.
inline int32_t refused(const PreprocessParams& p) {
  if (p.out_width < 1 || p.out_height < 1 || p.lens.width < 1 || p.lens.height < 1) return kImageSize;
  return (p.pixel != 3 && p.pixel != 4) || p.step < p.pixel * (p.lens.width - 1) + 3 ? kImageRows : 0;
}

}  // namespace ap
