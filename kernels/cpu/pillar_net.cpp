// CPU launcher of pillar_net.cuh; the usual numbers of channels are constants of the loops.
#include "pillar_net.cuh"

#include <vector>

#include "planes.h"

namespace {

// Folded weights, one array per input.
struct Folded {
  std::vector<float> x, y, z, intensity;
};

template <int kC>
void net_cell(const ap::PillarNetArgs& a, const Folded& w, int32_t cell, float* out) {
  const int32_t channels = kC ? kC : a.p.channels;
  const float *wx = w.x.data(), *wy = w.y.data(), *wz = w.z.data(), *wi = w.intensity.data();
  const ap::PillarCell c = ap::pillar_cell(a.xyz, a.order, a.starts, cell, a.p);
  float best[kC ? kC : ap::kMaxPillarChannels];
  for (int32_t k = 0; k < channels; ++k) best[k] = -3.0e38f;
  for (int32_t i = c.first; i < c.last; ++i) {
    const float* q = a.xyz + 3 * static_cast<int64_t>(a.order[i]);
    const float dx = q[0] - c.cx, dy = q[1] - c.cy, z = q[2], intensity = a.intensity[a.order[i]];
    for (int32_t k = 0; k < channels; ++k) {
      const float v = ap::pillar_term({wx[k], wy[k], wz[k], wi[k]}, dx, dy, z, intensity);
      best[k] = best[k] < v ? v : best[k];
    }
  }
  for (int32_t k = 0; k < channels; ++k) {
    const float v = best[k] + ap::pillar_constant(c, a.weights + k, channels, a.bias[k]);
    out[k] = v > 0.0f ? v : 0.0f;
  }
}

template <int kC>
int32_t net(const ap::PillarNetArgs& a) {
  auto& w = ap::kept<Folded>();
  for (auto* v : {&w.x, &w.y, &w.z, &w.intensity}) v->resize(a.p.channels);
  for (int32_t k = 0; k < a.p.channels; ++k) {
    const ap::PillarWeights own = ap::pillar_weights(a.weights + k, a.p.channels);
    w.x[k] = own.x, w.y[k] = own.y, w.z[k] = own.z, w.intensity[k] = own.intensity;
  }
  ap::fill_cells<kC ? kC : ap::kMaxPillarChannels>(a.starts, a.p.grid.nx * a.p.grid.ny, a.p.channels, a.p.planes != 0, a.out,
                                                   [&a, &w](int32_t cell, float* out) { net_cell<kC>(a, w, cell, out); });
  return 0;
}

}  // namespace

AP_API int32_t ap_pillar_net(const ap::PillarNetArgs& args, void*) {
  const ap::PillarNetArgs a = args;
  if (const int32_t why = ap::refused(a.p)) return why;
  switch (a.p.channels) {
    case 16: return net<16>(a);
    case 32: return net<32>(a);
    case 64: return net<64>(a);
    case 128: return net<128>(a);
    default: return net<0>(a);
  }
}
