// CPU launchers of freespace.cuh: serial counting sort by sector, then by range within a sector. Threads share the
// sectors in small pieces; the largest free value of a cell wins, whoever found it.
#include <algorithm>
#include <vector>

#include "freespace.cuh"
#include "spread.h"

namespace {

using ap::FreespaceParams;

// Returns in the order of sectors and, within one, of range: arrays, so that neighbours lie side by side.
struct Sorted {
  std::vector<int32_t> sector, cell, first, at;  // of the points: sector (-1: frees and hides nothing) and cell
  std::vector<float> range;
  std::vector<uint64_t> keys;
  std::vector<float> ranges, heights, elevations;  // of the sorted returns
  std::vector<uint8_t> labels;
  std::vector<std::vector<float>> steps;
};

// One sector of them, as the functions of freespace.cuh want it.
struct Returns {
  const Sorted& s;
  int32_t first;

  float range(int k) const { return s.ranges[first + k]; }
  float dz(int k) const { return s.heights[first + k]; }
  float elevation(int k) const { return s.elevations[first + k]; }
  uint8_t label(int k) const { return s.labels[first + k]; }
};

// Coordinates and labels of a block of points side by side: over them the loops below become vector loops.
struct Block {
  static constexpr int32_t kSize = 1024;
  float x[kSize], y[kSize];
  int32_t part[kSize];
};

void place_block(const float* xyz, const uint8_t* label, int32_t begin, int32_t count, const FreespaceParams& c, Sorted& s) {
  Block b;
  for (int32_t i = 0; i < count; ++i) {
    const float* p = xyz + 3 * static_cast<int64_t>(begin + i);
    b.x[i] = p[0], b.y[i] = p[1];
    b.part[i] = ap::takes_part(label[begin + i], 0.0f);
  }
  int32_t *sector = s.sector.data() + begin, *cell = s.cell.data() + begin;
  float* range = s.range.data() + begin;
  for (int32_t i = 0; i < count; ++i) {
    const float p[3] = {b.x[i], b.y[i], 0.0f};
    const ap::Polar q = ap::polar_of(p, c);
    const bool part = (b.part[i] != 0) & (q.range < ap::kFarthest);
    sector[i] = part & (q.range <= c.max_range) ? q.sector : -1;
    cell[i] = part ? ap::grid_cell(b.x[i], b.y[i], c) : -1;
    range[i] = q.range;
  }
}

void place_points(const float* xyz, const uint8_t* label, int32_t n, const FreespaceParams& c, Sorted& s) {
  s.sector.resize(n), s.cell.resize(n), s.range.resize(n);
#pragma omp parallel for schedule(static)
  for (int32_t i = 0; i < n; i += Block::kSize) place_block(xyz, label, i, std::min(Block::kSize, n - i), c, s);
}

void mark(int32_t cell, uint8_t value, uint8_t* free) {
  if (cell >= 0 && free[cell] < value) free[cell] = value;
}

// What the points say of their own cells, and the number of returns in each sector.
void mark_points(const uint8_t* label, int32_t* hits, uint8_t* free, int32_t n, Sorted& s) {
  for (int32_t i = 0; i < n; ++i) {
    const int32_t cell = s.cell[i];
    if (cell >= 0 && label[i] == ap::kObstacle) ++hits[cell];
    if (s.sector[i] < 0) continue;  // beyond the range nothing is freed or hidden
    if (ap::is_ground_like(label[i])) mark(cell, label[i] == ap::kGround ? 2 : 1, free);
    ++s.first[s.sector[i] + 1];
  }
}

// Sorts the keys of a sector. A lidar sends its beams from top to bottom or from bottom to top, so that they are nearly in order,
// one way or the other: few exchanges are needed then. Where they are not (several lidars, no beams), the library sorts.
void sort_sector(uint64_t* begin, uint64_t* end) {
  constexpr int64_t kMovesPerKey = 16;
  if (end - begin > 1 && *begin > *(end - 1)) std::reverse(begin, end);
  int64_t left = kMovesPerKey * (end - begin);
  for (uint64_t* k = begin + 1; k < end; ++k) {
    if (left < 0) return std::sort(begin, end);
    const uint64_t key = *k;
    uint64_t* to = k;
    for (; to > begin && to[-1] > key; --to) *to = to[-1];
    *to = key;
    left -= k - to;
  }
}

void sort_returns(const float* xyz, const uint8_t* label, int32_t n, int32_t n_azimuth, float oz, Sorted& s) {
  for (int32_t k = 0; k < n_azimuth; ++k) s.first[k + 1] += s.first[k];
  const int32_t m = s.first[n_azimuth];
  s.keys.resize(m), s.ranges.resize(m), s.heights.resize(m), s.elevations.resize(m), s.labels.resize(m);
  s.at.assign(s.first.begin(), s.first.end() - 1);
  for (int32_t i = 0; i < n; ++i)
    if (s.sector[i] >= 0) s.keys[s.at[s.sector[i]]++] = ap::range_key(s.range[i], i);
#pragma omp parallel for schedule(dynamic, 32)
  for (int32_t a = 0; a < n_azimuth; ++a) {
    sort_sector(s.keys.data() + s.first[a], s.keys.data() + s.first[a + 1]);
    for (int32_t k = s.first[a]; k < s.first[a + 1]; ++k) {
      const int32_t i = ap::key_index(s.keys[k]);
      s.ranges[k] = ap::key_range(s.keys[k]);
      s.heights[k] = xyz[3 * static_cast<int64_t>(i) + 2] - oz;
      s.labels[k] = label[i];
    }
    for (int32_t k = s.first[a]; k < s.first[a + 1]; ++k) s.elevations[k] = ap::atan2_approx(s.heights[k], s.ranges[k]);
  }
}

// Largest elevation step [rad] that still counts as neighbouring beams, per elevation bin: `factor` times the
// median step seen in every eighth sector, the smallest of three neighbouring bins (a gap that all sectors share must
// not pass for the beam spacing). Bins without evidence take the nearest one below that has some.
void beam_gaps(Sorted& s, float factor, float* gaps) {
  s.steps.resize(ap::kElevationBins);
  for (auto& v : s.steps) v.clear();
  for (size_t a = 0; a + 1 < s.first.size(); a += 8) {
    float last = -10.0f;
    for (int32_t k = s.first[a]; k < s.first[a + 1]; ++k) {
      const float e = s.elevations[k], step = e - last;
      if (step > 0.0015f && step < 0.1f) s.steps[ap::elevation_bin(e)].push_back(step);
      if (step > 0.0015f || step < 0.0f) last = e;
    }
  }
  float last = 0.03f, own[ap::kElevationBins];
  for (int b = 0; b < ap::kElevationBins; ++b) {
    auto& v = s.steps[b];
    if (v.size() >= 8) {
      std::nth_element(v.begin(), v.begin() + v.size() / 2, v.end());
      last = factor * v[v.size() / 2];
    }
    own[b] = last;
  }
  for (int b = 0; b < ap::kElevationBins; ++b) gaps[b] = ap::smallest_of_three(own, b);
}

// Cells that one sector frees and hides.
void mark_sector(const float* xyz, int32_t a, const float* gaps, const FreespaceParams& c, const Sorted& s, uint8_t* free, uint8_t* hidden) {
  const Returns sector{s, s.first[a]};
  const int count = s.first[a + 1] - s.first[a];
  const auto point = [&](int k) { return xyz + 3 * static_cast<int64_t>(ap::key_index(s.keys[s.first[a] + k])); };
  for (int k = 0; k < count; ++k) {
    const int reach = static_cast<int>(2.0f * ap::shadow_behind(sector, k, count, c) * c.inv_res);
    for (int t = 1; t <= reach; ++t) mark(ap::shadow_cell(point(k), sector.range(k), t, c), 1, hidden);
    const uint8_t value = k + 1 < count ? ap::interval_value(sector, k, gaps, c) : 0;
    if (!value) continue;
    const int steps = ap::interval_steps(point(k), point(k + 1), c);
    for (int t = 1; t < steps; ++t) mark(ap::interval_cell(point(k), point(k + 1), t, steps, c), value, free);
  }
}

}  // namespace

AP_API int32_t ap_freespace(const ap::FreespaceArgs& args, void*) {
  const ap::FreespaceArgs a = args;
  const FreespaceParams& c = a.p;
  if (const int32_t why = ap::refused(c)) return why;
  Sorted& s = ap::kept<Sorted>();
  const ap::Spread spread;
  s.first.assign(c.n_azimuth + 1, 0);
  place_points(a.xyz, a.label, c.n, c, s);
  mark_points(a.label, a.hits, a.free, c.n, s);
  sort_returns(a.xyz, a.label, c.n, c.n_azimuth, c.oz, s);
  float gaps[ap::kElevationBins];
  beam_gaps(s, c.beam_factor, gaps);
#pragma omp parallel
  {
    const size_t cells = static_cast<size_t>(c.nx) * c.ny;
    std::vector<uint8_t> own(cells, 0), hidden(cells, 0);  // threads must not overwrite each other's larger values
#pragma omp for schedule(dynamic, 32)
    for (int32_t k = 0; k < c.n_azimuth; ++k) mark_sector(a.xyz, k, gaps, c, s, own.data(), hidden.data());
#pragma omp critical
    for (size_t k = 0; k < cells; ++k) {
      a.free[k] = std::max(a.free[k], own[k]);
      a.shadow[k] = std::max(a.shadow[k], hidden[k]);
    }
  }
  return 0;
}

AP_API int32_t ap_log_odds(const ap::LogOddsArgs& args, void*) {
  const ap::LogOddsArgs a = args;
  const int64_t n = static_cast<int64_t>(a.p.nx) * a.p.ny;
  for (int64_t i = 0; i < n; ++i) {
    a.log_odds[i] = ap::log_odds_cell(a.log_odds[i], a.hits[i], a.free[i], a.lethal ? a.lethal[i] : 0.0f, a.p);
    a.wire[i] = ap::wire_of(a.log_odds[i], a.p.unknown_below);
  }
  return 0;
}
