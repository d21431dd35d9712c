// All pointers are device memory. A stable sort groups the points; one thread then walks one cell in point order.
#include "cells.cuh"

#include "cuda/device.cuh"

namespace {

__global__ void id_kernel(const float* xyz, int32_t* ids, int32_t n, ap::CellGrid grid) {
  const int64_t i = ap::thread_index();
  if (i < n) ids[i] = ap::cell_id(xyz + 3 * i, grid);
}

__global__ void key_kernel(const int32_t* ids, uint64_t* keys, int32_t n, int32_t n_cells) {
  const int64_t i = ap::thread_index();
  if (i >= n) return;
  const bool in = ids[i] >= 0 && ids[i] < n_cells;
  keys[i] = static_cast<uint64_t>(in ? ids[i] : n_cells) << 32 | static_cast<uint64_t>(i);
}

__global__ void start_kernel(const uint64_t* keys, int32_t* starts, int32_t n, int32_t n_cells) {
  const int64_t c = ap::thread_index();
  if (c > n_cells) return;
  int32_t low = 0, high = n;  // first key of cell c or later
  while (low < high) {
    const int32_t mid = low + (high - low) / 2;
    if (static_cast<int64_t>(keys[mid] >> 32) < c) low = mid + 1;
    else high = mid;
  }
  starts[c] = low;
}

__global__ void order_kernel(const uint64_t* keys, int32_t* order, int32_t n, int32_t n_cells) {
  const int64_t i = ap::thread_index();
  if (i < n) order[i] = static_cast<int32_t>(keys[i] >> 32) < n_cells ? static_cast<int32_t>(keys[i] & 0xffffffffu) : -1;
}

__global__ void stats_kernel(const float* values, const uint64_t* keys, const int32_t* starts, int32_t* count, float* low, float* high,
                             float* mean, float* variance, int32_t stride, int32_t n_cells) {
  const int64_t c = ap::thread_index();
  if (c >= n_cells) return;
  ap::CellSums sums{};
  for (int32_t k = starts[c]; k < starts[c + 1]; ++k)
    ap::add_value(&sums, values[static_cast<int64_t>(keys[k] & 0xffffffffu) * stride + stride - 1]);
  ap::store_stats(sums, static_cast<int32_t>(c), count, low, high, mean, variance);
}

// Sorted (cell, point) keys in scratch; null without room. Bits 32.. hold the cell, so the sort keeps point order.
uint64_t* group(const int32_t* ids, int32_t n, int32_t n_cells, int32_t** starts, cudaStream_t s) {
  ap::Pieces room;
  const size_t keys = room.add<uint64_t>(n), sorted = room.add<uint64_t>(n), temp = room.add<char>(ap::sort_bytes(n)),
               own = room.add<int32_t>(n_cells + 1);
  if (!room.get(s)) return nullptr;
  if (!*starts) *starts = room.at<int32_t>(own);
  int bits = 1;
  while (n_cells >> bits) ++bits;
  auto* out = room.at<uint64_t>(sorted);
  if (n > 0) {
    key_kernel<<<ap::blocks(n), ap::kThreads, 0, s>>>(ids, room.at<uint64_t>(keys), n, n_cells);
    ap::sort_keys(room.at<void>(temp), room.at<uint64_t>(keys), out, n, 32, 32 + bits, s);
  }
  start_kernel<<<ap::blocks(n_cells + 1), ap::kThreads, 0, s>>>(out, *starts, n, n_cells);
  return out;
}

}  // namespace

AP_API int32_t ap_cell_ids(const ap::CellIdsArgs& a, void* stream) {
  if (a.p.grid.nx <= 0 || a.p.grid.ny <= 0) return ap::kEmptyGrid;
  if (a.p.n > 0) id_kernel<<<ap::blocks(a.p.n), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a.xyz, a.ids, a.p.n, a.p.grid);
  return ap::launched();
}

AP_API int32_t ap_cell_index(const ap::CellIndexArgs& a, void* stream) {
  const int32_t n = a.p.n, n_cells = a.p.n_cells;
  if (n_cells <= 0) return ap::kEmptyGrid;
  const auto s = static_cast<cudaStream_t>(stream);
  int32_t* starts = a.starts;
  const uint64_t* keys = group(a.ids, n, n_cells, &starts, s);
  if (!keys) return ap::no_room();
  if (n > 0) order_kernel<<<ap::blocks(n), ap::kThreads, 0, s>>>(keys, a.order, n, n_cells);
  return ap::launched();
}

AP_API int32_t ap_cell_stats(const ap::CellStatsArgs& a, void* stream) {
  const int32_t n_cells = a.p.n_cells;
  if (n_cells <= 0) return ap::kEmptyGrid;
  const auto s = static_cast<cudaStream_t>(stream);
  int32_t* starts = nullptr;
  const uint64_t* keys = group(a.ids, a.p.n, n_cells, &starts, s);
  if (!keys) return ap::no_room();
  stats_kernel<<<ap::blocks(n_cells), ap::kThreads, 0, s>>>(a.values, keys, starts, a.count, a.low, a.high, a.mean, a.variance, a.p.stride,
                                                            n_cells);
  return ap::launched();
}
