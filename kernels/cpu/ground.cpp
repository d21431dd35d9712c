// CPU launcher of the ground segmentation: one thread, vector loops where the order of work is free.
#include "ground.cuh"

#include <algorithm>

namespace {

using namespace ap;

// Words (int32) of workspace for n points.
int32_t work_size(int32_t n) { return 3 * n + 7 * kGroundCells; }

// Cuts the caller's workspace into the arrays of the operation.
struct Work {
  float centre[kGroundBins], width[kGroundBins], per_metre[kGroundBins];
  int32_t *cell, *lowest, *sum, *count;
  float *range, *turn, *height, *layer, *surface, *refined;
  uint8_t *accepted, *crowded, *level;

  Work(int32_t* work, int32_t n) {
    for (int b = 0; b < kGroundBins; ++b) {
      centre[b] = ground_centre(b);
      width[b] = ground_edge(b + 1) - ground_edge(b);
      per_metre[b] = 1.0f / (ground_centre(b + 1) - centre[b]);
    }
    cell = work;
    range = reinterpret_cast<float*>(work + n);
    turn = range + n;
    height = layer = turn + n;  // lowest height per cell, once the surface stands the thickness of its ground
    surface = height + kGroundCells;
    refined = surface + kGroundCells;
    lowest = reinterpret_cast<int32_t*>(refined + kGroundCells);
    sum = lowest + kGroundCells;
    count = sum + kGroundCells;
    accepted = reinterpret_cast<uint8_t*>(count + kGroundCells);
    crowded = accepted + kGroundCells;
    level = crowded + kGroundCells;
  }
};

void find_lowest(const float* xyz, int32_t n, const GroundParams& c, Work& w) {
  int32_t* cell = w.cell;
  float *range = w.range, *turn = w.turn;
#pragma omp simd
  for (int32_t i = 0; i < n; ++i) {
    const GroundPolar p = ground_polar(xyz + 3 * i, c);
    cell[i] = p.cell;
    range[i] = p.range;
    turn[i] = p.turn;
  }
  std::fill_n(w.lowest, kGroundCells, -1);
  std::fill_n(w.height, kGroundCells, 1e30f);
  for (int32_t i = 0; i < n; ++i) {
    const int32_t k = cell[i];
    if (k < 0 || !(xyz[3 * i + 2] < w.height[k])) continue;
    w.height[k] = xyz[3 * i + 2];
    w.lowest[k] = i;
  }
}

void find_crowded(const float* xyz, int32_t n, const GroundParams& c, Work& w) {
  std::fill_n(w.crowded, kGroundCells, static_cast<uint8_t>(0));
  for (int32_t i = 0; i < n; ++i) {
    const int32_t k = w.cell[i];
    if (k >= 0 && ground_crowds(xyz[3 * i + 2] - w.height[k], w.width[k / kGroundSectors], c)) w.crowded[k] = 1;
  }
  for (int b = 0; b < kGroundBins; ++b)
    for (int s = 0; s < kGroundSectors; ++s) w.level[b * kGroundSectors + s] = ground_crowd_level(w.crowded, b, s);
}

// The plane under the vehicle: the slope most low returns vote for, then two least-squares fits.
GroundPlane find_plane(const float* xyz, const GroundParams& c, Work& w) {
  float *x = w.refined, *y = w.surface, *z = reinterpret_cast<float*>(w.sum);
  int32_t n = 0;
  for (int b = 0; b < kGroundBins; ++b) {
    if (w.centre[b] < kStartNear || w.centre[b] > kStartFar) continue;
    for (int k = b * kGroundSectors; k < (b + 1) * kGroundSectors; ++k) {
      if (w.lowest[k] < 0 || w.crowded[k]) continue;
      const float* p = xyz + 3 * static_cast<int64_t>(w.lowest[k]);
      x[n] = p[0] - c.ox;
      y[n] = p[1] - c.oy;
      z[n] = p[2] - c.ground_z;
      ++n;
    }
  }
  int32_t best = 256 * kPlanePrior;  // fewer returns say nothing of a slope
  GroundPlane plane{0.0f, 0.0f, 0.0f};
  for (int i = -kSlopeTries; i <= kSlopeTries; ++i)
    for (int j = -kSlopeTries; j <= kSlopeTries; ++j) {
      const float gx = kSlopeTry * i, gy = kSlopeTry * j;
      int32_t votes = 0;
#pragma omp simd reduction(+ : votes)
      for (int32_t k = 0; k < n; ++k) votes += ground_vote(x[k], y[k], z[k], gx, gy);
      if (i == 0 && j == 0) votes += votes / 10;  // level ground is likelier
      if (votes > best) {
        best = votes;
        plane = {0.0f, gx, gy};
      }
    }
  for (int round = 0; round < 2; ++round) {
    PlaneSums sums{};
    for (int32_t k = 0; k < n; ++k) plane_add(sums, plane, x[k], y[k], z[k]);
    plane = plane_fit(sums, plane);
  }
  return plane;
}

void grow(const GroundPlane& plane, const GroundParams& c, Work& w) {
  GroundState state[kGroundSectors], ahead[kGroundSectors];
  for (int s = 0; s < kGroundSectors; ++s) state[s] = ground_start(plane, s, c);
  for (int b = 0; b < kGroundBins; ++b) {
    const float r = w.centre[b], dr = b ? r - w.centre[b - 1] : r;
    for (int s = 0; s < kGroundSectors; ++s) ahead[s] = ground_predict(state[s], dr);
    for (int s = 0; s < kGroundSectors; ++s) {
      const int k = b * kGroundSectors + s, i = w.lowest[k];
      GroundState g = ground_mix(ahead[s], ahead[(s - 1) & (kGroundSectors - 1)], ahead[(s + 1) & (kGroundSectors - 1)], r);
      w.accepted[k] = i >= 0 && ground_accept(g, r, w.range[i], w.height[k], w.level[k],
                                              w.height[k] < g.z && ground_supported(w.height, b, s, kGateFloor + c.steep * w.width[b]), c);
      w.surface[k] = g.z;
      state[s] = g;
    }
  }
  for (int s = 0; s < kGroundSectors; ++s) ground_bridge(w.surface, w.accepted, w.centre, s);
}

// Height of every point above a surface; NaN for points without a cell.
void measure(const float* xyz, int32_t n, const float* surface, const Work& w, float* height) {
  const int32_t* cell = w.cell;
  const float *range = w.range, *turn = w.turn, *centre = w.centre, *per_metre = w.per_metre;
#pragma omp simd
  for (int32_t i = 0; i < n; ++i) {
    const int32_t k = cell[i] < 0 ? 0 : cell[i];
    const float h = xyz[3 * i + 2] - ground_surface(surface, centre, per_metre, k, range[i], turn[i]);
    height[i] = cell[i] < 0 ? NAN : h;
  }
}

void refine(const GroundParams& c, int32_t n, const float* height, Work& w) {
  std::fill_n(w.sum, kGroundCells, 0);
  std::fill_n(w.count, kGroundCells, 0);
  for (int32_t i = 0; i < n; ++i) {
    if (!ground_refines(height[i])) continue;
    w.sum[w.cell[i]] += ground_units(height[i]);
    ++w.count[w.cell[i]];
  }
  for (int b = 0; b < kGroundBins; ++b)
    for (int s = 0; s < kGroundSectors; ++s) {
      const int k = b * kGroundSectors + s;
      w.refined[k] = ground_refined(w.surface, w.sum, w.count, b, s);
      w.layer[k] = ground_layer(w.level[k], w.centre[b], c);
    }
}

}  // namespace

AP_API int32_t ap_ground_work(const ap::GroundWorkArgs& a, void*) {
  return work_size(a.p.n);
}

AP_API int32_t ap_ground(const ap::GroundArgs& args, void*) {
  const ap::GroundArgs a = args;
  const GroundParams& c = a.p;
  const int32_t n = c.n;
  if (n == 0) return 0;
  if (c.words < work_size(n)) return kSmallWork;
  Work w(a.work, n);
  find_lowest(a.xyz, n, c, w);
  find_crowded(a.xyz, n, c, w);
  grow(find_plane(a.xyz, c, w), c, w);
  measure(a.xyz, n, w.surface, w, a.height);
  refine(c, n, a.height, w);
  measure(a.xyz, n, w.refined, w, a.height);
  for (int32_t i = 0; i < n; ++i)
    a.label[i] = w.cell[i] < 0 ? static_cast<uint8_t>(kIgnored) : ground_label(a.height[i], w.layer[w.cell[i]], c);
  return 0;
}
