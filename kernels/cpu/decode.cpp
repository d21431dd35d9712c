// CPU launcher of decode.cuh.
#include "decode.cuh"

#include <algorithm>
#include <cstring>
#include <vector>

namespace {

struct Found {
  std::vector<uint64_t> keys;
  std::vector<float> rows;
  std::vector<uint8_t> gone;
};

}  // namespace

AP_API int32_t ap_decode_boxes(const ap::DecodeBoxesArgs& args, void*) {
  const ap::DecodeBoxesArgs a = args;
  if (const int32_t why = ap::refused(a.p)) return why;
  const int32_t area = a.p.grid.nx * a.p.grid.ny, classes = a.p.classes, room = a.p.room;
  auto& s = ap::kept<Found>();
  s.keys.clear();
  for (int32_t k = 0; k < classes; ++k) {
    const float *heat = a.heat + static_cast<int64_t>(k) * area, sharpness = a.sharpness[k], least = a.p.min_logit;
    for (int32_t c = 0; c < area; ++c)
      if (heat[c] * sharpness >= least && ap::is_peak(a, k, c)) s.keys.push_back(ap::peak_key(heat[c] * sharpness, static_cast<uint32_t>(k * area + c)));
  }
  const int32_t peaks = static_cast<int32_t>(s.keys.size()), n = std::min(peaks, room);
  std::partial_sort(s.keys.begin(), s.keys.begin() + n, s.keys.end());
  s.rows.resize(static_cast<size_t>(n) * ap::kRow);
  s.gone.assign(n, 0);
  int32_t used = 0;
  for (int32_t i = 0; i < n; ++i) ap::box_row(a, static_cast<int32_t>(ap::key_peak(s.keys[i]) % area), &s.rows[static_cast<size_t>(i) * ap::kRow]);
  for (int32_t i = 0; i < n; ++i) {
    if (s.gone[i]) continue;
    const float* own = &s.rows[static_cast<size_t>(i) * ap::kRow];
    const int32_t k = static_cast<int32_t>(ap::key_peak(s.keys[i]) / area), cell = static_cast<int32_t>(ap::key_peak(s.keys[i]) % area);
    for (int32_t j = i + 1; j < n; ++j)
      if (!s.gone[j] && ap::suppresses(a, own, k, &s.rows[static_cast<size_t>(j) * ap::kRow], static_cast<int32_t>(ap::key_peak(s.keys[j]) / area)))
        s.gone[j] = 1;
    std::memcpy(a.rows + static_cast<int64_t>(used) * ap::kRow, own, sizeof(float) * ap::kRow);
    for (int32_t m = 0; m < classes; ++m) a.scores[static_cast<int64_t>(used) * classes + m] = ap::class_score(a, m, cell);
    a.labels[used++] = k;
  }
  for (int32_t r = used; r < room; ++r) ap::clear_row(a, r);
  a.totals[0] = used;
  a.totals[1] = peaks;
  return 0;
}
