// All pointers are device memory, and nothing is copied to the host in between. Maxima are compacted in order of their index by a
// scan and sorted by key; pairs are compared side by side, then one thread walks down the table as the CPU does.
#include "decode.cuh"

#include "cuda/device.cuh"

namespace {

constexpr uint64_t kNoKey = ~uint64_t{0};

__global__ void peak_kernel(ap::DecodeBoxesArgs a, int32_t* rank) {
  const int64_t t = ap::thread_index(), area = static_cast<int64_t>(a.p.grid.nx) * a.p.grid.ny;
  if (t < area * a.p.classes) rank[t] = ap::is_peak(a, static_cast<int32_t>(t / area), static_cast<int32_t>(t % area));
}

__global__ void clear_kernel(uint64_t* keys, int64_t n) {
  const int64_t t = ap::thread_index();
  if (t < n) keys[t] = kNoKey;
}

__global__ void key_kernel(ap::DecodeBoxesArgs a, const int32_t* rank, const int32_t* total, uint64_t* keys) {
  const int64_t t = ap::thread_index(), area = static_cast<int64_t>(a.p.grid.nx) * a.p.grid.ny, n = area * a.p.classes;
  if (t >= n || (t + 1 < n ? rank[t + 1] : *total) == rank[t]) return;
  keys[rank[t]] = ap::peak_key(ap::heat_at(a, static_cast<int32_t>(t / area), t % area), static_cast<uint32_t>(t));
}

__global__ void row_kernel(ap::DecodeBoxesArgs a, const uint64_t* keys, int32_t n, float* rows) {
  const int64_t r = ap::thread_index();
  if (r < n && keys[r] != kNoKey) ap::box_row(a, static_cast<int32_t>(ap::key_peak(keys[r]) % (a.p.grid.nx * a.p.grid.ny)), rows + r * ap::kRow);
}

// taken[i * words + j / 32]: bit of every less likely box j that i takes out.
__global__ void pair_kernel(ap::DecodeBoxesArgs a, const uint64_t* keys, const float* rows, int32_t n, int32_t words, uint32_t* taken) {
  const int64_t t = ap::thread_index();
  if (t >= static_cast<int64_t>(n) * words) return;
  const int32_t i = static_cast<int32_t>(t / words), area = a.p.grid.nx * a.p.grid.ny;
  uint32_t bits = 0;
  for (int32_t b = 0; b < 32; ++b) {
    const int32_t j = static_cast<int32_t>(t % words) * 32 + b;
    if (j <= i || j >= n || keys[j] == kNoKey) continue;
    const auto k = static_cast<int32_t>(ap::key_peak(keys[i]) / area), m = static_cast<int32_t>(ap::key_peak(keys[j]) / area);
    if (ap::suppresses(a, rows + static_cast<int64_t>(i) * ap::kRow, k, rows + static_cast<int64_t>(j) * ap::kRow, m)) bits |= 1u << b;
  }
  taken[t] = bits;
}

// One thread: which rows stay, and where they go in the output (-1: nowhere).
__global__ void keep_kernel(const uint64_t* keys, const uint32_t* taken, int32_t n, int32_t words, const int32_t* total, uint32_t* gone, int32_t* to,
                            int32_t* totals) {
  int32_t used = 0;
  for (int32_t w = 0; w < words; ++w) gone[w] = 0u;
  for (int32_t i = 0; i < n; ++i) {
    to[i] = -1;
    if (keys[i] == kNoKey || gone[i / 32] >> (i % 32) & 1u) continue;
    to[i] = used++;
    for (int32_t w = i / 32; w < words; ++w) gone[w] |= taken[static_cast<int64_t>(i) * words + w];
  }
  totals[0] = used;
  totals[1] = *total;
}

__global__ void store_kernel(ap::DecodeBoxesArgs a, const uint64_t* keys, const float* rows, const int32_t* to, int32_t n) {
  const int64_t i = ap::thread_index();
  if (i >= a.totals[0] && i < a.p.room) ap::clear_row(a, static_cast<int32_t>(i));
  if (i >= n || to[i] < 0) return;
  const int32_t area = a.p.grid.nx * a.p.grid.ny, cell = static_cast<int32_t>(ap::key_peak(keys[i]) % area);
  for (int k = 0; k < ap::kRow; ++k) a.rows[static_cast<int64_t>(to[i]) * ap::kRow + k] = rows[i * ap::kRow + k];
  for (int32_t m = 0; m < a.p.classes; ++m) a.scores[static_cast<int64_t>(to[i]) * a.p.classes + m] = ap::class_score(a, m, cell);
  a.labels[to[i]] = static_cast<int32_t>(ap::key_peak(keys[i]) / area);
}

}  // namespace

AP_API int32_t ap_decode_boxes(const ap::DecodeBoxesArgs& a, void* stream) {
  if (const int32_t why = ap::refused(a.p)) return why;
  const auto s = static_cast<cudaStream_t>(stream);
  const int64_t all = static_cast<int64_t>(a.p.grid.nx) * a.p.grid.ny * a.p.classes;
  // maxima of a class never touch: at most one in each square of 2 x 2 cells
  const int64_t most = static_cast<int64_t>((a.p.grid.nx + 1) / 2) * ((a.p.grid.ny + 1) / 2) * a.p.classes;
  const int32_t n = static_cast<int32_t>(a.p.room < most ? a.p.room : most), words = (n + 31) / 32;
  ap::Pieces room;
  const size_t ranks = room.add<int32_t>(all), sum = room.add<int32_t>(1), unsorted = room.add<uint64_t>(most), sorted = room.add<uint64_t>(most),
               temp = room.add<char>(ap::sort_bytes(most)), table = room.add<float>(static_cast<int64_t>(n) * ap::kRow),
               bits = room.add<uint32_t>(static_cast<int64_t>(n) * words), out_of = room.add<uint32_t>(words), places = room.add<int32_t>(n);
  if (!room.get(s)) return ap::no_room();
  auto *rank = room.at<int32_t>(ranks), *total = room.at<int32_t>(sum), *to = room.at<int32_t>(places);
  auto *in = room.at<uint64_t>(unsorted), *keys = room.at<uint64_t>(sorted);
  auto* rows = room.at<float>(table);
  auto *taken = room.at<uint32_t>(bits), *gone = room.at<uint32_t>(out_of);
  peak_kernel<<<ap::blocks(all), ap::kThreads, 0, s>>>(a, rank);
  ap::exclusive_scan(rank, all, total, s);
  clear_kernel<<<ap::blocks(most), ap::kThreads, 0, s>>>(in, most);
  key_kernel<<<ap::blocks(all), ap::kThreads, 0, s>>>(a, rank, total, in);
  ap::sort_keys(room.at<void>(temp), in, keys, most, 0, 64, s);
  row_kernel<<<ap::blocks(n), ap::kThreads, 0, s>>>(a, keys, n, rows);
  pair_kernel<<<ap::blocks(static_cast<int64_t>(n) * words), ap::kThreads, 0, s>>>(a, keys, rows, n, words, taken);
  keep_kernel<<<1, 1, 0, s>>>(keys, taken, n, words, total, gone, to, a.totals);
  store_kernel<<<ap::blocks(a.p.room), ap::kThreads, 0, s>>>(a, keys, rows, to, n);
  return ap::launched();
}
