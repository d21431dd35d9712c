// CPU launcher of the L-shape fit: clusters are independent, so the result does not depend on the threads.
#include "lshape.cuh"

#include "spread.h"

// grouped (n,4) x y z height and offsets (clusters + 1) of ap_cluster_order -> table (clusters, kFeatures). d0 [m]: distances
// to an edge below it count alike. Clusters longer than max_length [m] keep their axis-parallel box. Returns 0, or -1 for arguments out of range.
AP_API int32_t ap_cluster_fit(const ap::ClusterFitArgs& args, void*) {
  const ap::ClusterFitArgs a = args;
  const ap::ClusterFitParams& p = a.p;
  if (!(p.smallest > 0.0f)) return ap::kSmallest;
  const ap::Spread spread;
#pragma omp parallel for schedule(dynamic, 8)
  for (int32_t c = 0; c < p.clusters; ++c) {
    const ap::Cluster g{a.grouped + 4 * static_cast<int64_t>(a.offsets[c]), a.offsets[c + 1] - a.offsets[c], p.ox, p.oy, 0.0f};
    if (g.n > 0) ap::fit_cluster(g, p.smallest, p.max_length, a.table + static_cast<int64_t>(c) * ap::kFeatures);
  }
  return 0;
}
