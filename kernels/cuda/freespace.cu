// CUDA launchers of freespace.cuh. Two stable radix sorts replace the CPU's counting sort; hits are integer sums and
// free values are stored in rising order, so no result depends on the order of threads.
#include "freespace.cuh"

#include "cuda/device.cuh"

namespace {

constexpr int kBlock = 256;
int blocks(int64_t n) { return static_cast<int>((n + kBlock - 1) / kBlock); }

__global__ void point_kernel(const float* xyz, const uint8_t* label, int32_t* hits, uint32_t* sector, uint64_t* key, int32_t n,
                             ap::FreespaceParams c) {
  const int32_t i = blockIdx.x * kBlock + threadIdx.x;
  if (i >= n) return;
  const float* p = xyz + 3 * static_cast<int64_t>(i);
  const ap::Polar q = ap::polar_of(p, c);
  const bool part = ap::takes_part(label[i], q.range), in = part && q.range <= c.max_range;  // beyond, nothing is freed or hidden
  sector[i] = in ? static_cast<uint32_t>(q.sector) : static_cast<uint32_t>(c.n_azimuth);
  key[i] = ap::range_key(in ? q.range : 0.0f, i);
  const int32_t cell = part ? ap::grid_cell(p[0], p[1], c) : -1;
  if (cell >= 0 && label[i] == ap::kObstacle) atomicAdd(hits + cell, 1);
}

__global__ void first_kernel(const uint32_t* sector, int32_t* first, int32_t n, int32_t n_azimuth) {
  const int32_t s = blockIdx.x * kBlock + threadIdx.x;
  if (s > n_azimuth) return;
  int32_t low = 0, high = n;  // first position whose sector is >= s
  while (low < high) {
    const int32_t mid = (low + high) / 2;
    if (sector[mid] < static_cast<uint32_t>(s)) low = mid + 1;
    else high = mid;
  }
  first[s] = low;
}

// One thread per eighth sector lists the elevation steps it saw as (bin, step) keys; unused slots hold the largest key.
__global__ void step_kernel(const uint64_t* key, const int32_t* first, const float* xyz, uint64_t* steps, int32_t n_azimuth, float oz) {
  const int32_t s = (blockIdx.x * kBlock + threadIdx.x) * 8;
  if (s >= n_azimuth) return;
  float last = -10.0f;
  for (int32_t k = first[s]; k < first[s + 1]; ++k) {
    const float e = ap::atan2_approx(xyz[3 * static_cast<int64_t>(ap::key_index(key[k])) + 2] - oz, ap::key_range(key[k]));
    const float step = e - last;
    if (step > 0.0015f && step < 0.1f) steps[k] = ap::range_key(step, 0) >> 32 | static_cast<uint64_t>(ap::elevation_bin(e)) << 32;
    if (step > 0.0015f || step < 0.0f) last = e;
  }
}

__global__ void gap_kernel(const uint64_t* steps, float* gaps, int32_t n, float factor) {
  if (blockIdx.x || threadIdx.x) return;
  float last = 0.03f, own[ap::kElevationBins];
  int32_t at = 0;
  for (int b = 0; b < ap::kElevationBins; ++b) {
    int32_t end = at;
    while (end < n && static_cast<int>(steps[end] >> 32) == b) ++end;
    if (end - at >= 8) last = factor * ap::key_range(steps[at + (end - at) / 2] << 32);
    own[b] = last;
    at = end;
  }
  for (int b = 0; b < ap::kElevationBins; ++b) gaps[b] = ap::smallest_of_three(own, b);
}

__global__ void mark_kernel(const float* xyz, const uint8_t* label, const uint32_t* sector, const uint64_t* key, const int32_t* first,
                            const float* gaps, uint8_t* free, int32_t n, uint8_t value, ap::FreespaceParams c) {
  const int32_t k = blockIdx.x * kBlock + threadIdx.x;
  if (k >= n || sector[k] >= static_cast<uint32_t>(c.n_azimuth)) return;
  const int32_t i = ap::key_index(key[k]);
  const float* a = xyz + 3 * static_cast<int64_t>(i);
  if (ap::key_range(key[k]) <= c.max_range && label[i] == (value == 2 ? ap::kGround : ap::kLow)) {
    const int32_t cell = ap::grid_cell(a[0], a[1], c);
    if (cell >= 0 && free[cell] < value) free[cell] = value;
  }
  const int32_t s = static_cast<int32_t>(sector[k]);
  if (k + 1 >= first[s + 1]) return;
  const int local = k - first[s];
  if (ap::interval_value(ap::Sector{key + first[s], label, xyz, c.oz}, local, gaps, c) != value) return;
  const float* b = xyz + 3 * static_cast<int64_t>(ap::key_index(key[k + 1]));
  const int steps = ap::interval_steps(a, b, c);
  for (int t = 1; t < steps; ++t) {
    const int32_t cell = ap::interval_cell(a, b, t, steps, c);
    if (cell >= 0 && free[cell] < value) free[cell] = value;
  }
}

__global__ void shadow_kernel(const float* xyz, const uint8_t* label, const uint32_t* sector, const uint64_t* key, const int32_t* first,
                              uint8_t* shadow, int32_t n, ap::FreespaceParams c) {
  const int32_t k = blockIdx.x * kBlock + threadIdx.x;
  if (k >= n || sector[k] >= static_cast<uint32_t>(c.n_azimuth)) return;
  const int32_t s = static_cast<int32_t>(sector[k]);
  const ap::Sector sector_of_k{key + first[s], label, xyz, c.oz};
  const float length = ap::shadow_behind(sector_of_k, k - first[s], first[s + 1] - first[s], c);
  const float* p = xyz + 3 * static_cast<int64_t>(ap::key_index(key[k]));
  for (int t = 1; t <= static_cast<int>(2.0f * length * c.inv_res); ++t) {
    const int32_t cell = ap::shadow_cell(p, ap::key_range(key[k]), t, c);
    if (cell >= 0) shadow[cell] = 1;
  }
}

__global__ void log_odds_kernel(ap::LogOddsArgs a, int32_t n) {
  const int32_t i = blockIdx.x * kBlock + threadIdx.x;
  if (i >= n) return;
  a.log_odds[i] = ap::log_odds_cell(a.log_odds[i], a.hits[i], a.free[i], a.lethal ? a.lethal[i] : 0.0f, a.p);
  a.wire[i] = ap::wire_of(a.log_odds[i], a.p.unknown_below);
}

}  // namespace

AP_API int32_t ap_freespace(const ap::FreespaceArgs& a, void* stream) {
  const ap::FreespaceParams& c = a.p;
  if (const int32_t why = ap::refused(c)) return why;
  const int32_t n = c.n, n_azimuth = c.n_azimuth;
  if (n == 0) return 0;
  const float* xyz = a.xyz;
  const uint8_t* label = a.label;
  const auto cs = static_cast<cudaStream_t>(stream);
  ap::Pieces room;
  const size_t at[] = {room.add<uint32_t>(n), room.add<uint32_t>(n), room.add<uint64_t>(n), room.add<uint64_t>(n),
                       room.add<uint64_t>(n), room.add<int32_t>(n_azimuth + 1), room.add<float>(ap::kElevationBins),
                       room.add<char>(ap::sort_bytes(n))};
  if (!room.get(cs)) return ap::no_room();
  auto *sector = room.at<uint32_t>(at[0]), *sector2 = room.at<uint32_t>(at[1]);
  auto *key = room.at<uint64_t>(at[2]), *key2 = room.at<uint64_t>(at[3]), *sorted = room.at<uint64_t>(at[4]);
  auto* first = room.at<int32_t>(at[5]);
  auto* gaps = room.at<float>(at[6]);
  auto* temp = room.at<void>(at[7]);
  point_kernel<<<blocks(n), kBlock, 0, cs>>>(xyz, label, a.hits, sector, key, n, c);
  int sector_bits = 1;
  while (n_azimuth >> sector_bits) ++sector_bits;
  ap::sort_pairs(temp, key, key2, sector, sector2, n, 32, 64, cs);  // by range, then by sector; both keep the order of points
  ap::sort_pairs(temp, sector2, sector, key2, key, n, 0, sector_bits, cs);
  first_kernel<<<blocks(n_azimuth + 1), kBlock, 0, cs>>>(sector, first, n, n_azimuth);
  cudaMemsetAsync(key2, 0xff, sizeof(uint64_t) * static_cast<size_t>(n), cs);
  step_kernel<<<blocks((n_azimuth + 7) / 8), kBlock, 0, cs>>>(key, first, xyz, key2, n_azimuth, c.oz);
  ap::sort_keys(temp, key2, sorted, n, 0, 64, cs);
  gap_kernel<<<1, 1, 0, cs>>>(sorted, gaps, n, c.beam_factor);
  for (uint8_t value = 1; value <= 2; ++value)
    mark_kernel<<<blocks(n), kBlock, 0, cs>>>(xyz, label, sector, key, first, gaps, a.free, n, value, c);
  shadow_kernel<<<blocks(n), kBlock, 0, cs>>>(xyz, label, sector, key, first, a.shadow, n, c);
  return ap::launched();
}

AP_API int32_t ap_log_odds(const ap::LogOddsArgs& a, void* stream) {
  const int32_t n = a.p.nx * a.p.ny;
  if (n > 0) log_odds_kernel<<<blocks(n), kBlock, 0, static_cast<cudaStream_t>(stream)>>>(a, n);
  return ap::launched();
}
