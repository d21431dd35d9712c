#include "decode_ground.cuh"

#include "spread.h"

AP_API int32_t ap_decode_ground(const ap::DecodeGroundArgs& args, void*) {
  const ap::DecodeGroundArgs a = args;
  if (const int32_t why = ap::refused(a.p)) return why;
  const ap::Spread spread;
#pragma omp parallel for schedule(static)
  for (int32_t c = 0; c < a.p.nx * a.p.ny; ++c) ap::ground_cell(a, c);
  return 0;
}
