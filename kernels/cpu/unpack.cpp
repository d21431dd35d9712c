#include <omp.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "unpack.cuh"
#include "spread.h"

namespace {

constexpr int32_t kPart = 16384;  // points below which another thread is not worth its start

struct Columns {
  float *xyz, *intensity, *time;
  uint16_t* ring;
};

struct Part {
  int32_t begin, kept;
  int32_t counts[ap::kDropReasons];
};

// Points [part.begin, end) of the message; what is kept is written from row part.begin on.
template <bool kPlain>
void run(const ap::UnpackParams& plan, const uint8_t* data, const float* poses, const float* masks, const Columns& c,
         int32_t end, Part& part) {
  int32_t at = part.begin;
  for (int32_t i = part.begin; i < end;) {
    const uint8_t* point = ap::point_at(plan, data, i);
    const int32_t row_end = std::min(end, i - i % plan.width + plan.width);
    for (; i < row_end; ++i, point += plan.point_step) {
      ap::UnpackedPoint out;
      const ap::Drop drop = ap::unpack_point<kPlain>(plan, point, poses, masks, &out);
      ++part.counts[drop];
      if (drop != ap::kKept) continue;
      c.xyz[3 * static_cast<int64_t>(at)] = out.x;
      c.xyz[3 * static_cast<int64_t>(at) + 1] = out.y;
      c.xyz[3 * static_cast<int64_t>(at) + 2] = out.z;
      c.intensity[at] = out.intensity;
      c.time[at] = out.time;
      c.ring[at++] = out.ring;
    }
  }
  part.kept = at - part.begin;
}

// Rows [from, from + n) move up to row `to`.
void close_gap(const Columns& c, int64_t to, int64_t from, int64_t n) {
  if (to == from || n == 0) return;
  std::memmove(c.xyz + 3 * to, c.xyz + 3 * from, 3 * n * sizeof(float));
  std::memmove(c.intensity + to, c.intensity + from, n * sizeof(float));
  std::memmove(c.time + to, c.time + from, n * sizeof(float));
  std::memmove(c.ring + to, c.ring + from, n * sizeof(uint16_t));
}

}  // namespace

AP_API int32_t ap_unpack(const ap::UnpackArgs& args, void*) {
  const ap::UnpackArgs a = args;
  const ap::UnpackParams& plan = a.p;
  if (const int32_t why = ap::refused(plan)) return why;
  const Columns c{a.xyz, a.intensity, a.time, a.ring};
  const int32_t n_parts = std::clamp(plan.n / kPart, 1, omp_get_max_threads());
  std::vector<Part> parts(n_parts, Part{});
  const ap::Spread spread;
#pragma omp parallel for schedule(static, 1) if (n_parts > 1)
  for (int32_t p = 0; p < n_parts; ++p) {
    parts[p].begin = static_cast<int32_t>(static_cast<int64_t>(plan.n) * p / n_parts);
    const int32_t end = static_cast<int32_t>(static_cast<int64_t>(plan.n) * (p + 1) / n_parts);
    (ap::is_plain(plan) ? run<true> : run<false>)(plan, a.data, a.poses, a.masks, c, end, parts[p]);
  }
  for (int i = 0; i < ap::kDropReasons; ++i) a.counts[i] = 0;
  for (const Part& part : parts) {
    close_gap(c, a.counts[ap::kKept], part.begin, part.kept);
    for (int i = 0; i < ap::kDropReasons; ++i) a.counts[i] += part.counts[i];
  }
  return 0;
}
