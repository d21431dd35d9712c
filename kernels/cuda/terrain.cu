// CUDA launchers of the terrain map. All pointers are device memory; sums are integers, marks are only ever set.
#include "terrain.cuh"
#include "terrain_layers.cuh"

#include "cuda/device.cuh"

namespace {

__global__ void sum_kernel(const float* xyz, const uint8_t* label, int64_t* sums, int32_t n, ap::TerrainParams c) {
  const int64_t i = ap::thread_index();
  if (i >= n || label[i] != 1) return;
  const int32_t k = ap::terrain_cell(xyz + 3 * i, c);
  if (k < 0) return;
  const int64_t z = ap::terrain_units(xyz[3 * i + 2]);
  auto* cell = reinterpret_cast<unsigned long long*>(sums + 3 * static_cast<int64_t>(k));
  atomicAdd(cell, 1ull);
  atomicAdd(cell + 1, static_cast<unsigned long long>(z));
  atomicAdd(cell + 2, static_cast<unsigned long long>(z * z));
}

__global__ void fuse_kernel(const int64_t* sums, const float* slope, float* elevation, float* variance, float* spread, float* age,
                            ap::TerrainParams c) {
  const int64_t k = ap::thread_index();
  if (k >= static_cast<int64_t>(c.nx) * c.ny) return;
  const ap::TerrainSums s{sums[3 * k], sums[3 * k + 1], sums[3 * k + 2]};
  ap::terrain_fuse(s, static_cast<int>(k), slope[k], c, elevation, variance, spread, age);
}

__global__ void pad_kernel(const float* elevation, float* padded, int32_t rim, ap::TerrainLimits c) {
  const int64_t k = ap::thread_index();
  if (k < static_cast<int64_t>(c.nx + 2 * rim) * (c.ny + 2 * rim)) padded[k] = ap::terrain_padded(elevation, static_cast<int32_t>(k), rim, c);
}

__global__ void pit_kernel(ap::TerrainView v, uint16_t* pits, uint8_t* negative) {
  const int64_t k = ap::thread_index();
  if (k >= static_cast<int64_t>(v.c.nx) * v.c.ny) return;
  pits[k] = ap::terrain_pits(v, static_cast<int>(k));
  negative[k] = 0;
}

__global__ void negative_kernel(ap::TerrainView v, const uint16_t* pits, uint8_t* negative) {
  const int64_t k = ap::thread_index();
  if (k < static_cast<int64_t>(v.c.nx) * v.c.ny) ap::terrain_negative(v, static_cast<int>(k), pits, negative);
}

__global__ void derive_kernel(ap::TerrainView v, const float* spread, const uint8_t* negative, float* slope, float* step,
                              float* roughness, float* traversability, float* lethal) {
  const int64_t k = ap::thread_index();
  if (k < static_cast<int64_t>(v.c.nx) * v.c.ny)
    ap::terrain_derive(v, static_cast<int>(k), spread, negative, slope, step, roughness, traversability, lethal);
}

}  // namespace

AP_API int32_t ap_terrain_fuse(const float* xyz, const uint8_t* label, int64_t* sums, const float* slope, float* elevation,
                               float* variance, float* spread, float* age, int32_t n, float ox, float oy, float shift_x,
                               float shift_y, float anchor_z, float inv_res, int32_t nx, int32_t ny, float max_range,
                               float elapsed, void* stream) {
  if (n < 0 || nx < 1 || ny < 1) return -1;
  const auto s = static_cast<cudaStream_t>(stream);
  const ap::TerrainParams c{ox, oy, shift_x, shift_y, anchor_z, inv_res, nx, ny, max_range, elapsed};
  const int64_t cells = static_cast<int64_t>(nx) * ny;
  cudaMemsetAsync(sums, 0, 3 * cells * sizeof(int64_t), s);
  if (n > 0) sum_kernel<<<ap::blocks(n), ap::kThreads, 0, s>>>(xyz, label, sums, n, c);
  fuse_kernel<<<ap::blocks(cells), ap::kThreads, 0, s>>>(sums, slope, elevation, variance, spread, age, c);
  return ap::launched();
}

AP_API int32_t ap_terrain_derive(const float* elevation, const float* variance, const float* spread, uint16_t* pits,
                                 uint8_t* negative, float* slope, float* step, float* roughness, float* traversability, float* lethal, int32_t nx,
                                 int32_t ny, float vx, float vy, float res, float max_slope, float max_step, float clearance,
                                 int32_t half_base, int32_t reach, void* stream) {
  if (nx < 1 || ny < 1) return -1;
  const auto s = static_cast<cudaStream_t>(stream);
  const ap::TerrainLimits c{nx, ny, vx, vy, res, max_slope, tanf(max_slope), max_step, clearance, half_base, reach};
  const int32_t rim = ap::terrain_rim(c);
  const int64_t padded = static_cast<int64_t>(nx + 2 * rim) * (ny + 2 * rim);
  ap::Pieces room;
  const size_t at = room.add<float>(padded);
  if (!room.get(s)) return -2;
  pad_kernel<<<ap::blocks(padded), ap::kThreads, 0, s>>>(elevation, room.at<float>(at), rim, c);
  const ap::TerrainView v{room.at<float>(at), variance, c, rim};
  const int grid = ap::blocks(static_cast<int64_t>(nx) * ny);
  pit_kernel<<<grid, ap::kThreads, 0, s>>>(v, pits, negative);
  negative_kernel<<<grid, ap::kThreads, 0, s>>>(v, pits, negative);
  derive_kernel<<<grid, ap::kThreads, 0, s>>>(v, spread, negative, slope, step, roughness, traversability, lethal);
  return ap::launched();
}
