// All pointers are device memory.
#include "align.cuh"

#include "cuda/device.cuh"

namespace {

// One block per projection; integer sums, so the order of the threads does not matter.
__global__ void scores_kernel(const float* points, const float* weights, const float* projections, const uint8_t* map,
                              int64_t* score, int64_t* inside, int32_t n, int32_t width, int32_t height) {
  __shared__ int64_t sums[2 * ap::kThreads];
  int64_t s = 0, w = 0;
  const float* M = projections + 12 * static_cast<int64_t>(blockIdx.x);
  for (int64_t i = threadIdx.x; i < n; i += ap::kThreads) ap::add_map_value(M, points + 3 * i, weights[i], map, width, height, &s, &w);
  sums[2 * threadIdx.x] = s;
  sums[2 * threadIdx.x + 1] = w;
  __syncthreads();
  if (threadIdx.x >= 2) return;
  int64_t total = 0;
  for (int t = 0; t < ap::kThreads; ++t) total += sums[2 * t + threadIdx.x];
  (threadIdx.x == 0 ? score : inside)[blockIdx.x] = total;
}

}  // namespace

AP_API int32_t ap_map_scores(const ap::MapScoresArgs& a, void* stream) {
  const int32_t n = a.p.n, m = a.p.m, width = a.p.width, height = a.p.height;
  if (width < 2 || height < 2) return ap::kSmallMap;
  if (m > 0)
    scores_kernel<<<m, ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a.points, a.weights, a.projections, a.map, a.score, a.inside,
                                                                            n, width, height);
  return ap::launched();
}
