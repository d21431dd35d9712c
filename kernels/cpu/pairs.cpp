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

AP_API int32_t ap_pair_costs(const ap::PairCostsArgs& args, void*) {
  const ap::PairCostsArgs in = args;
  const ap::PairBox *a = boxes(in.tracks), *b = boxes(in.found);
  const std::vector<double> radius = radii(b, in.p.m);
  for (int64_t i = 0; i < in.p.n; ++i) {
    const ap::PairTrack t = ap::pair_track(a[i], in.cov + 4 * i, in.affinity);
    const double own = in.reach[i] + ap::radius_of(a[i]);
    double* row = in.cost + i * in.p.m;
    for (int64_t j = 0; j < in.p.m; ++j)
      row[j] = ap::nearer_than(a[i], b[j], own + radius[j]) ? ap::pair_cost(a[i], t, b[j], in.noise[j], in.reach[i]) : ap::kForbidden;
  }
  return 0;
}

AP_API int32_t ap_pair_inside(const ap::PairInsideArgs& args, void*) {
  const ap::PairInsideArgs in = args;
  const ap::PairBox *a = boxes(in.outer), *b = boxes(in.inner);
  const std::vector<double> radius = radii(b, in.p.m);
  for (int64_t i = 0; i < in.p.n; ++i) {
    const double own = in.p.margin + ap::radius_of(a[i]), c = cos(a[i].yaw), s = sin(a[i].yaw);
    for (int64_t j = 0; j < in.p.m; ++j)
      in.out[i * in.p.m + j] = ap::nearer_than(a[i], b[j], own + radius[j]) && ap::pair_inside(a[i], b[j], c, s, in.p.margin);
  }
  return 0;
}

AP_API int32_t ap_pair_along(const ap::PairAlongArgs& args, void*) {
  const ap::PairAlongArgs in = args;
  const ap::PairBox *a = boxes(in.first), *b = boxes(in.second);
  ap::AlongBox* along = reinterpret_cast<ap::AlongBox*>(in.out);
  for (int64_t i = 0; i < in.p.n; ++i) {
    const double c = cos(a[i].yaw), s = sin(a[i].yaw);
    for (int64_t j = 0; j < in.p.m; ++j) along[i * in.p.m + j] = ap::along_of(a[i], b[j], c, s);
  }
  return 0;
}

AP_API int32_t ap_shadowed(const ap::ShadowedArgs& args, void*) {
  const ap::ShadowedArgs in = args;
  const ap::Disc* a = reinterpret_cast<const ap::Disc*>(in.targets);
  const ap::Disc* b = reinterpret_cast<const ap::Disc*>(in.screens);
  for (int64_t i = 0; i < in.p.n; ++i) {
    double most = 0.0;
    bool end = false;
    for (int64_t j = 0; j < in.p.m; ++j) {
      const double part = ap::hidden_by(a[i], b[j], in.p.margin, end);
      most = part > most ? part : most;
    }
    in.hidden[i] = most;
    in.touched[i] = end;
  }
  return 0;
}
