// CUDA launcher of lshape.cuh: one thread fits one cluster, with the CPU's order of sums.
#include "lshape.cuh"

#include "cuda/device.cuh"

namespace {

__global__ void fit_kernel(const float* grouped, const int32_t* offsets, float* table, int32_t clusters, float ox, float oy, float d0,
                           float max_length) {
  const int64_t c = ap::thread_index();
  if (c >= clusters) return;
  const ap::Cluster g{grouped + 4 * static_cast<int64_t>(offsets[c]), offsets[c + 1] - offsets[c], ox, oy, 0.0f};
  if (g.n > 0) ap::fit_cluster(g, d0, max_length, table + c * ap::kFeatures);
}

}  // namespace

AP_API int32_t ap_cluster_fit(const ap::ClusterFitArgs& a, void* stream) {
  const ap::ClusterFitParams& p = a.p;
  if (!(p.smallest > 0.0f)) return ap::kSmallest;
  if (p.clusters > 0)
    fit_kernel<<<ap::blocks(p.clusters), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a.grouped, a.offsets, a.table, p.clusters,
                                                                                           p.ox, p.oy, p.smallest, p.max_length);
  return ap::launched();
}
