// All pointers are device memory. One thread owns one track (a row of the update occurs once).
#include "imm.cuh"

#include "cuda/device.cuh"

namespace {

constexpr int64_t kMean = ap::kModels * ap::kStates, kCov = kMean * ap::kStates;

__global__ void predict_kernel(double* mean, double* cov, double* mu, const double* noise, const double* length,
                               const uint8_t* vehicle, int64_t n, ap::Transition t, double dt, double fade) {
  const int64_t i = ap::thread_index();
  if (i >= n) return;
  ap::imm_predict(mean + kMean * i, cov + kCov * i, mu + ap::kModels * i, noise + 3 * i, length[i], vehicle[i] != 0, t, dt, fade);
}

__global__ void update_kernel(double* mean, double* cov, double* mu, const int64_t* rows, const double* z, const double* r,
                              const double* delay, uint8_t* taken, int64_t n, int64_t m) {
  const int64_t i = ap::thread_index();
  if (i >= m) return;
  taken[i] = 0;
  if (rows[i] < 0 || rows[i] >= n) return;
  taken[i] = ap::imm_update(mean + kMean * rows[i], cov + kCov * rows[i], mu + ap::kModels * rows[i], z + 3 * i, r + 9 * i, delay[i]);
}

__global__ void velocity_kernel(double* mean, double* cov, const int64_t* rows, const double* velocity, const double* variance,
                                uint8_t* taken, int64_t n, int64_t m) {
  const int64_t i = ap::thread_index();
  if (i >= m) return;
  taken[i] = 0;
  if (rows[i] < 0 || rows[i] >= n) return;
  taken[i] = ap::imm_update_velocity(mean + kMean * rows[i], cov + kCov * rows[i], velocity + 2 * i, variance[i]);
}

__global__ void combine_kernel(const double* mean, const double* cov, const double* mu, double* out_mean, double* out_cov, int64_t n) {
  const int64_t i = ap::thread_index();
  if (i >= n) return;
  ap::merge(mu + ap::kModels * i, reinterpret_cast<const ap::Row6*>(mean + kMean * i),
            out_cov ? reinterpret_cast<const ap::Row6*>(cov + kCov * i) : nullptr, out_mean + ap::kStates * i,
            out_cov ? reinterpret_cast<ap::Row6*>(out_cov + ap::kStates * ap::kStates * i) : nullptr);
}

}  // namespace

AP_API int32_t ap_imm_predict(const ap::ImmPredictArgs& a, void* stream) {
  if (!(a.p.dt >= 0.0f)) return ap::kTimeBackwards;
  const ap::Transition t = ap::transition_of(a.p.dt);
  const double fade = exp(-a.p.dt / ap::kTurnMemory);
  if (a.p.n > 0)
    predict_kernel<<<ap::blocks(a.p.n), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a.mean, a.cov, a.mu, a.noise, a.length, a.vehicle, a.p.n, t, a.p.dt, fade);
  return ap::launched();
}

AP_API int32_t ap_imm_update(const ap::ImmUpdateArgs& a, void* stream) {
  if (a.p.m > 0) update_kernel<<<ap::blocks(a.p.m), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a.mean, a.cov, a.mu, a.rows, a.z, a.r, a.delay, a.taken, a.p.n, a.p.m);
  return ap::launched();
}

AP_API int32_t ap_imm_update_velocity(const ap::ImmUpdateVelocityArgs& a, void* stream) {
  if (a.p.m > 0) velocity_kernel<<<ap::blocks(a.p.m), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a.mean, a.cov, a.rows, a.velocity, a.variance, a.taken, a.p.n, a.p.m);
  return ap::launched();
}

AP_API int32_t ap_imm_combine(const ap::ImmCombineArgs& a, void* stream) {
  if (a.p.n > 0) combine_kernel<<<ap::blocks(a.p.n), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a.mean, a.cov, a.mu, a.out_mean, a.out_cov, a.p.n);
  return ap::launched();
}
