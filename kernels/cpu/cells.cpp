#include "cells.cuh"

#include <vector>

AP_API int32_t ap_cell_ids(const float* xyz, int32_t* ids, int32_t n, float x0, float y0, float inv_res, int32_t nx,
                           int32_t ny, void*) {
  if (n < 0 || nx <= 0 || ny <= 0) return -1;
  const ap::CellGrid grid{x0, y0, inv_res, nx, ny};
  for (int32_t i = 0; i < n; ++i) ids[i] = ap::cell_id(xyz + 3 * static_cast<int64_t>(i), grid);
  return 0;
}

// Stable counting sort: order[starts[c] .. starts[c + 1]) are the points of cell c in their own order.
AP_API int32_t ap_cell_index(const int32_t* ids, int32_t* order, int32_t* starts, int32_t n, int32_t n_cells, void*) {
  if (n < 0 || n_cells <= 0) return -1;
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
AP_API int32_t ap_cell_stats(const float* values, const int32_t* ids, int32_t* count, float* low, float* high, float* mean,
                             float* variance, int32_t n, int32_t stride, int32_t n_cells, void*) {
  if (n < 0 || n_cells <= 0 || stride <= 0) return -1;
  auto& sums = ap::kept<std::vector<ap::CellSums>>();
  sums.assign(n_cells, ap::CellSums{});
  for (int32_t i = 0; i < n; ++i)
    if (ids[i] >= 0 && ids[i] < n_cells) ap::add_value(&sums[ids[i]], values[static_cast<int64_t>(i) * stride]);
  for (int32_t c = 0; c < n_cells; ++c) ap::store_stats(sums[c], c, count, low, high, mean, variance);
  return 0;
}
