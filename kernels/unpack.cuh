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

struct FieldAt {
  int32_t offset, type;
};

// Host tables of the launcher, in the order of the Python face (ops/unpack.py).
struct UnpackPlan {
  int32_t n, width, point_step, row_step, swap;
  FieldAt x, y, z, intensity, time, ring;
  double time_zero, time_scale, intensity_scale;
  float base[12];            // T_base_sensor, row-major 3x4: where a point lay on the body at its own time
  float min_sq, max_sq;      // squared range limits in the sensor frame
  float box[6];              // x_min x_max y_min y_max z_min z_max in the output frame
  float t0, inv_dt;          // pose k holds at t0 + k / inv_dt
  int32_t n_poses, n_masks, n_edges;
  float around[4];           // x_min x_max y_min y_max in base_link around all masks
};

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

AP_HD bool masked(const UnpackPlan& plan, const float* masks, float x, float y, float z) {
  float body[3] = {row_of(plan.base, 0, x, y, z), row_of(plan.base, 1, x, y, z), 0.0f};
  const float* box = plan.around;
  if (!((body[0] >= box[0]) & (body[0] <= box[1]) & (body[1] >= box[2]) & (body[1] <= box[3]))) return false;
  body[2] = row_of(plan.base, 2, x, y, z);
  for (int m = 0; m < plan.n_masks; ++m)
    if (in_mask(masks + m * (6 + 3 * plan.n_edges), plan.n_edges, body)) return true;
  return false;
}

// Pose at time t: linear blend of the two neighbours of a uniform table (sweeps turn by a few degrees at most).
AP_HD void deskew(const UnpackPlan& plan, const float* poses, float t, float x, float y, float z, float* out) {
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
AP_HD Drop unpack_point(const UnpackPlan& plan, const uint8_t* point, const float* poses, const float* masks,
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
  const double time = plan.time.type ? (load_field(point, plan.time, plan.swap) - plan.time_zero) * plan.time_scale : 0.0;
  if (!(sq < 3.0e38f) || !(time > -1.0e9 && time < 1.0e9)) return kNotFinite;
  if (sq < plan.min_sq || sq > plan.max_sq || sq == 0.0f) return kRange;  // (0, 0, 0) means "no return"
  if (plan.n_masks && masked(plan, masks, x, y, z)) return kMask;
  const float t = static_cast<float>(time);
  float p[4];
  if (plan.n_poses > 1) deskew(plan, poses, t, x, y, z, p);
  else apply(poses, x, y, z, p);
  const float* box = plan.box;
  if (!((p[0] >= box[0]) & (p[0] <= box[1]) & (p[1] >= box[2]) & (p[1] <= box[3]) & (p[2] >= box[4]) & (p[2] <= box[5]))) return kCrop;
  const double i = plan.intensity.type ? load_field(point, plan.intensity, plan.swap) * plan.intensity_scale : 0.0;
  const double ring = plan.ring.type ? load_field(point, plan.ring, plan.swap) : 0.0;
  *out = {p[0], p[1], p[2], static_cast<float>(i > 0.0 ? (i < 1.0 ? i : 1.0) : 0.0), t,
          static_cast<uint16_t>(ring > 0.0 ? (ring < 65535.0 ? ring : 65535.0) : 0.0)};
  return kKept;
}

AP_HD const uint8_t* point_at(const UnpackPlan& plan, const uint8_t* data, int64_t i) {
  return data + (i / plan.width) * plan.row_step + (i % plan.width) * plan.point_step;
}

// Reads the host tables: layout int32[17], scales float64[3], base float32[12], limits float32[14].
inline UnpackPlan unpack_plan(const int32_t* layout, const double* scales, const float* base, const float* limits,
                              int32_t n_poses, int32_t n_masks, int32_t n_edges) {
  UnpackPlan plan;
  memcpy(&plan.n, layout, 17 * sizeof(int32_t));
  memcpy(&plan.time_zero, scales, 3 * sizeof(double));
  memcpy(plan.base, base, 12 * sizeof(float));
  memcpy(&plan.min_sq, limits, 10 * sizeof(float));
  plan.n_poses = n_poses;
  plan.n_masks = n_masks;
  plan.n_edges = n_edges;
  memcpy(plan.around, limits + 10, 4 * sizeof(float));
  return plan;
}

inline bool is_plain(const UnpackPlan& plan) {
  return !plan.swap && plan.x.type == kFloat32 && plan.y.type == kFloat32 && plan.z.type == kFloat32;
}

}  // namespace ap
