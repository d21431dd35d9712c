// CPU launchers of the terrain map: one thread.
#include "terrain.cuh"

#include <algorithm>

// Fuses the ground returns of a sweep. sums (ny*nx,3) int64 is scratch; slope is that of the last derivation.
AP_API int32_t ap_terrain_fuse(const float* xyz, const uint8_t* label, int64_t* sums, const float* slope, float* elevation,
                               float* variance, float* spread, float* age, int32_t n, float ox, float oy, float shift_x,
                               float shift_y, float anchor_z, float inv_res, int32_t nx, int32_t ny, float max_range,
                               float elapsed, void*) {
  if (n < 0 || nx < 1 || ny < 1) return -1;
  const ap::TerrainParams c{ox, oy, shift_x, shift_y, anchor_z, inv_res, nx, ny, max_range, elapsed};
  auto* cells = reinterpret_cast<ap::TerrainSums*>(sums);
  std::fill_n(sums, 3 * static_cast<int64_t>(nx) * ny, 0);
  for (int32_t i = 0; i < n; ++i) {
    if (label[i] != 1) continue;
    const int32_t k = ap::terrain_cell(xyz + 3 * i, c);
    if (k < 0) continue;
    const int64_t z = ap::terrain_units(xyz[3 * i + 2]);
    ap::TerrainSums& s = cells[k];
    ++s.n;
    s.z += z;
    s.zz += z * z;
  }
  for (int32_t k = 0; k < nx * ny; ++k)
    ap::terrain_fuse(cells[k], k, slope[k], c, elevation, variance, spread, age);
  return 0;
}

// Derived layers from elevation and variance, all (ny,nx); pits is scratch, what follows it is written.
AP_API int32_t ap_terrain_derive(const float* elevation, const float* variance, const float* spread, uint16_t* pits,
                                 uint8_t* negative, float* slope, float* step, float* roughness, float* traversability, float* lethal, int32_t nx, int32_t ny,
                                 float vx, float vy, float res, float max_slope, float max_step, float clearance,
                                 int32_t half_base, int32_t reach, void*) {
  if (nx < 1 || ny < 1) return -1;
  const ap::TerrainLimits c{nx, ny, vx, vy, res, max_slope, max_step, clearance, half_base, reach};
  const ap::TerrainView v{elevation, variance, c};
  std::fill_n(negative, static_cast<int64_t>(nx) * ny, static_cast<uint8_t>(0));
  for (int32_t k = 0; k < nx * ny; ++k) pits[k] = ap::terrain_pits(v, k);
  for (int32_t k = 0; k < nx * ny; ++k) ap::terrain_negative(v, k, pits, negative);
  for (int32_t k = 0; k < nx * ny; ++k) ap::terrain_derive(v, k, spread, negative, slope, step, roughness, traversability, lethal);
  return 0;
}
