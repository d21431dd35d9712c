// All pointers are device memory. One thread has one channel of one cell; neighbouring threads have neighbouring channels and
// read the same points.
#include "pillar_net.cuh"

#include "cuda/device.cuh"

namespace {

__global__ void net_kernel(ap::PillarNetArgs a) {
  const int64_t t = ap::thread_index();
  const int32_t channels = a.p.channels;
  const int64_t cells = static_cast<int64_t>(a.p.grid.nx) * a.p.grid.ny;
  if (t >= cells * channels) return;
  const int32_t cell = static_cast<int32_t>(t / channels), k = static_cast<int32_t>(t % channels);
  float value = 0.0f;
  if (a.starts[cell + 1] > a.starts[cell]) {
    const ap::PillarCell c = ap::pillar_cell(a.xyz, a.order, a.starts, cell, a.p);
    const ap::PillarWeights w = ap::pillar_weights(a.weights + k, channels);
    float best = -3.0e38f;
    for (int32_t i = c.first; i < c.last; ++i) {
      const float* q = a.xyz + 3 * static_cast<int64_t>(a.order[i]);
      const float v = ap::pillar_term(w, q[0] - c.cx, q[1] - c.cy, q[2], a.intensity[a.order[i]]);
      best = best < v ? v : best;
    }
    value = best + ap::pillar_constant(c, a.weights + k, channels, a.bias[k]);
  }
  a.out[a.p.planes ? k * cells + cell : t] = value > 0.0f ? value : 0.0f;
}

}  // namespace

AP_API int32_t ap_pillar_net(const ap::PillarNetArgs& a, void* stream) {
  if (const int32_t why = ap::refused(a.p)) return why;
  const int64_t n = static_cast<int64_t>(a.p.grid.nx) * a.p.grid.ny * a.p.channels;
  net_kernel<<<ap::blocks(n), ap::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(a);
  return ap::launched();
}
