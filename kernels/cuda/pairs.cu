// All pointers are device memory. One thread compares one pair; one thread owns one target of ap_shadowed.
#include "pairs.cuh"

#include "cuda/device.cuh"

namespace {

using ap::PairBox;

__global__ void costs_kernel(const PairBox* a, const double* cov, const double* reach, const PairBox* b, const double* noise,
                             const double* affinity, double* cost, int64_t n, int64_t m) {
  const int64_t k = ap::thread_index();
  if (k >= n * m) return;
  const int64_t i = k / m, j = k % m;
  cost[k] = ap::kForbidden;
  if (ap::nearer_than(a[i], b[j], reach[i] + ap::radius_of(a[i]) + ap::radius_of(b[j])))
    cost[k] = ap::pair_cost(a[i], ap::pair_track(a[i], cov + 4 * i, affinity), b[j], noise[j], reach[i]);
}

__global__ void inside_kernel(const PairBox* a, const PairBox* b, uint8_t* out, int64_t n, int64_t m, double margin) {
  const int64_t k = ap::thread_index();
  if (k >= n * m) return;
  const PairBox &outer = a[k / m], &inner = b[k % m];
  out[k] = ap::nearer_than(outer, inner, margin + ap::radius_of(outer) + ap::radius_of(inner)) &&
           ap::pair_inside(outer, inner, cos(outer.yaw), sin(outer.yaw), margin);
}

__global__ void along_kernel(const PairBox* a, const PairBox* b, ap::AlongBox* out, int64_t n, int64_t m) {
  const int64_t k = ap::thread_index();
  if (k >= n * m) return;
  const PairBox& first = a[k / m];
  out[k] = ap::along_of(first, b[k % m], cos(first.yaw), sin(first.yaw));
}

__global__ void shadowed_kernel(const ap::Disc* a, const ap::Disc* b, double* hidden, uint8_t* touched, int64_t n, int64_t m,
                                double margin) {
  const int64_t i = ap::thread_index();
  if (i >= n) return;
  double most = 0.0;
  bool end = false;
  for (int64_t j = 0; j < m; ++j) {
    const double part = ap::hidden_by(a[i], b[j], margin, end);
    most = part > most ? part : most;
  }
  hidden[i] = most;
  touched[i] = end;
}

const PairBox* boxes(const double* table) { return reinterpret_cast<const PairBox*>(table); }

}  // namespace

AP_API int32_t ap_pair_costs(const ap::PairCostsArgs& in, void* stream) {
  const int64_t pairs = static_cast<int64_t>(in.p.n) * in.p.m;
  if (pairs > 0)
    costs_kernel<<<ap::blocks(pairs), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
        boxes(in.tracks), in.cov, in.reach, boxes(in.found), in.noise, in.affinity, in.cost, in.p.n, in.p.m);
  return ap::launched();
}

AP_API int32_t ap_pair_inside(const ap::PairInsideArgs& in, void* stream) {
  const int64_t pairs = static_cast<int64_t>(in.p.n) * in.p.m;
  if (pairs > 0)
    inside_kernel<<<ap::blocks(pairs), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(boxes(in.outer), boxes(in.inner), in.out, in.p.n, in.p.m, in.p.margin);
  return ap::launched();
}

AP_API int32_t ap_pair_along(const ap::PairAlongArgs& in, void* stream) {
  const int64_t pairs = static_cast<int64_t>(in.p.n) * in.p.m;
  if (pairs > 0)
    along_kernel<<<ap::blocks(pairs), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
        boxes(in.first), boxes(in.second), reinterpret_cast<ap::AlongBox*>(in.out), in.p.n, in.p.m);
  return ap::launched();
}

AP_API int32_t ap_shadowed(const ap::ShadowedArgs& in, void* stream) {
  if (in.p.n > 0)
    shadowed_kernel<<<ap::blocks(in.p.n), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
        reinterpret_cast<const ap::Disc*>(in.targets), reinterpret_cast<const ap::Disc*>(in.screens), in.hidden, in.touched, in.p.n, in.p.m, in.p.margin);
  return ap::launched();
}
