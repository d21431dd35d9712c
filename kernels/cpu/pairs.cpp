#include "pairs.cuh"

#include <vector>

namespace {

const ap::PairBox* boxes(const double* table) { return reinterpret_cast<const ap::PairBox*>(table); }

std::vector<double> radii(const ap::PairBox* b, int32_t n) {
  std::vector<double> out(static_cast<size_t>(n));
  for (int32_t i = 0; i < n; ++i) out[i] = ap::radius_of(b[i]);
  return out;
}

}  // namespace

AP_API int32_t ap_pair_costs(const double* tracks, const double* cov, const double* reach, const double* found, const double* noise,
                             const double* affinity, double* cost, int32_t n, int32_t m, void*) {
  if (n < 0 || m < 0) return -1;
  const ap::PairBox *a = boxes(tracks), *b = boxes(found);
  const std::vector<double> radius = radii(b, m);
  for (int64_t i = 0; i < n; ++i) {
    const ap::PairTrack t = ap::pair_track(a[i], cov + 4 * i, affinity);
    const double own = reach[i] + ap::radius_of(a[i]);
    double* row = cost + i * m;
    for (int64_t j = 0; j < m; ++j)
      row[j] = ap::nearer_than(a[i], b[j], own + radius[j]) ? ap::pair_cost(a[i], t, b[j], noise[j], reach[i]) : ap::kForbidden;
  }
  return 0;
}

AP_API int32_t ap_pair_inside(const double* outer, const double* inner, uint8_t* out, int32_t n, int32_t m, float margin, void*) {
  if (n < 0 || m < 0) return -1;
  const ap::PairBox *a = boxes(outer), *b = boxes(inner);
  const std::vector<double> radius = radii(b, m);
  for (int64_t i = 0; i < n; ++i) {
    const double own = margin + ap::radius_of(a[i]), c = cos(a[i].yaw), s = sin(a[i].yaw);
    for (int64_t j = 0; j < m; ++j)
      out[i * m + j] = ap::nearer_than(a[i], b[j], own + radius[j]) && ap::pair_inside(a[i], b[j], c, s, margin);
  }
  return 0;
}

AP_API int32_t ap_pair_along(const double* first, const double* second, double* out, int32_t n, int32_t m, void*) {
  if (n < 0 || m < 0) return -1;
  const ap::PairBox *a = boxes(first), *b = boxes(second);
  ap::AlongBox* along = reinterpret_cast<ap::AlongBox*>(out);
  for (int64_t i = 0; i < n; ++i) {
    const double c = cos(a[i].yaw), s = sin(a[i].yaw);
    for (int64_t j = 0; j < m; ++j) along[i * m + j] = ap::along_of(a[i], b[j], c, s);
  }
  return 0;
}

AP_API int32_t ap_shadowed(const double* targets, const double* screens, double* hidden, uint8_t* touched, int32_t n, int32_t m,
                           float margin, void*) {
  if (n < 0 || m < 0) return -1;
  const ap::Disc* a = reinterpret_cast<const ap::Disc*>(targets);
  const ap::Disc* b = reinterpret_cast<const ap::Disc*>(screens);
  for (int64_t i = 0; i < n; ++i) {
    double most = 0.0;
    bool end = false;
    for (int64_t j = 0; j < m; ++j) {
      const double part = ap::hidden_by(a[i], b[j], margin, end);
      most = part > most ? part : most;
    }
    hidden[i] = most;
    touched[i] = end;
  }
  return 0;
}
