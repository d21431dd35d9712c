// One PointCloud2 point: decode, crop by range, self-mask at the point's own time, deskew, crop by box.
#pragma once
#include <cstring>

#include "port.h"

namespace ap {

// Numbers of sensor_msgs/PointField; 0 = the field is absent.
enum FieldType : int32_t {
  kNone = 0, kInt8 = 1, kUint8 = 2, kInt16 = 3, kUint16 = 4, kInt32 = 5, kUint32 = 6,
  kFloat32 = 7, kFloat64 = 8, kInt64 = 9, kUint64 = 10,
};

enum Drop : int32_t { kKept = 0, kNotFinite = 1, kRange = 2, kCrop = 3, kMask = 4, kDropReasons = 5 };

struct UnpackedPoint {
  float x, y, z, intensity, time;
  uint16_t ring;
};

template <class T>
AP_HD T load_as(const uint8_t* p, int swap) {
  T value;
  memcpy(&value, p, sizeof(T));
  if (swap) {
    uint8_t raw[sizeof(T)];
    for (unsigned i = 0; i < sizeof(T); ++i) raw[i] = p[sizeof(T) - 1 - i];
    memcpy(&value, raw, sizeof(T));
  }
  return value;
}

AP_HD double load_field(const uint8_t* point, FieldAt f, int swap) {
  const uint8_t* p = point + f.offset;
  switch (f.type) {
    case kInt8: return load_as<int8_t>(p, 0);
    case kUint8: return *p;
    case kInt16: return load_as<int16_t>(p, swap);
    case kUint16: return load_as<uint16_t>(p, swap);
    case kInt32: return load_as<int32_t>(p, swap);
    case kUint32: return load_as<uint32_t>(p, swap);
    case kFloat32: return load_as<float>(p, swap);
    case kFloat64: return load_as<double>(p, swap);
    case kInt64: return static_cast<double>(load_as<int64_t>(p, swap));
    case kUint64: return static_cast<double>(load_as<uint64_t>(p, swap));
    default: return 0.0;
  }
}

// Bytes that load_field reads.
inline int32_t field_size(int32_t type) {
  constexpr int32_t kSizes[] = {0, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
  return type > 0 && type <= kUint64 ? kSizes[type] : 0;
}

// A row of a row-major 3x4 transform applied to a point.
AP_HD float row_of(const float* t, int r, float x, float y, float z) {
  return t[4 * r] * x + t[4 * r + 1] * y + t[4 * r + 2] * z + t[4 * r + 3];
}

// A pose is stored by columns, four floats each (the last unused), so that one column is one vector register.
AP_HD void apply(const float* pose, float x, float y, float z, float* out) {
  for (int i = 0; i < 4; ++i) out[i] = pose[i] * x + pose[4 + i] * y + pose[8 + i] * z + pose[12 + i];
}

// A mask row is x_min x_max y_min y_max z_min z_max, then n_edges half-planes (a, b, c): inside is a x + b y <= c.
AP_HD bool in_mask(const float* mask, int n_edges, const float* p) {
  if (p[0] < mask[0] || p[0] > mask[1] || p[1] < mask[2] || p[1] > mask[3] || p[2] < mask[4] || p[2] > mask[5]) return false;
  for (int e = 0; e < n_edges; ++e) {
    const float* h = mask + 6 + 3 * e;
    if (h[0] * p[0] + h[1] * p[1] > h[2]) return false;
  }
  return true;
}

AP_HD bool masked(const UnpackParams& plan, const float* masks, float x, float y, float z) {
  float body[3] = {row_of(plan.base, 0, x, y, z), row_of(plan.base, 1, x, y, z), 0.0f};
  const float* box = plan.around;
  if (!((body[0] >= box[0]) & (body[0] <= box[1]) & (body[1] >= box[2]) & (body[1] <= box[3]))) return false;
  body[2] = row_of(plan.base, 2, x, y, z);
  for (int m = 0; m < plan.n_masks; ++m)
    if (in_mask(masks + m * (6 + 3 * plan.n_edges), plan.n_edges, body)) return true;
  return false;
}

// Pose at time t: linear blend of the two neighbours of a uniform table (sweeps turn by a few degrees at most).
AP_HD void deskew(const UnpackParams& plan, const float* poses, float t, float x, float y, float z, float* out) {
  float u = (t - plan.t0) * plan.inv_dt;
  const float last = static_cast<float>(plan.n_poses - 1);
  u = u < 0.0f ? 0.0f : (u > last ? last : u);
  int k = static_cast<int>(u);
  if (k > plan.n_poses - 2) k = plan.n_poses - 2;
  const float f = u - static_cast<float>(k);
  float a[4], b[4];
  apply(poses + 16 * k, x, y, z, a);
  apply(poses + 16 * (k + 1), x, y, z, b);
  for (int i = 0; i < 4; ++i) out[i] = a[i] + f * (b[i] - a[i]);
}

// kPlain: x, y, z are float32 in the machine's byte order (nearly every sensor).
template <bool kPlain>
AP_HD Drop unpack_point(const UnpackParams& plan, const uint8_t* point, const float* poses, const float* masks,
                        UnpackedPoint* out) {
  float x, y, z;
  if (kPlain) {
    memcpy(&x, point + plan.x.offset, 4);
    memcpy(&y, point + plan.y.offset, 4);
    memcpy(&z, point + plan.z.offset, 4);
  } else {
    x = static_cast<float>(load_field(point, plan.x, plan.swap));
    y = static_cast<float>(load_field(point, plan.y, plan.swap));
    z = static_cast<float>(load_field(point, plan.z, plan.swap));
  }
  const float sq = x * x + y * y + z * z;
  const double time = plan.time_at.type ? (load_field(point, plan.time_at, plan.swap) - plan.time_zero) * plan.time_scale : 0.0;
  if (!(sq < 3.0e38f) || !(time > -1.0e9 && time < 1.0e9)) return kNotFinite;
  if (sq < plan.min_sq || sq > plan.max_sq || sq == 0.0f) return kRange;  // (0, 0, 0) means "no return"
  if (plan.n_masks && masked(plan, masks, x, y, z)) return kMask;
  const float t = static_cast<float>(time);
  float p[4];
  if (plan.n_poses > 1) deskew(plan, poses, t, x, y, z, p);
  else apply(poses, x, y, z, p);
  const float* box = plan.box;
  if (!((p[0] >= box[0]) & (p[0] <= box[1]) & (p[1] >= box[2]) & (p[1] <= box[3]) & (p[2] >= box[4]) & (p[2] <= box[5]))) return kCrop;
  const double i = plan.intensity_at.type ? load_field(point, plan.intensity_at, plan.swap) * plan.intensity_scale : 0.0;
  const double ring = plan.ring_at.type ? load_field(point, plan.ring_at, plan.swap) : 0.0;
  *out = {p[0], p[1], p[2], static_cast<float>(i > 0.0 ? (i < 1.0 ? i : 1.0) : 0.0), t,
          static_cast<uint16_t>(ring > 0.0 ? (ring < 65535.0 ? ring : 65535.0) : 0.0)};
  return kKept;
}

AP_HD const uint8_t* point_at(const UnpackParams& plan, const uint8_t* data, int64_t i) {
  return data + (i / plan.width) * plan.row_step + (i % plan.width) * plan.point_step;
}

// Reads the host tables: layout int32[17], scales float64[3], base float32[12], limits float32[14].
// 0, or why the kernel cannot run: every byte that it reads must lie inside data.
inline int32_t refused(const UnpackParams& p) {
  if (p.n_poses < 1) return kNoPose;
  if (p.width < 1 || p.point_step < 0 || p.row_step < 0 || p.n_edges < 0) return kLayout;
  int64_t last = p.point_step;  // one past the last byte of a point that is read
  for (const FieldAt& at : {p.x, p.y, p.z, p.intensity_at, p.time_at, p.ring_at}) {
    if (at.type == kNone) continue;
    const int64_t end = static_cast<int64_t>(at.offset) + field_size(at.type);
    if (at.offset < 0) return kLayout;
    last = end > last ? end : last;
  }
  if (p.n == 0) return 0;
  const int64_t rows = (p.n - 1) / p.width, columns = rows > 0 ? p.width : p.n;
  return rows * p.row_step + (columns - 1) * p.point_step + last > p.n_bytes ? kShortData : 0;
}

inline bool is_plain(const UnpackParams& plan) {
  return !plan.swap && plan.x.type == kFloat32 && plan.y.type == kFloat32 && plan.z.type == kFloat32;
}

}  // namespace ap
