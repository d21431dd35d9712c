// All pointers are device memory. One thread owns one track.
#include "tracks.cuh"

#include "cuda/device.cuh"

namespace {

__global__ void posterior_kernel(const double* evidence, const double* road_user_log_odds, const double* seen, const double* complete,
                                 const double* height, const double* speed, const double* travel, const ap::ClassRow* classes,
                                 double* out, int64_t n) {
  const int64_t i = ap::thread_index();
  if (i >= n) return;
  ap::class_posterior(evidence + ap::kClasses * i, road_user_log_odds[i], seen + 2 * i, complete + 2 * i, height[i], speed[i], travel[i],
                      classes, out + ap::kClasses * i);
}

__global__ void displacement_kernel(const ap::PastFrame* past, const int64_t* rows, ap::Shift* out, int64_t n, int frames, int64_t m,
                                    double window) {
  const int64_t i = ap::thread_index();
  if (i >= m || rows[i] < 0 || rows[i] >= n) return;
  out[i] = ap::displacement(past + frames * rows[i], frames, window);
}

}  // namespace

AP_API int32_t ap_class_posterior(const ap::ClassPosteriorArgs& a, void* stream) {
  if (a.p.n > 0)
    posterior_kernel<<<ap::blocks(a.p.n), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
        a.evidence, a.road_user_log_odds, a.seen, a.complete, a.height, a.speed, a.travel, reinterpret_cast<const ap::ClassRow*>(a.classes), a.out, a.p.n);
  return ap::launched();
}

AP_API int32_t ap_displacement(const ap::DisplacementArgs& a, void* stream) {
  if (a.p.frames < 2) return ap::kNoHistory;
  if (a.p.m > 0)
    displacement_kernel<<<ap::blocks(a.p.m), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
        reinterpret_cast<const ap::PastFrame*>(a.history), a.rows, reinterpret_cast<ap::Shift*>(a.out), a.p.n, a.p.frames, a.p.m, a.p.window);
  return ap::launched();
}
