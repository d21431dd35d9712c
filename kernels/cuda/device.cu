// Scratch memory, CUB's radix sort (compiled once for all launchers) and a small scan.
#include "cuda/device.cuh"

#include <cub/device/device_radix_sort.cuh>
#include <unordered_map>

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

size_t sort_bytes(int64_t n) {
  size_t keys = 0, pairs = 0;
  uint64_t* key = nullptr;
  uint32_t* value = nullptr;
  cub::DeviceRadixSort::SortKeys(nullptr, keys, key, key, n);
  cub::DeviceRadixSort::SortPairs(nullptr, pairs, key, key, value, value, n);
  return keys > pairs ? keys : pairs;
}

cudaError_t sort_keys(void* temp, const uint64_t* in, uint64_t* out, int64_t n, int begin_bit, int end_bit, cudaStream_t stream) {
  size_t bytes = sort_bytes(n);
  return cub::DeviceRadixSort::SortKeys(temp, bytes, in, out, n, begin_bit, end_bit, stream);
}

cudaError_t sort_pairs(void* temp, const uint64_t* in, uint64_t* out, const uint32_t* value_in, uint32_t* value_out, int64_t n,
                       int begin_bit, int end_bit, cudaStream_t stream) {
  size_t bytes = sort_bytes(n);
  return cub::DeviceRadixSort::SortPairs(temp, bytes, in, out, value_in, value_out, n, begin_bit, end_bit, stream);
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

}  // namespace ap
