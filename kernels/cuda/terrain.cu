// CUDA launchers of the terrain map. All pointers are device memory; sums are integers, marks are only ever set.
#include "terrain.cuh"
#include "terrain_layers.cuh"

#include "cuda/device.cuh"

namespace {

__global__ void sum_kernel(const float* xyz, const uint8_t* label, int64_t* sums, int32_t n, ap::TerrainFuseParams c) {
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
                            ap::TerrainFuseParams c) {
  const int64_t k = ap::thread_index();
  if (k >= static_cast<int64_t>(c.nx) * c.ny) return;
  const ap::TerrainSums s{sums[3 * k], sums[3 * k + 1], sums[3 * k + 2]};
  ap::terrain_fuse(s, static_cast<int>(k), slope[k], c, elevation, variance, spread, age);
}

__global__ void pad_kernel(const float* elevation, float* padded, int32_t rim, ap::TerrainDeriveParams c) {
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

AP_API int32_t ap_terrain_fuse(const ap::TerrainFuseArgs& a, void* stream) {
  const ap::TerrainFuseParams& c = a.p;
  if (c.nx < 1 || c.ny < 1) return ap::kEmptyGrid;
  const auto s = static_cast<cudaStream_t>(stream);
  const int64_t cells = static_cast<int64_t>(c.nx) * c.ny;
  cudaMemsetAsync(a.sums, 0, 3 * cells * sizeof(int64_t), s);
  if (c.n > 0) sum_kernel<<<ap::blocks(c.n), ap::kThreads, 0, s>>>(a.xyz, a.label, a.sums, c.n, c);
  fuse_kernel<<<ap::blocks(cells), ap::kThreads, 0, s>>>(a.sums, a.slope, a.elevation, a.variance, a.spread, a.age, c);
  return ap::launched();
}

AP_API int32_t ap_terrain_derive(const ap::TerrainDeriveArgs& a, void* stream) {
  const ap::TerrainDeriveParams& c = a.p;
  const int32_t nx = c.nx, ny = c.ny;
  if (nx < 1 || ny < 1) return ap::kEmptyGrid;
  const auto s = static_cast<cudaStream_t>(stream);
  const int32_t rim = ap::terrain_rim(c);
  const int64_t padded = static_cast<int64_t>(nx + 2 * rim) * (ny + 2 * rim);
  ap::Pieces room;
  const size_t at = room.add<float>(padded);
  if (!room.get(s)) return ap::no_room();
  pad_kernel<<<ap::blocks(padded), ap::kThreads, 0, s>>>(a.elevation, room.at<float>(at), rim, c);
  const ap::TerrainView v{room.at<float>(at), a.variance, c, rim, tanf(c.max_slope)};
  const int grid = ap::blocks(static_cast<int64_t>(nx) * ny);
  pit_kernel<<<grid, ap::kThreads, 0, s>>>(v, a.pits, a.negative);
  negative_kernel<<<grid, ap::kThreads, 0, s>>>(v, a.pits, a.negative);
  derive_kernel<<<grid, ap::kThreads, 0, s>>>(v, a.spread, a.negative, a.slope, a.step, a.roughness, a.traversability, a.lethal);
  return ap::launched();
}
