#include "tracks.cuh"

AP_API int32_t ap_class_posterior(const double* evidence, const double* credit, const double* seen, const double* complete,
                                  const double* height, const double* speed, const double* travel, const double* classes,
                                  double* out, int32_t n, void*) {
  if (n < 0) return -1;
  const ap::ClassRow* table = reinterpret_cast<const ap::ClassRow*>(classes);
  for (int64_t i = 0; i < n; ++i)
    ap::class_posterior(evidence + ap::kTrackClasses * i, credit[i], seen + 2 * i, complete + 2 * i, height[i], speed[i], travel[i],
                        table, out + ap::kTrackClasses * i);
  return 0;
}

AP_API int32_t ap_displacement(const double* history, const int64_t* rows, double* out, int32_t n, int32_t frames, int32_t m,
                               float window, void*) {
  if (n < 0 || frames < 2 || m < 0) return -1;
  const ap::PastFrame* past = reinterpret_cast<const ap::PastFrame*>(history);
  ap::Shift* shifts = reinterpret_cast<ap::Shift*>(out);
  for (int64_t i = 0; i < m; ++i) {
    if (rows[i] < 0 || rows[i] >= n) return -1;
    shifts[i] = ap::displacement(past + frames * rows[i], frames, window);
  }
  return 0;
}
