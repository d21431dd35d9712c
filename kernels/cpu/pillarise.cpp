#include "pillarise.cuh"

AP_API int32_t ap_pillarise(const float* xyz, const float* intensity, const int32_t* order, const int32_t* starts,
                            float* features, int32_t* coords, int32_t* counts, int32_t* totals, float x0, float y0,
                            float inv_res, int32_t nx, int32_t ny, int32_t max_pillars, int32_t max_points, void*) {
  if (nx <= 0 || ny <= 0 || max_pillars <= 0 || max_points <= 0) return -1;
  const ap::CellGrid grid{x0, y0, inv_res, nx, ny};
  int32_t total = 0;
  for (int32_t c = 0; c < nx * ny; ++c) total += starts[c + 1] > starts[c];
  int32_t r = 0;
  for (int32_t c = 0; c < nx * ny; ++c) {
    if (starts[c + 1] == starts[c]) continue;
    if (ap::keeps_pillar(r, total, max_pillars))
      ap::fill_pillar(xyz, intensity, order, starts[c], starts[c + 1], c, grid, max_points,
                      ap::pillar_slot(r, total, max_pillars), features, coords, counts);
    ++r;
  }
  const int32_t kept = total < max_pillars ? total : max_pillars;
  for (int32_t s = kept; s < max_pillars; ++s) ap::clear_pillar(max_points, s, features, coords, counts);
  totals[0] = kept;
  totals[1] = total;
  return 0;
}
