#include "pillarise.cuh"

AP_API int32_t ap_pillarise(const ap::PillariseArgs& args, void*) {
  const ap::PillariseArgs a = args;
  const ap::CellGrid& grid = a.p.grid;
  const int32_t n_cells = grid.nx * grid.ny, max_pillars = a.p.max_pillars, max_points = a.p.max_points, *starts = a.starts;
  if (grid.nx <= 0 || grid.ny <= 0) return ap::kEmptyGrid;
  if (max_pillars <= 0 || max_points <= 0) return ap::kNoPillars;
  int32_t total = 0;
  for (int32_t c = 0; c < n_cells; ++c) total += starts[c + 1] > starts[c];
  int32_t r = 0;
  for (int32_t c = 0; c < n_cells; ++c) {
    if (starts[c + 1] == starts[c]) continue;
    if (ap::keeps_pillar(r, total, max_pillars))
      ap::fill_pillar(a.xyz, a.intensity, a.order, starts[c], starts[c + 1], c, grid, max_points,
                      ap::pillar_slot(r, total, max_pillars), a.features, a.coords, a.counts);
    ++r;
  }
  const int32_t kept = total < max_pillars ? total : max_pillars;
  for (int32_t s = kept; s < max_pillars; ++s) ap::clear_pillar(max_points, s, a.features, a.coords, a.counts);
  a.totals[0] = kept;
  a.totals[1] = total;
  return 0;
}
