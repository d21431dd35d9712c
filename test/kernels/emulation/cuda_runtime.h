// Just enough of CUDA to run the launchers on the CPU: each thread of a block is a fiber, blocks run one after another.
// It shows that the kernels' logic is right (ranks, barriers, sizes), not how blocks race or how fast they are.
#pragma once
#include <ucontext.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __shared__ static
#define __restrict__
#define __launch_bounds__(...)

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
using cudaStream_t = void*;
enum cudaError_t { cudaSuccess = 0, cudaErrorMemoryAllocation = 2, cudaErrorInvalidConfiguration = 9, cudaErrorIllegalAddress = 700 };
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3, cudaMemcpyDefault = 4 };

inline dim3 gridDim, blockDim, blockIdx, threadIdx;

namespace emulation {

constexpr size_t kStack = 64 * 1024;

// Barrier of a group of fibers; a fiber that has ended counts as arrived, as on a GPU.
struct Barrier {
  int live = 0, arrived = 0, generation = 0;
};

struct Fiber {
  ucontext_t context;
  std::vector<char> stack = std::vector<char>(kStack);
  bool done = true;
  int thread = 0;
  unsigned collectives = 0;
};

inline std::vector<std::unique_ptr<Fiber>> fibers;
inline ucontext_t scheduler;
inline Fiber* current = nullptr;
inline const std::function<void()>* body = nullptr;
inline Barrier block_barrier;
inline std::vector<Barrier> warp_barriers;
inline std::vector<uint64_t> deposits[2];
inline bool progress = false;

// Errors as a GPU has them: of a launch or an allocation, told once; of a kernel that runs, told by every later call.
inline cudaError_t next_launch = cudaSuccess, next_run = cudaSuccess, next_allocation = cudaSuccess;
inline cudaError_t last = cudaSuccess, running = cudaSuccess, sticky = cudaSuccess;

inline cudaError_t taken(cudaError_t& error) {
  const cudaError_t out = error;
  error = cudaSuccess;
  return out;
}

// A kernel's error becomes known when the host waits, or at some call after the one that launched it.
inline cudaError_t waited() {
  if (running != cudaSuccess) sticky = taken(running);
  return sticky;
}

inline void release(Barrier& b) {
  if (b.arrived == 0 || b.arrived < b.live) return;
  b.arrived = 0;
  ++b.generation;
  progress = true;
}

inline void wait(Barrier& b) {
  const int generation = b.generation;
  ++b.arrived;
  release(b);
  while (b.generation == generation) swapcontext(&current->context, &scheduler);
}

inline void entry() {
  (*body)();
  current->done = progress = true;
  Barrier& warp = warp_barriers[current->thread / 32];
  --block_barrier.live;
  --warp.live;
  release(block_barrier);
  release(warp);
  swapcontext(&current->context, &scheduler);
}

inline void run_block(int threads) {
  block_barrier = Barrier{threads};
  warp_barriers.assign((threads + 31) / 32, Barrier{});
  for (auto& d : deposits) d.assign(threads, 0);
  while (static_cast<int>(fibers.size()) < threads) fibers.push_back(std::make_unique<Fiber>());
  for (int t = 0; t < threads; ++t) {
    Fiber& f = *fibers[t];
    ++warp_barriers[t / 32].live;
    f.done = false;
    f.thread = t;
    f.collectives = 0;
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = f.stack.data();
    f.context.uc_stack.ss_size = kStack;
    f.context.uc_link = nullptr;
    makecontext(&f.context, entry, 0);
  }
  for (int left = threads; left > 0;) {
    progress = false;
    left = 0;
    for (int t = 0; t < threads; ++t) {
      if (fibers[t]->done) continue;
      current = fibers[t].get();
      threadIdx = dim3(t);
      swapcontext(&scheduler, &current->context);
      left += !current->done;
    }
    if (left > 0 && !progress) {
      std::fprintf(stderr, "emulated block hangs at a barrier that not all threads reach\n");
      std::abort();
    }
  }
}

template <class F>
void launch(dim3 grid, dim3 block, F&& kernel) {
  if (grid.x == 0 || block.x == 0 || block.x > 1024) {
    std::fprintf(stderr, "emulated launch of %u x %u threads\n", grid.x, block.x);
    std::abort();
  }
  if (next_launch != cudaSuccess) last = taken(next_launch);
  if (sticky != cudaSuccess || last != cudaSuccess) return;  // after a failed launch the next would run on rubbish
  const std::function<void()> call = kernel;
  gridDim = grid;
  blockDim = block;
  body = &call;
  for (unsigned b = 0; b < grid.x; ++b) {
    blockIdx = dim3(b);
    run_block(static_cast<int>(block.x));
  }
  if (next_run != cudaSuccess) running = taken(next_run);
}

// Leaves a value for the other lanes; returns where lane 0's lies. Two buffers: no lane is ever two rounds ahead.
inline const uint64_t* exchange(uint64_t value) {
  auto& slots = deposits[current->collectives++ & 1];
  slots[current->thread] = value;
  wait(warp_barriers[current->thread / 32]);
  return slots.data() + current->thread / 32 * 32;
}

inline int lanes() {
  const int base = current->thread / 32 * 32;
  return static_cast<int>(blockDim.x) - base < 32 ? static_cast<int>(blockDim.x) - base : 32;
}

}  // namespace emulation

inline void __syncthreads() { emulation::wait(emulation::block_barrier); }
inline void __syncwarp(unsigned = 0xffffffffu) { emulation::exchange(0); }
inline void __threadfence() {}
inline unsigned __ballot_sync(unsigned, bool flag) {
  const uint64_t* slots = emulation::exchange(flag);
  unsigned out = 0;
  for (int i = 0; i < emulation::lanes(); ++i) out |= static_cast<unsigned>(slots[i] != 0) << i;
  return out;
}
template <class T>
T __shfl_up_sync(unsigned, T value, int delta) {
  uint64_t raw = 0;
  std::memcpy(&raw, &value, sizeof(T));
  const uint64_t* slots = emulation::exchange(raw);
  const int lane = emulation::current->thread & 31;
  if (lane >= delta) std::memcpy(&value, slots + lane - delta, sizeof(T));
  return value;
}
inline int __syncthreads_count(bool flag) {
  static int count;
  __syncthreads();
  if (emulation::current->thread == 0) count = 0;
  __syncthreads();
  count += flag;
  __syncthreads();
  return count;
}
inline int __popc(unsigned v) { return __builtin_popcount(v); }
inline int __clz(int v) { return v ? __builtin_clz(static_cast<unsigned>(v)) : 32; }

template <class T, class U>
T atomicAdd(T* p, U v) {
  const T old = *p;
  *p = static_cast<T>(old + v);
  return old;
}
template <class T, class U>
T atomicOr(T* p, U v) {
  const T old = *p;
  *p = static_cast<T>(old | v);
  return old;
}
template <class T, class U>
T atomicMin(T* p, U v) {
  const T old = *p;
  if (static_cast<T>(v) < old) *p = static_cast<T>(v);
  return old;
}
template <class T, class U>
T atomicMax(T* p, U v) {
  const T old = *p;
  if (static_cast<T>(v) > old) *p = static_cast<T>(v);
  return old;
}
template <class T, class U>
T atomicExch(T* p, U v) {
  const T old = *p;
  *p = static_cast<T>(v);
  return old;
}
template <class T, class U, class V>
T atomicCAS(T* p, U expected, V v) {
  const T old = *p;
  if (old == static_cast<T>(expected)) *p = static_cast<T>(v);
  return old;
}

// The next launch, the next kernel that runs and the next allocation fail with these errors; forgets all others.
extern "C" __attribute__((used)) inline void emulation_fail(int at_launch, int while_running, int at_allocation) {
  using namespace emulation;
  next_launch = static_cast<cudaError_t>(at_launch);
  next_run = static_cast<cudaError_t>(while_running);
  next_allocation = static_cast<cudaError_t>(at_allocation);
  last = running = sticky = cudaSuccess;
}

inline cudaError_t cudaGetLastError() {
  if (emulation::sticky != cudaSuccess) return emulation::sticky;
  emulation::waited();  // the call after this one finds it
  return emulation::taken(emulation::last);
}
inline const char* cudaGetErrorName(cudaError_t error) {
  return error == cudaErrorMemoryAllocation       ? "cudaErrorMemoryAllocation"
         : error == cudaErrorInvalidConfiguration ? "cudaErrorInvalidConfiguration"
         : error == cudaErrorIllegalAddress       ? "cudaErrorIllegalAddress"
                                                  : "unrecognized error code";
}
inline const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaErrorMemoryAllocation       ? "out of memory"
         : error == cudaErrorInvalidConfiguration ? "invalid configuration argument"
         : error == cudaErrorIllegalAddress       ? "an illegal memory access was encountered"
                                                  : "unrecognized error code";
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return emulation::waited(); }
template <class T>
cudaError_t cudaMalloc(T** p, size_t bytes) {
  if (emulation::next_allocation != cudaSuccess) {
    *p = nullptr;
    return emulation::last = emulation::taken(emulation::next_allocation);
  }
  *p = static_cast<T*>(std::malloc(bytes));
  if (*p) std::memset(static_cast<void*>(*p), 0xA5, bytes);  // fresh memory holds rubbish
  return *p ? cudaSuccess : cudaErrorMemoryAllocation;
}
template <class T>
cudaError_t cudaMallocAsync(T** p, size_t bytes, cudaStream_t) {
  return cudaMalloc(p, bytes);
}
inline cudaError_t cudaFree(void* p) {
  std::free(p);
  return cudaSuccess;
}
inline cudaError_t cudaFreeAsync(void* p, cudaStream_t) { return cudaFree(p); }
inline cudaError_t cudaMemsetAsync(void* p, int value, size_t bytes, cudaStream_t) {
  std::memset(p, value, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t) {
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}
