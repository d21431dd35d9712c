// All pointers are device memory. Ranks of the occupied cells come from a scan; one thread fills one pillar.
#include "pillarise.cuh"

#include "cuda/device.cuh"

namespace {

__global__ void occupied_kernel(const int32_t* starts, int32_t* occupied, int32_t n_cells) {
  const int64_t c = ap::thread_index();
  if (c < n_cells) occupied[c] = starts[c + 1] > starts[c];
}

__global__ void fill_kernel(const float* xyz, const float* intensity, const int32_t* order, const int32_t* starts, const int32_t* rank,
                            const int32_t* total, float* features, int32_t* coords, int32_t* counts, ap::CellGrid grid,
                            int32_t max_pillars, int32_t max_points) {
  const int64_t c = ap::thread_index();
  if (c >= static_cast<int64_t>(grid.nx) * grid.ny || starts[c + 1] == starts[c] || !ap::keeps_pillar(rank[c], *total, max_pillars)) return;
  ap::fill_pillar(xyz, intensity, order, starts[c], starts[c + 1], static_cast<int32_t>(c), grid, max_points,
                  ap::pillar_slot(rank[c], *total, max_pillars), features, coords, counts);
}

__global__ void clear_kernel(const int32_t* total, float* features, int32_t* coords, int32_t* counts, int32_t* totals,
                             int32_t max_pillars, int32_t max_points) {
  const int64_t slot = ap::thread_index();
  const int32_t kept = *total < max_pillars ? *total : max_pillars;
  if (slot == 0) {
    totals[0] = kept;
    totals[1] = *total;
  }
  if (slot >= kept && slot < max_pillars) ap::clear_pillar(max_points, static_cast<int32_t>(slot), features, coords, counts);
}

}  // namespace

AP_API int32_t ap_pillarise(const ap::PillariseArgs& a, void* stream) {
  const ap::CellGrid& grid = a.p.grid;
  const int32_t n_cells = grid.nx * grid.ny, max_pillars = a.p.max_pillars, max_points = a.p.max_points;
  if (grid.nx <= 0 || grid.ny <= 0) return ap::kEmptyGrid;
  if (max_pillars <= 0 || max_points <= 0) return ap::kNoPillars;
  const auto s = static_cast<cudaStream_t>(stream);
  ap::Pieces room;
  const size_t ranks = room.add<int32_t>(n_cells), sum = room.add<int32_t>(1);
  if (!room.get(s)) return ap::no_room();
  auto* rank = room.at<int32_t>(ranks);
  auto* total = room.at<int32_t>(sum);
  occupied_kernel<<<ap::blocks(n_cells), ap::kThreads, 0, s>>>(a.starts, rank, n_cells);
  ap::exclusive_scan(rank, n_cells, total, s);
  fill_kernel<<<ap::blocks(n_cells), ap::kThreads, 0, s>>>(a.xyz, a.intensity, a.order, a.starts, rank, total, a.features, a.coords,
                                                           a.counts, grid, max_pillars, max_points);
  clear_kernel<<<ap::blocks(max_pillars), ap::kThreads, 0, s>>>(total, a.features, a.coords, a.counts, a.totals, max_pillars, max_points);
  return ap::launched();
}
