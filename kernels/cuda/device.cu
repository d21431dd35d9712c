// Scratch memory, a scan and a stable radix sort (CUB's takes 15 s a file to compile for all architectures).
#include "cuda/device.cuh"

#include <unordered_map>
#include <utility>

namespace ap {

void* scratch(cudaStream_t stream, size_t bytes) {
  struct Buffer {
    void* data = nullptr;
    size_t bytes = 0;
  };
  static thread_local std::unordered_map<cudaStream_t, Buffer> buffers;
  Buffer& buffer = buffers[stream];
  if (buffer.data && buffer.bytes >= bytes) return buffer.data;
  if (buffer.data) {
    cudaStreamSynchronize(stream);  // earlier calls may still use it
    cudaFree(buffer.data);
  }
  buffer.bytes = bytes + bytes / 2 + 4096;
  if (cudaMalloc(&buffer.data, buffer.bytes) != cudaSuccess) buffer = Buffer{};
  return buffer.data;
}

// One block walks over all counts; each of its threads sums a run of 16, so 1024 threads take 16,384 counts a round.
__global__ void scan_kernel(int32_t* counts, int64_t n, int32_t* total) {
  constexpr int kRun = 16, kWidth = 1024;
  __shared__ int32_t warps[32];
  __shared__ int32_t carry;
  if (threadIdx.x == 0) carry = 0;
  __syncthreads();
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  for (int64_t base = 0; base < n; base += kRun * kWidth) {
    const int64_t first = base + static_cast<int64_t>(threadIdx.x) * kRun;
    int32_t run = 0;
    for (int k = 0; k < kRun; ++k)
      if (first + k < n) run += counts[first + k];
    int32_t upto = run;  // inclusive scan of the runs: within the warp, then over the warps
    for (int d = 1; d < 32; d *= 2) {
      const int32_t other = __shfl_up_sync(0xffffffffu, upto, d);
      if (lane >= d) upto += other;
    }
    if (lane == 31) warps[warp] = upto;
    __syncthreads();
    int32_t before = carry + upto - run;
    for (int w = 0; w < warp; ++w) before += warps[w];
    for (int k = 0; k < kRun; ++k)
      if (first + k < n) {
        const int32_t own = counts[first + k];
        counts[first + k] = before;
        before += own;
      }
    __syncthreads();
    if (threadIdx.x == kWidth - 1) carry = before;
    __syncthreads();
  }
  if (threadIdx.x == 0 && total) *total = carry;
}

void exclusive_scan(int32_t* counts, int64_t n, int32_t* total, cudaStream_t stream) {
  scan_kernel<<<1, 1024, 0, stream>>>(counts, n, total);
}

namespace {

constexpr int kDigits = 256, kRounds = 8, kWarps = kThreads / 32;
constexpr int kTile = kThreads * kRounds;  // keys of one block; each warp takes a run of 32 * kRounds in order

struct Nothing {};

template <class K>
__device__ int digit_of(K key, int shift, int mask) {
  return static_cast<int>(key >> shift) & mask;
}

// How many keys of each block have each digit: counts[digit * blocks + block].
template <class K>
__global__ void digit_kernel(const K* in, int32_t* counts, int64_t n, int shift, int mask) {
  __shared__ int32_t own[kDigits];
  own[threadIdx.x] = 0;
  __syncthreads();
  for (int r = 0; r < kRounds; ++r) {
    const int64_t i = blockIdx.x * static_cast<int64_t>(kTile) + r * kThreads + threadIdx.x;
    if (i < n) atomicAdd(own + digit_of(in[i], shift, mask), 1);
  }
  __syncthreads();
  counts[threadIdx.x * static_cast<int64_t>(gridDim.x) + blockIdx.x] = own[threadIdx.x];
}

// Lanes of the warp that hold the same digit as this one, among those that take part.
__device__ unsigned peers_of(int digit, bool takes_part) {
  unsigned peers = __ballot_sync(0xffffffffu, takes_part);
  for (int bit = 0; bit < 8; ++bit) {
    const unsigned ones = __ballot_sync(0xffffffffu, digit >> bit & 1);
    peers &= digit >> bit & 1 ? ones : ~ones;
  }
  return peers;
}

// Writes each key to where its digit's share of its block begins, plus its rank among the equal digits before it.
template <class K, class V>
__global__ void scatter_kernel(const K* in, K* out, const V* value_in, V* value_out, const int32_t* starts, int64_t n, int shift, int mask) {
  __shared__ int32_t count[kWarps][kDigits];
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  for (int w = 0; w < kWarps; ++w) count[w][threadIdx.x] = 0;
  __syncthreads();
  const int64_t first = blockIdx.x * static_cast<int64_t>(kTile) + warp * 32 * kRounds + lane;
  int32_t rank[kRounds];
  for (int r = 0; r < kRounds; ++r) {
    const int64_t i = first + 32 * r;
    const int digit = i < n ? digit_of(in[i], shift, mask) : 0;
    const unsigned peers = peers_of(digit, i < n);
    rank[r] = count[warp][digit] + __popc(peers & ((1u << lane) - 1u));
    __syncwarp();
    if (i < n && (peers >> lane) == 1u) count[warp][digit] += __popc(peers);  // the last of the equal lanes
    __syncwarp();
  }
  __syncthreads();
  int32_t before = starts[threadIdx.x * static_cast<int64_t>(gridDim.x) + blockIdx.x];
  for (int w = 0; w < kWarps; ++w) {  // thread = digit: where each warp's share begins
    const int32_t own = count[w][threadIdx.x];
    count[w][threadIdx.x] = before;
    before += own;
  }
  __syncthreads();
  for (int r = 0; r < kRounds; ++r) {
    const int64_t i = first + 32 * r;
    if (i >= n) continue;
    const int32_t to = count[warp][digit_of(in[i], shift, mask)] + rank[r];
    out[to] = in[i];
    if constexpr (sizeof(V) > 1) value_out[to] = value_in[i];
  }
}

int64_t tiles(int64_t n) { return (n + kTile - 1) / kTile; }

size_t aligned(size_t bytes) { return (bytes + 255) / 256 * 256; }

// Passes of eight bits, to and fro between out and temp, such that the last one lands in out.
template <class K, class V>
void radix_sort(void* temp, const K* in, K* out, const V* value_in, V* value_out, int64_t n, int begin_bit, int end_bit, cudaStream_t stream) {
  if (n <= 0) return;
  auto* counts = static_cast<int32_t*>(temp);
  auto* other = reinterpret_cast<K*>(static_cast<char*>(temp) + aligned(sizeof(int32_t) * kDigits * tiles(n)));
  auto* value_other = reinterpret_cast<V*>(reinterpret_cast<char*>(other) + aligned(sizeof(K) * n));
  const int passes = (end_bit - begin_bit + 7) / 8;
  K* to = passes % 2 ? out : other;
  V* value_to = passes % 2 ? value_out : value_other;
  K* next = passes % 2 ? other : out;
  V* value_next = passes % 2 ? value_other : value_out;
  const int blocks_of_tiles = static_cast<int>(tiles(n));
  for (int shift = begin_bit; shift < end_bit; shift += 8) {
    const int mask = end_bit - shift >= 8 ? kDigits - 1 : (1 << (end_bit - shift)) - 1;
    digit_kernel<K><<<blocks_of_tiles, kThreads, 0, stream>>>(in, counts, n, shift, mask);
    exclusive_scan(counts, kDigits * tiles(n), nullptr, stream);
    scatter_kernel<K, V><<<blocks_of_tiles, kThreads, 0, stream>>>(in, to, value_in, value_to, counts, n, shift, mask);
    in = to;
    value_in = value_to;
    std::swap(to, next);
    std::swap(value_to, value_next);
  }
}

}  // namespace

size_t sort_bytes(int64_t n) { return aligned(sizeof(int32_t) * kDigits * tiles(n)) + 2 * aligned(sizeof(uint64_t) * n); }

void sort_keys(void* temp, const uint64_t* in, uint64_t* out, int64_t n, int begin_bit, int end_bit, cudaStream_t stream) {
  radix_sort<uint64_t, Nothing>(temp, in, out, nullptr, nullptr, n, begin_bit, end_bit, stream);
}

void sort_pairs(void* temp, const uint64_t* in, uint64_t* out, const uint32_t* value_in, uint32_t* value_out, int64_t n,
                int begin_bit, int end_bit, cudaStream_t stream) {
  radix_sort(temp, in, out, value_in, value_out, n, begin_bit, end_bit, stream);
}

void sort_pairs(void* temp, const uint32_t* in, uint32_t* out, const uint64_t* value_in, uint64_t* value_out, int64_t n,
                int begin_bit, int end_bit, cudaStream_t stream) {
  radix_sort(temp, in, out, value_in, value_out, n, begin_bit, end_bit, stream);
}

}  // namespace ap

AP_API const char* ap_border() { return AP_BORDER; }
AP_API const char* ap_cuda_error_name(int32_t error) { return cudaGetErrorName(static_cast<cudaError_t>(error)); }
AP_API const char* ap_cuda_error_string(int32_t error) { return cudaGetErrorString(static_cast<cudaError_t>(error)); }
