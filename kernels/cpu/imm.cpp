#include "imm.cuh"

namespace {

constexpr int64_t kMean = ap::kModels * ap::kStates, kCov = kMean * ap::kStates;

}  // namespace

AP_API int32_t ap_imm_predict(double* mean, double* cov, double* mu, const double* noise, const double* length,
                              const uint8_t* vehicle, int32_t n, float dt, void*) {
  if (n < 0 || !(dt >= 0.0f)) return -1;
  const ap::Transition t = ap::transition_of(dt);
  const double fade = exp(-dt / ap::kTurnMemory);
  for (int64_t i = 0; i < n; ++i)
    ap::imm_predict(mean + kMean * i, cov + kCov * i, mu + ap::kModels * i, noise + 3 * i, length[i], vehicle[i] != 0, t, dt, fade);
  return 0;
}

AP_API int32_t ap_imm_update(double* mean, double* cov, double* mu, const int64_t* rows, const double* z, const double* r,
                             const double* delay, uint8_t* taken, int32_t n, int32_t m, void*) {
  for (int64_t i = 0; i < m; ++i)
    if (rows[i] < 0 || rows[i] >= n) return -1;
  for (int64_t i = 0; i < m; ++i)
    taken[i] = ap::imm_update(mean + kMean * rows[i], cov + kCov * rows[i], mu + ap::kModels * rows[i], z + 3 * i, r + 9 * i, delay[i]);
  return 0;
}

AP_API int32_t ap_imm_update_velocity(double* mean, double* cov, const int64_t* rows, const double* velocity,
                                      const double* variance, uint8_t* taken, int32_t n, int32_t m, void*) {
  for (int64_t i = 0; i < m; ++i)
    if (rows[i] < 0 || rows[i] >= n) return -1;
  for (int64_t i = 0; i < m; ++i)
    taken[i] = ap::imm_update_velocity(mean + kMean * rows[i], cov + kCov * rows[i], velocity + 2 * i, variance[i]);
  return 0;
}

AP_API int32_t ap_imm_combine(const double* mean, const double* cov, const double* mu, double* out_mean, double* out_cov,
                              int32_t n, void*) {
  if (n < 0) return -1;
  for (int64_t i = 0; i < n; ++i)
    ap::merge(mu + ap::kModels * i, reinterpret_cast<const ap::Row6*>(mean + kMean * i),
              out_cov ? reinterpret_cast<const ap::Row6*>(cov + kCov * i) : nullptr, out_mean + ap::kStates * i,
              out_cov ? reinterpret_cast<ap::Row6*>(out_cov + ap::kStates * ap::kStates * i) : nullptr);
  return 0;
}
