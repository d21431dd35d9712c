// CPU launchers of freespace.cuh: serial counting sort by sector, then by range within a sector. Threads share the
// sectors in small pieces; the largest free value of a cell wins, whoever found it.
#include <algorithm>
#include <vector>

#include "freespace.cuh"

namespace {

// Largest elevation step [rad] that still counts as neighbouring beams, per elevation bin: `factor` times the
// median step seen in every eighth sector, the smallest of three neighbouring bins (a gap that all sectors share must
// not pass for the beam spacing). Bins without evidence take the nearest one below that has some.
void beam_gaps(const std::vector<uint64_t>& keys, const std::vector<int32_t>& first, const float* xyz, float oz, float factor,
               float* gaps) {
  std::vector<std::vector<float>> steps(ap::kElevationBins);
  for (size_t s = 0; s + 1 < first.size(); s += 8) {
    float last = -10.0f;
    for (int32_t k = first[s]; k < first[s + 1]; ++k) {
      const float dz = xyz[3 * static_cast<int64_t>(ap::key_index(keys[k])) + 2] - oz;
      const float e = ap::atan2_approx(dz, ap::key_range(keys[k]));
      const float step = e - last;
      if (step > 0.0015f && step < 0.1f) steps[ap::elevation_bin(e)].push_back(step);
      if (step > 0.0015f || step < 0.0f) last = e;
    }
  }
  float last = 0.03f, own[ap::kElevationBins];
  for (int b = 0; b < ap::kElevationBins; ++b) {
    auto& v = steps[b];
    if (v.size() >= 8) {
      std::nth_element(v.begin(), v.begin() + v.size() / 2, v.end());
      last = factor * v[v.size() / 2];
    }
    own[b] = last;
  }
  for (int b = 0; b < ap::kElevationBins; ++b) gaps[b] = ap::smallest_of_three(own, b);
}

void mark(int32_t cell, uint8_t value, uint8_t* free) {
  if (cell >= 0 && free[cell] < value) free[cell] = value;
}

}  // namespace

AP_API int32_t ap_freespace(const float* xyz, const uint8_t* label, int32_t* hits, uint8_t* free, uint8_t* shadow, int32_t n, float ox, float oy,
                            float oz, float shift_x, float shift_y, float inv_res, int32_t nx, int32_t ny, int32_t n_azimuth,
                            float max_range, float slope_tolerance, float gap_factor, float gap_floor, float max_gap, float shadow_length, float beam_factor, void*) {
  if (n < 0 || nx <= 0 || ny <= 0 || n_azimuth <= 0) return -1;
  const ap::FreeSpaceParams c{ox, oy, oz, shift_x, shift_y, inv_res, nx, ny, n_azimuth, max_range, slope_tolerance, gap_factor, gap_floor, max_gap, shadow_length};
  // Sector of the returns that free or hide ground, -1 of the others; their ranges.
  std::vector<int32_t> sector_of(n);
  std::vector<float> range(n);
#pragma omp parallel for schedule(static)
  for (int32_t i = 0; i < n; ++i) {
    const ap::Polar p = ap::polar_of(xyz + 3 * static_cast<int64_t>(i), c);
    sector_of[i] = ap::takes_part(label[i], p.range) && !(p.range > max_range) ? p.sector : -1;
    range[i] = p.range;
  }
  std::vector<int32_t> first(n_azimuth + 1, 0);
  for (int32_t i = 0; i < n; ++i) {
    if (!ap::takes_part(label[i], range[i])) continue;
    const float* p = xyz + 3 * static_cast<int64_t>(i);
    const int32_t cell = ap::grid_cell(p[0], p[1], c);
    if (cell >= 0 && label[i] == ap::kObstacle) ++hits[cell];
    if (sector_of[i] < 0) continue;  // beyond the range nothing is freed or hidden
    if (ap::is_ground_like(label[i])) mark(cell, label[i] == ap::kGround ? 2 : 1, free);
    ++first[sector_of[i] + 1];
  }
  for (int32_t s = 0; s < n_azimuth; ++s) first[s + 1] += first[s];
  std::vector<uint64_t> keys(first[n_azimuth]);
  std::vector<int32_t> at(first.begin(), first.end() - 1);
  for (int32_t i = 0; i < n; ++i)
    if (sector_of[i] >= 0) keys[at[sector_of[i]]++] = ap::range_key(range[i], i);
#pragma omp parallel for schedule(dynamic, 32)
  for (int32_t s = 0; s < n_azimuth; ++s) std::sort(keys.begin() + first[s], keys.begin() + first[s + 1]);
  float gaps[ap::kElevationBins];
  beam_gaps(keys, first, xyz, oz, beam_factor, gaps);
#pragma omp parallel
  {
    const size_t cells = static_cast<size_t>(nx) * ny;
    std::vector<uint8_t> own(cells, 0), hidden(cells, 0);  // threads must not overwrite each other's larger values
#pragma omp for schedule(dynamic, 32)
    for (int32_t s = 0; s < n_azimuth; ++s) {
      const uint64_t* sector = keys.data() + first[s];
      const int count = first[s + 1] - first[s];
      for (int k = 0; k < count; ++k) {
        const float length = ap::shadow_behind(sector, k, count, label, c);
        const float* p = xyz + 3 * static_cast<int64_t>(ap::key_index(sector[k]));
        for (int t = 1; t <= static_cast<int>(2.0f * length * inv_res); ++t)
          mark(ap::shadow_cell(p, ap::key_range(sector[k]), t, c), 1, hidden.data());
      }
      for (int k = 0; k + 1 < count; ++k) {
        const uint8_t value = ap::interval_value(sector, k, label, xyz, gaps, c);
        if (!value) continue;
        const float* a = xyz + 3 * static_cast<int64_t>(ap::key_index(sector[k]));
        const float* b = xyz + 3 * static_cast<int64_t>(ap::key_index(sector[k + 1]));
        const int steps = ap::interval_steps(a, b, c);
        for (int t = 1; t < steps; ++t) mark(ap::interval_cell(a, b, t, steps, c), value, own.data());
      }
    }
#pragma omp critical
    for (size_t k = 0; k < cells; ++k) {
      free[k] = std::max(free[k], own[k]);
      shadow[k] = std::max(shadow[k], hidden[k]);
    }
  }
  return 0;
}

AP_API int32_t ap_log_odds(float* log_odds, const int32_t* hits, const uint8_t* free, const float* lethal, int8_t* wire, int32_t n,
                           float fade, float fade_free, float hit, float miss, float clamp, float clamp_free, float unknown_below, void*) {
  if (n < 0) return -1;
  const ap::LogOddsParams c{fade, fade_free, hit, miss, clamp, clamp_free, unknown_below};
  for (int32_t i = 0; i < n; ++i) {
    log_odds[i] = ap::log_odds_cell(log_odds[i], hits[i], free[i], lethal ? lethal[i] : 0.0f, c);
    wire[i] = ap::wire_of(log_odds[i], c.unknown_below);
  }
  return 0;
}
