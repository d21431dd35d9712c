// CPU launcher of the L-shape fit: clusters are independent, so the result does not depend on the threads.
#include "lshape.cuh"

#include "spread.h"

// grouped (n,4) x y z height and offsets (clusters + 1) of ap_cluster_order -> table (clusters, kFeatures). d0 [m]: distances
// to an edge below it count alike. Clusters longer than max_length [m] keep their axis-parallel box. Returns 0, or -1 for arguments out of range.
AP_API int32_t ap_cluster_fit(const float* grouped, const int32_t* offsets, float* table, int32_t clusters, float ox, float oy,
                              float d0, float max_length, void*) {
  if (clusters < 0 || !(d0 > 0.0f)) return -1;
  const ap::Spread spread;
#pragma omp parallel for schedule(dynamic, 8)
  for (int32_t c = 0; c < clusters; ++c) {
    const ap::Cluster g{grouped + 4 * static_cast<int64_t>(offsets[c]), offsets[c + 1] - offsets[c], ox, oy, 0.0f};
    if (g.n > 0) ap::fit_cluster(g, d0, max_length, table + static_cast<int64_t>(c) * ap::kFeatures);
  }
  return 0;
}
