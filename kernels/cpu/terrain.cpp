// CPU launchers of the terrain map. Threads share loops whose turns write cells of their own, in small pieces: any
// number of threads gives the same map, and one that is not scheduled holds up little.
#include "terrain.cuh"
#include "terrain_layers.cuh"
#include "spread.h"

#include <algorithm>
#include <vector>

namespace {

struct Scratch {
  std::vector<float> padded, high, low;
};

// Highest and lowest known elevation per tile of `reach` x `reach` cells, with a rim of empty tiles; returns tiles per row.
int32_t tile_extremes(const float* elevation, const ap::TerrainDeriveParams& c, Scratch& s) {
  const int32_t tx = (c.nx + c.reach - 1) / c.reach + 2, ty = (c.ny + c.reach - 1) / c.reach + 2;
  s.high.assign(static_cast<size_t>(tx) * ty, -1e30f);
  s.low.assign(static_cast<size_t>(tx) * ty, 1e30f);
  for (int32_t iy = 0; iy < c.ny; ++iy)
    for (int32_t ix = 0; ix < c.nx; ++ix) {
      const float z = elevation[iy * c.nx + ix];
      const size_t t = static_cast<size_t>(iy / c.reach + 1) * tx + ix / c.reach + 1;
      if (z > s.high[t]) s.high[t] = z;
      if (z < s.low[t]) s.low[t] = z;
    }
  return tx;
}

// One side of all cells of a row, so that the loop over cells becomes vectors.
struct RowSides {
  std::vector<float> rise, steepest, at, next;
  void look(const ap::TerrainView& v, int32_t iy, int32_t dx, int32_t dy) {
    const int32_t nx = v.c.nx, width = nx + 2 * v.rim, stride = dy * width + dx;
    rise.assign(nx, 0.0f), steepest.assign(nx, 0.0f), at.assign(nx, 1.0f), next.assign(nx, 0.0f);
    const float* row = v.padded + (iy + v.rim) * width + v.rim;
    float *r = rise.data(), *s = steepest.data(), *a = at.data(), *n = next.data();
    for (int32_t k = v.c.reach; k >= 1; --k) {
      const float cells = static_cast<float>(k);
      const float* far = row + k * stride;
#pragma omp simd
      for (int32_t ix = 0; ix < nx; ++ix) {
        ap::SideScan scan{r[ix], s[ix], a[ix], n[ix]};
        ap::side_look(scan, far[ix] - row[ix], cells);
        r[ix] = scan.rise, s[ix] = scan.steepest, a[ix] = scan.at, n[ix] = scan.next;
      }
    }
  }
  ap::TerrainSide of(int32_t ix, float res, bool diagonal) const {
    return ap::side_of({rise[ix], steepest[ix], at[ix], next[ix]}, res, diagonal);
  }
};

struct RowScratch {
  RowSides before, after;
  std::vector<int32_t> cells;
};

// Looks for ditches and drops row by row, at the cells whose height and surroundings make them possible.
void find_pits(const ap::TerrainView& v, const float* elevation, uint16_t* pits, Scratch& s) {
  const ap::TerrainDeriveParams& c = v.c;
  const int32_t tx = tile_extremes(elevation, c, s);
  std::fill_n(pits, static_cast<int64_t>(c.nx) * c.ny, static_cast<uint16_t>(0));
#pragma omp parallel for schedule(dynamic, 8)
  for (int32_t iy = 0; iy < c.ny; ++iy) {
    auto& [before, after, cells] = ap::kept<RowScratch>();
    cells.clear();
    for (int32_t x0 = 0; x0 < c.nx; x0 += c.reach) {
      const int32_t t = (iy / c.reach + 1) * tx + x0 / c.reach + 1;
      if (s.high[t] < s.low[t]) continue;
      float high = -1e30f, low = 1e30f;
      for (int32_t j = -tx; j <= tx; j += tx)
        for (int32_t i = -1; i <= 1; ++i) {
          high = std::max(high, s.high[t + j + i]);
          low = std::min(low, s.low[t + j + i]);
        }
      for (int32_t ix = x0; ix < std::min(x0 + c.reach, c.nx); ++ix) {
        const float z = elevation[iy * c.nx + ix];
        if (z == z && ap::terrain_may_pit(z, z, high, low, c)) cells.push_back(ix);
      }
    }
    if (cells.empty()) continue;
    for (int k = 0; k < ap::kPitDirections; ++k) {
      int dx, dy;
      ap::pit_direction(k, &dx, &dy);
      const bool diagonal = dx != 0 && dy != 0;
      before.look(v, iy, -dx, -dy);
      after.look(v, iy, dx, dy);
      for (const int32_t ix : cells) {
        const uint8_t bits = ap::terrain_pit(v, ix, iy, dx, dy, before.of(ix, c.res, diagonal), after.of(ix, c.res, diagonal));
        pits[iy * c.nx + ix] = static_cast<uint16_t>(pits[iy * c.nx + ix] | bits << (4 * k));
      }
    }
  }
}

}  // namespace

AP_API int32_t ap_terrain_fuse(const ap::TerrainFuseArgs& args, void*) {
  const ap::TerrainFuseArgs a = args;
  const ap::TerrainFuseParams& c = a.p;
  if (c.nx < 1 || c.ny < 1) return ap::kEmptyGrid;
  auto* cells = reinterpret_cast<ap::TerrainSums*>(a.sums);
  std::fill_n(a.sums, 3 * static_cast<int64_t>(c.nx) * c.ny, 0);
  for (int32_t i = 0; i < c.n; ++i) {
    if (a.label[i] != 1) continue;
    const int32_t k = ap::terrain_cell(a.xyz + 3 * i, c);
    if (k < 0) continue;
    const int64_t z = ap::terrain_units(a.xyz[3 * i + 2]);
    ap::TerrainSums& s = cells[k];
    ++s.n;
    s.z += z;
    s.zz += z * z;
  }
  for (int32_t k = 0; k < c.nx * c.ny; ++k)
    ap::terrain_fuse(cells[k], k, a.slope[k], c, a.elevation, a.variance, a.spread, a.age);
  return 0;
}

AP_API int32_t ap_terrain_derive(const ap::TerrainDeriveArgs& args, void*) {
  const ap::TerrainDeriveArgs a = args;
  const ap::TerrainDeriveParams& c = a.p;
  const int32_t nx = c.nx, ny = c.ny;
  if (nx < 1 || ny < 1) return ap::kEmptyGrid;
  Scratch& s = ap::kept<Scratch>();
  const ap::Spread cores;
  const int32_t rim = ap::terrain_rim(c), cells = nx * ny;
  s.padded.resize(static_cast<size_t>(nx + 2 * rim) * (ny + 2 * rim));
  std::fill(s.padded.begin(), s.padded.end(), NAN);
  for (int32_t iy = 0; iy < ny; ++iy)
    std::copy_n(a.elevation + iy * nx, nx, &s.padded[static_cast<size_t>(iy + rim) * (nx + 2 * rim) + rim]);
  const ap::TerrainView v{s.padded.data(), a.variance, c, rim, tanf(c.max_slope)};
  find_pits(v, a.elevation, a.pits, s);
  std::fill_n(a.negative, cells, static_cast<uint8_t>(0));
  for (int32_t k = 0; k < cells; ++k) ap::terrain_negative(v, k, a.pits, a.negative);
#pragma omp parallel for schedule(dynamic, 2048)
  for (int32_t k = 0; k < cells; ++k)
    ap::terrain_derive(v, k, a.spread, a.negative, a.slope, a.step, a.roughness, a.traversability, a.lethal);
  return 0;
}
