#include "unpack.cuh"

namespace {

template <bool kPlain>
void run(const ap::UnpackPlan& plan, const uint8_t* data, const float* poses, const float* masks, float* xyz,
         float* intensity, float* time, uint16_t* ring, int32_t* counts) {
  int32_t kept = 0;
  const int32_t rows = (plan.n + plan.width - 1) / plan.width;
  for (int32_t r = 0; r < rows; ++r) {
    const uint8_t* point = data + static_cast<int64_t>(r) * plan.row_step;
    const int32_t columns = r == rows - 1 ? plan.n - r * plan.width : plan.width;
    for (int32_t c = 0; c < columns; ++c, point += plan.point_step) {
      ap::UnpackedPoint out;
      const ap::Drop drop = ap::unpack_point<kPlain>(plan, point, poses, masks, &out);
      ++counts[drop];
      if (drop != ap::kKept) continue;
      xyz[3 * kept] = out.x;
      xyz[3 * kept + 1] = out.y;
      xyz[3 * kept + 2] = out.z;
      intensity[kept] = out.intensity;
      time[kept] = out.time;
      ring[kept++] = out.ring;
    }
  }
}

}  // namespace

AP_API int32_t ap_unpack(const uint8_t* data, const int32_t* layout, const double* scales, const float* base,
                         const float* limits, const float* poses, const float* masks, float* xyz, float* intensity,
                         float* time, uint16_t* ring, int32_t* counts, int32_t n_poses, int32_t n_masks,
                         int32_t n_edges, void*) {
  const ap::UnpackPlan plan = ap::unpack_plan(layout, scales, base, limits, n_poses, n_masks, n_edges);
  if (plan.n < 0 || plan.width < 1 || n_poses < 1 || n_masks < 0 || n_edges < 0) return -1;
  for (int i = 0; i < ap::kDropReasons; ++i) counts[i] = 0;
  (ap::is_plain(plan) ? run<true> : run<false>)(plan, data, poses, masks, xyz, intensity, time, ring, counts);
  return 0;
}
