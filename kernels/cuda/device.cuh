// What the CUDA launchers share: launch sizes, grow-only scratch memory, stable sort, ordered compaction.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>

#include "launchers.h"

namespace ap {

constexpr int kThreads = 256;

inline int blocks(int64_t n) { return static_cast<int>((n + kThreads - 1) / kThreads); }

// Index of this thread over the whole grid.
__device__ __forceinline__ int64_t thread_index() { return blockIdx.x * static_cast<int64_t>(kThreads) + threadIdx.x; }

// Result of a launcher after its last launch: 0, or kCudaError - cudaError_t.
inline int32_t launched() {
  const cudaError_t error = cudaGetLastError();
  return error == cudaSuccess ? 0 : kCudaError - static_cast<int32_t>(error);
}

// Result of a launcher whose scratch memory could not be had.
inline int32_t no_room() {
  const int32_t result = launched();  // takes the error away: the next launcher must not find it
  return result ? result : kCudaError - static_cast<int32_t>(cudaErrorMemoryAllocation);
}

// Scratch memory of the calling thread for one stream: grows when a call needs more, is never given back, and is
// reused by the next call on that stream (calls on a stream run in order). Null when the GPU has no room.
void* scratch(cudaStream_t stream, size_t bytes);

// Cuts one scratch allocation into aligned pieces: list them with add(), then get(), then at().
class Pieces {
 public:
  // Reserves room for count values; returns the piece's offset.
  template <class T>
  size_t add(int64_t count) {
    const size_t offset = bytes_;
    bytes_ += (static_cast<size_t>(count) * sizeof(T) + 255) / 256 * 256;
    return offset;
  }
  bool get(cudaStream_t stream) {
    base_ = static_cast<char*>(scratch(stream, bytes_));
    return base_ != nullptr;
  }
  template <class T>
  T* at(size_t offset) const {
    return reinterpret_cast<T*>(base_ + offset);
  }

 private:
  char* base_ = nullptr;
  size_t bytes_ = 0;
};

// Stable radix sort by bits [begin_bit, end_bit) of the key, of keys alone or with a value each. Inputs are left as
// they are; temp holds sort_bytes(n). At most 2^31 - 1 keys.
size_t sort_bytes(int64_t n);
void sort_keys(void* temp, const uint64_t* in, uint64_t* out, int64_t n, int begin_bit, int end_bit, cudaStream_t stream);
void sort_pairs(void* temp, const uint64_t* in, uint64_t* out, const uint32_t* value_in, uint32_t* value_out, int64_t n,
                int begin_bit, int end_bit, cudaStream_t stream);
void sort_pairs(void* temp, const uint32_t* in, uint32_t* out, const uint64_t* value_in, uint64_t* value_out, int64_t n,
                int begin_bit, int end_bit, cudaStream_t stream);

// Turns n counts into where each one's share begins; the total goes to *total (may be null). Integers: exact in any order.
void exclusive_scan(int32_t* counts, int64_t n, int32_t* total, cudaStream_t stream);

// Rank of this thread among the threads of its block whose flag is set, in thread order.
__device__ __forceinline__ int rank_in_block(bool flag) {
  __shared__ int warps[kThreads / 32];
  const unsigned mask = __ballot_sync(0xffffffffu, flag);
  const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  if (lane == 0) warps[warp] = __popc(mask);
  __syncthreads();
  int before = __popc(mask & ((1u << lane) - 1u));
  for (int w = 0; w < warp; ++w) before += warps[w];
  __syncthreads();
  return before;
}

}  // namespace ap
