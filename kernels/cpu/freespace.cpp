// CPU launchers of freespace.cuh: serial counting sort by sector, then by range within a sector.
#include <algorithm>
#include <cstring>
#include <vector>

#include "freespace.cuh"

namespace {

struct Return {
  float range, dz;
  int32_t index;
};

// Typical elevation step [rad] between neighbouring beams per elevation bin of 1 degree, from the scan itself.
constexpr int kElevationBins = 181;

int elevation_bin(float e) { return std::clamp(static_cast<int>(e * 57.29578f + 90.5f), 0, kElevationBins - 1); }

void beam_gaps(const std::vector<Return>& sorted, const std::vector<int32_t>& first, float factor, float* gaps) {
  std::vector<std::vector<float>> steps(kElevationBins);
  const size_t sectors = first.size() - 1;
  for (size_t s = 0; s < sectors; s += 8) {
    float last = -10.0f;
    for (int32_t k = first[s]; k < first[s + 1]; ++k) {
      const float e = std::atan2(sorted[k].dz, sorted[k].range);
      const float step = e - last;
      if (step > 0.0015f && step < 0.1f) steps[elevation_bin(e)].push_back(step);
      if (step > 0.0015f || step < 0.0f) last = e;
    }
  }
  for (int b = 0; b < kElevationBins; ++b) {
    auto& v = steps[b];
    gaps[b] = 0.0f;
    if (v.size() < 8) continue;
    std::nth_element(v.begin(), v.begin() + v.size() / 2, v.end());
    gaps[b] = factor * v[v.size() / 2];
  }
  float last = 0.03f;  // bins without evidence take the nearest one below that has some
  for (int b = 0; b < kElevationBins; ++b) {
    if (gaps[b] > 0.0f) last = gaps[b];
    else gaps[b] = last;
  }
}

// Mark the cells of the open interval between two points, stepping half a cell.
void mark_between(const float* a, const float* b, const ap::FreeSpaceParams& c, uint8_t value, uint8_t* free) {
  const float dx = b[0] - a[0], dy = b[1] - a[1];
  const int steps = static_cast<int>(std::sqrt(dx * dx + dy * dy) * c.inv_res * 2.0f) + 1;
  for (int k = 1; k < steps; ++k) {
    const float t = static_cast<float>(k) / static_cast<float>(steps);
    const int32_t cell = ap::grid_cell(a[0] + t * dx, a[1] + t * dy, c);
    if (cell >= 0) free[cell] = std::max(free[cell], value);
  }
}

// Slope of the ground just before return k: from a ground return at least 0.3 m nearer, else level.
float slope_before(const Return* r, int k, const uint8_t* label) {
  for (int j = k - 1; j >= 0 && j >= k - 12; --j) {
    if (!ap::is_ground_like(label[r[j].index])) break;
    const float run = r[k].range - r[j].range;
    if (run >= 0.3f) {
      const float slope = (r[k].dz - r[j].dz) / run;
      return std::clamp(slope, -0.35f, 0.35f);
    }
  }
  return 0.0f;
}

}  // namespace

AP_API int32_t ap_freespace(const float* xyz, const uint8_t* label, int32_t* hits, uint8_t* free, int32_t n, float ox, float oy,
                            float oz, float shift_x, float shift_y, float inv_res, int32_t nx, int32_t ny, int32_t n_azimuth,
                            float max_range, float slope_tolerance, float gap_factor, float gap_floor, float beam_factor, void*) {
  if (n < 0 || nx <= 0 || ny <= 0 || n_azimuth <= 0) return -1;
  const ap::FreeSpaceParams c{ox, oy, oz, shift_x, shift_y, inv_res, nx, ny, n_azimuth, max_range, slope_tolerance, gap_factor, gap_floor};
  std::vector<int32_t> first(n_azimuth + 1, 0), sector(n);
  std::vector<Return> polar(n);
  for (int32_t i = 0; i < n; ++i) {
    sector[i] = -1;
    if (label[i] == ap::kIgnored || label[i] == ap::kOverhang) continue;
    const float* p = xyz + 3 * static_cast<int64_t>(i);
    const ap::Polar q = ap::polar_of(p, c);
    if (!(q.range < 1e6f)) continue;
    polar[i] = {q.range, q.dz, i};
    sector[i] = q.sector;
    ++first[q.sector + 1];
    const int32_t cell = ap::grid_cell(p[0], p[1], c);
    if (cell < 0) continue;
    if (label[i] == ap::kObstacle) ++hits[cell];
    else if (q.range <= max_range) free[cell] = std::max<uint8_t>(free[cell], label[i] == ap::kGround ? 2 : 1);
  }
  for (int32_t s = 0; s < n_azimuth; ++s) first[s + 1] += first[s];
  std::vector<Return> sorted(first[n_azimuth]);
  std::vector<int32_t> at(first.begin(), first.end() - 1);
  for (int32_t i = 0; i < n; ++i)
    if (sector[i] >= 0) sorted[at[sector[i]]++] = polar[i];
  for (int32_t s = 0; s < n_azimuth; ++s)
    std::sort(sorted.begin() + first[s], sorted.begin() + first[s + 1],
              [](const Return& a, const Return& b) { return a.range != b.range ? a.range < b.range : a.index < b.index; });
  float gaps[kElevationBins];
  beam_gaps(sorted, first, beam_factor, gaps);
  for (int32_t s = 0; s < n_azimuth; ++s) {
    const Return* r = sorted.data() + first[s];
    const int count = first[s + 1] - first[s];
    for (int k = 0; k + 1 < count; ++k) {
      const Return &a = r[k], &b = r[k + 1];
      const uint8_t la = label[a.index], lb = label[b.index];
      if (!ap::is_ground_like(la) || !ap::is_ground_like(lb)) continue;
      const float gap = gaps[elevation_bin(std::atan2(b.dz, b.range))];
      if (!ap::interval_is_ground(a.range, a.dz, b.range, b.dz, slope_before(r, k, label), gap, c)) continue;
      const uint8_t value = la == ap::kGround && lb == ap::kGround ? 2 : 1;
      mark_between(xyz + 3 * static_cast<int64_t>(a.index), xyz + 3 * static_cast<int64_t>(b.index), c, value, free);
    }
  }
  return 0;
}

AP_API int32_t ap_log_odds(float* log_odds, const int32_t* hits, const uint8_t* free, const float* lethal, int8_t* wire, int32_t n,
                           float fade, float hit, float miss, float clamp, float unknown_below, void*) {
  if (n < 0) return -1;
  for (int32_t i = 0; i < n; ++i) {
    log_odds[i] = ap::log_odds_cell(log_odds[i], hits[i], free[i], lethal ? lethal[i] : 0.0f, fade, hit, miss, clamp);
    wire[i] = ap::wire_of(log_odds[i], unknown_below);
  }
  return 0;
}
