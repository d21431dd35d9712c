// All pointers are device memory. One thread owns one track.
#include "tracks.cuh"

#include "cuda/device.cuh"

namespace {

__global__ void posterior_kernel(const double* evidence, const double* credit, const double* seen, const double* complete,
                                 const double* height, const double* speed, const double* travel, const ap::ClassRow* classes,
                                 double* out, int64_t n) {
  const int64_t i = ap::thread_index();
  if (i >= n) return;
  ap::class_posterior(evidence + ap::kTrackClasses * i, credit[i], seen + 2 * i, complete + 2 * i, height[i], speed[i], travel[i],
                      classes, out + ap::kTrackClasses * i);
}

__global__ void displacement_kernel(const ap::PastFrame* past, const int64_t* rows, ap::Shift* out, int64_t n, int frames, int64_t m,
                                    double window) {
  const int64_t i = ap::thread_index();
  if (i >= m || rows[i] < 0 || rows[i] >= n) return;
  out[i] = ap::displacement(past + frames * rows[i], frames, window);
}

}  // namespace

AP_API int32_t ap_class_posterior(const double* evidence, const double* credit, const double* seen, const double* complete,
                                  const double* height, const double* speed, const double* travel, const double* classes,
                                  double* out, int32_t n, void* stream) {
  if (n < 0) return -1;
  if (n > 0)
    posterior_kernel<<<ap::blocks(n), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
        evidence, credit, seen, complete, height, speed, travel, reinterpret_cast<const ap::ClassRow*>(classes), out, n);
  return ap::launched();
}

AP_API int32_t ap_displacement(const double* history, const int64_t* rows, double* out, int32_t n, int32_t frames, int32_t m,
                               float window, void* stream) {
  if (n < 0 || frames < 2 || m < 0) return -1;
  if (m > 0)
    displacement_kernel<<<ap::blocks(m), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
        reinterpret_cast<const ap::PastFrame*>(history), rows, reinterpret_cast<ap::Shift*>(out), n, frames, m, window);
  return ap::launched();
}
