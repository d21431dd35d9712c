// How CPU launchers write features per cell: channels last, or channels first by blocks of neighbouring cells.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "spread.h"

namespace ap {

// Calls fill(cell, features) for every cell that has an entry; others become zero. A block of 16 cells is turned at once: one
// cell alone would touch as many cache lines as there are channels.
template <int kMax, class Fill>
void fill_cells(const int32_t* starts, int32_t cells, int32_t channels, bool planes, float* out, const Fill& fill) {
  constexpr int32_t kBlock = 16;
  const Spread spread;
#pragma omp parallel for schedule(dynamic, 16)
  for (int32_t first = 0; first < cells; first += kBlock) {
    const int32_t count = std::min(kBlock, cells - first);
    if (!planes) {
      for (int32_t c = first; c < first + count; ++c) {
        float* own = out + static_cast<int64_t>(c) * channels;
        if (starts[c + 1] > starts[c]) fill(c, own);
        else std::memset(own, 0, sizeof(float) * channels);
      }
      continue;
    }
    if (starts[first + count] == starts[first]) {
      for (int32_t k = 0; k < channels; ++k) std::memset(out + static_cast<int64_t>(k) * cells + first, 0, sizeof(float) * count);
      continue;
    }
    float block[kBlock][kMax];
    for (int32_t c = 0; c < count; ++c) {
      if (starts[first + c + 1] > starts[first + c]) fill(first + c, block[c]);
      else std::memset(block[c], 0, sizeof(float) * channels);
    }
    for (int32_t k = 0; k < channels; ++k) {
      float* to = out + static_cast<int64_t>(k) * cells + first;
      for (int32_t c = 0; c < count; ++c) to[c] = block[c][k];
    }
  }
}

}  // namespace ap
