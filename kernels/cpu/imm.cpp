#include "imm.cuh"

namespace {

constexpr int64_t kMean = ap::kModels * ap::kStates, kCov = kMean * ap::kStates;

}  // namespace

AP_API int32_t ap_imm_predict(const ap::ImmPredictArgs& args, void*) {
  const ap::ImmPredictArgs a = args;
  if (!(a.p.dt >= 0.0f)) return ap::kTimeBackwards;
  const ap::Transition t = ap::transition_of(a.p.dt);
  const double fade = exp(-a.p.dt / ap::kTurnMemory);
  for (int64_t i = 0; i < a.p.n; ++i)
    ap::imm_predict(a.mean + kMean * i, a.cov + kCov * i, a.mu + ap::kModels * i, a.noise + 3 * i, a.length[i], a.vehicle[i] != 0, t, a.p.dt, fade);
  return 0;
}

AP_API int32_t ap_imm_update(const ap::ImmUpdateArgs& args, void*) {
  const ap::ImmUpdateArgs a = args;
  for (int64_t i = 0; i < a.p.m; ++i)
    if (a.rows[i] < 0 || a.rows[i] >= a.p.n) return ap::kNoRow;
  for (int64_t i = 0; i < a.p.m; ++i)
    a.taken[i] = ap::imm_update(a.mean + kMean * a.rows[i], a.cov + kCov * a.rows[i], a.mu + ap::kModels * a.rows[i], a.z + 3 * i, a.r + 9 * i, a.delay[i]);
  return 0;
}

AP_API int32_t ap_imm_update_velocity(const ap::ImmUpdateVelocityArgs& args, void*) {
  const ap::ImmUpdateVelocityArgs a = args;
  for (int64_t i = 0; i < a.p.m; ++i)
    if (a.rows[i] < 0 || a.rows[i] >= a.p.n) return ap::kNoRow;
  for (int64_t i = 0; i < a.p.m; ++i)
    a.taken[i] = ap::imm_update_velocity(a.mean + kMean * a.rows[i], a.cov + kCov * a.rows[i], a.velocity + 2 * i, a.variance[i]);
  return 0;
}

AP_API int32_t ap_imm_combine(const ap::ImmCombineArgs& args, void*) {
  const ap::ImmCombineArgs a = args;
  for (int64_t i = 0; i < a.p.n; ++i)
    ap::merge(a.mu + ap::kModels * i, reinterpret_cast<const ap::Row6*>(a.mean + kMean * i),
              a.out_cov ? reinterpret_cast<const ap::Row6*>(a.cov + kCov * i) : nullptr, a.out_mean + ap::kStates * i,
              a.out_cov ? reinterpret_cast<ap::Row6*>(a.out_cov + ap::kStates * ap::kStates * i) : nullptr);
  return 0;
}
