#include "cells.cuh"

#include <vector>

AP_API int32_t ap_cell_ids(const ap::CellIdsArgs& args, void*) {
  const ap::CellIdsArgs a = args;
  if (a.p.grid.nx <= 0 || a.p.grid.ny <= 0) return ap::kEmptyGrid;
  for (int32_t i = 0; i < a.p.n; ++i) a.ids[i] = ap::cell_id(a.xyz + 3 * static_cast<int64_t>(i), a.p.grid);
  return 0;
}

// Stable counting sort: order[starts[c] .. starts[c + 1]) are the points of cell c in their own order.
AP_API int32_t ap_cell_index(const ap::CellIndexArgs& args, void*) {
  const ap::CellIndexArgs a = args;
  const int32_t n = a.p.n, n_cells = a.p.n_cells, *ids = a.ids;
  int32_t *order = a.order, *starts = a.starts;
  if (n_cells <= 0) return ap::kEmptyGrid;
  for (int32_t c = 0; c <= n_cells; ++c) starts[c] = 0;
  for (int32_t i = 0; i < n; ++i)
    if (ids[i] >= 0 && ids[i] < n_cells) ++starts[ids[i]];
  int32_t total = 0;
  for (int32_t c = 0; c <= n_cells; ++c) {
    total += starts[c];
    starts[c] = total;  // one past the end: the backward pass below turns it into the start
  }
  for (int32_t i = n - 1; i >= 0; --i)
    if (ids[i] >= 0 && ids[i] < n_cells) order[--starts[ids[i]]] = i;
  for (int32_t i = total; i < n; ++i) order[i] = -1;
  return 0;
}

// Adding in point order is adding in interval order: the same sums as the GPU's, without the sort.
AP_API int32_t ap_cell_stats(const ap::CellStatsArgs& args, void*) {
  const ap::CellStatsArgs a = args;
  const int32_t n_cells = a.p.n_cells, stride = a.p.stride, *ids = a.ids;
  if (n_cells <= 0) return ap::kEmptyGrid;
  auto& sums = ap::kept<std::vector<ap::CellSums>>();
  sums.assign(n_cells, ap::CellSums{});
  for (int32_t i = 0; i < a.p.n; ++i)
    if (ids[i] >= 0 && ids[i] < n_cells) ap::add_value(&sums[ids[i]], a.values[static_cast<int64_t>(i) * stride + stride - 1]);
  for (int32_t c = 0; c < n_cells; ++c) ap::store_stats(sums[c], c, a.count, a.low, a.high, a.mean, a.variance);
  return 0;
}
