// CPU launchers of lift.cuh. The usual numbers of channels are constants of the loops: their sums stay in registers.
#include "lift.cuh"

#include "planes.h"

namespace {

// Eight floats, and the same anywhere in an array: gcc keeps sums in registers only if it need not find the vectors itself. Two types,
// because in one the vector's own alignment of 32 bytes would win.
typedef float Float8 __attribute__((vector_size(32)));
typedef Float8 Float8At __attribute__((aligned(4), may_alias));
static_assert(alignof(Float8At) == 4, "rows of features begin anywhere");

// Sums of 8 * kVectors channels of one cell, each in the order of the interval; context points at the first of them.
template <int kVectors>
void pool_vectors(const ap::BevPoolArgs& a, int32_t cell, const float* context, float* out) {
  Float8 sum[kVectors] = {};
  for (int32_t k = a.starts[cell]; k < a.starts[cell + 1]; ++k) {
    const float weight = a.depth[a.order[k]];
    const auto* own = reinterpret_cast<const Float8At*>(context + static_cast<int64_t>(a.pixels[k]) * a.p.channels);
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) sum[v] += weight * own[v];
  }
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) reinterpret_cast<Float8At*>(out)[v] = sum[v];
}

// All kC channels (0: as many as the parameters say) of one cell, as many at once as there are registers for.
template <int kC>
void pool_cell(const ap::BevPoolArgs& a, int32_t cell, float* out) {
  if constexpr (kC == 0) {
    int32_t c = 0;
    for (; c + 8 <= a.p.channels; c += 8) pool_vectors<1>(a, cell, a.context + c, out + c);
    for (; c < a.p.channels; ++c)
      out[c] = ap::pool_channel(a.depth, a.context + c, a.order, a.pixels, a.starts[cell], a.starts[cell + 1], a.p.channels);
  } else {
    constexpr int kAtOnce = kC <= 96 ? kC : kC / 2;
    for (int c = 0; c < kC; c += kAtOnce) pool_vectors<kAtOnce / 8>(a, cell, a.context + c, out + c);
  }
}

template <int kC>
int32_t pool(const ap::BevPoolArgs& a) {
  ap::fill_cells<kC ? kC : ap::kMaxChannels>(a.starts, a.p.cells, a.p.channels, a.p.planes != 0, a.out,
                                             [&a](int32_t cell, float* out) { pool_cell<kC>(a, cell, out); });
  return 0;
}

}  // namespace

AP_API int32_t ap_frustum_cells(const ap::FrustumCellsArgs& args, void*) {
  const ap::FrustumCellsArgs a = args;
  const ap::FrustumCellsParams& p = a.p;
  if (p.grid.nx <= 0 || p.grid.ny <= 0) return ap::kEmptyGrid;
  int32_t* id = a.ids;
  for (int32_t n = 0; n < p.cameras; ++n)
    for (int32_t d = 0; d < p.bins; ++d)
      for (int32_t j = 0; j < p.height; ++j)
        for (int32_t i = 0; i < p.width; ++i) *id++ = ap::frustum_cell(a.views + 12 * static_cast<int64_t>(n), a.depths[d], i, j, p);
  return 0;
}

AP_API int32_t ap_frustum_pixels(const ap::FrustumPixelsArgs& args, void*) {
  const ap::FrustumPixelsArgs a = args;
  if (const int32_t why = ap::refused(a.p)) return why;
  for (int32_t k = 0; k < a.p.n; ++k) a.pixels[k] = ap::frustum_pixel(a.order[k], a.p.bins, a.p.area);
  return 0;
}

AP_API int32_t ap_bev_pool(const ap::BevPoolArgs& args, void*) {
  const ap::BevPoolArgs a = args;
  if (const int32_t why = ap::refused(a.p)) return why;
  switch (a.p.channels) {
    case 16: return pool<16>(a);
    case 32: return pool<32>(a);
    case 48: return pool<48>(a);
    case 64: return pool<64>(a);
    case 80: return pool<80>(a);
    case 96: return pool<96>(a);
    case 128: return pool<128>(a);
    default: return pool<0>(a);
  }
}

AP_API int32_t ap_bev_pool_grad(const ap::BevPoolGradArgs& args, void*) {
  const ap::BevPoolGradArgs a = args;
  const ap::BevPoolGradParams& p = a.p;
  if (p.channels < 1) return ap::kNoFeature;
  const ap::Spread spread;
#pragma omp parallel for schedule(static)
  for (int32_t q = 0; q < p.cameras * p.area; ++q) {
    const int64_t first = static_cast<int64_t>(q / p.area) * p.bins * p.area + q % p.area;
    const float* context = a.context + static_cast<int64_t>(q) * p.channels;
    float* own = a.grad_context + static_cast<int64_t>(q) * p.channels;
    for (int32_t c = 0; c < p.channels; ++c) own[c] = 0.0f;
    for (int32_t d = 0; d < p.bins; ++d) {
      const int64_t k = first + static_cast<int64_t>(d) * p.area;
      const bool in = a.ids[k] >= 0 && a.ids[k] < p.cells;
      const float* grad = a.grad + (in ? static_cast<int64_t>(a.ids[k]) * p.channels : 0);
      a.grad_depth[k] = in ? ap::depth_gradient(context, grad, p.channels) : 0.0f;
      if (in)  // as context_gradient, all channels side by side
        for (int32_t c = 0; c < p.channels; ++c) own[c] += a.depth[k] * grad[c];
    }
  }
  return 0;
}
