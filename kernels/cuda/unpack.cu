// All pointers are device memory. Two passes over the points:
// count what each block keeps, then write it in order.
#include "unpack.cuh"

#include "cuda/device.cuh"

namespace {

template <bool kPlain>
__device__ ap::Drop look(const ap::UnpackParams& plan, const uint8_t* data, const float* poses, const float* masks, int64_t i,
                         ap::UnpackedPoint* out) {
  return i < plan.n ? ap::unpack_point<kPlain>(plan, ap::point_at(plan, data, i), poses, masks, out) : ap::kDropReasons;
}

template <bool kPlain>
__global__ void count_kernel(ap::UnpackParams plan, const uint8_t* data, const float* poses, const float* masks, int32_t* kept,
                             int32_t* counts) {
  ap::UnpackedPoint out;
  const ap::Drop drop = look<kPlain>(plan, data, poses, masks, ap::thread_index(), &out);
  for (int reason = 0; reason < ap::kDropReasons; ++reason) {
    const int here = __syncthreads_count(drop == reason);
    if (threadIdx.x != 0) continue;
    if (reason == ap::kKept) kept[blockIdx.x] = here;
    if (here) atomicAdd(counts + reason, here);  // integers: the order of blocks does not matter
  }
}

template <bool kPlain>
__global__ void write_kernel(ap::UnpackParams plan, const uint8_t* data, const float* poses, const float* masks, const int32_t* start,
                             float* xyz, float* intensity, float* time, uint16_t* ring) {
  ap::UnpackedPoint out;
  const bool keep = look<kPlain>(plan, data, poses, masks, ap::thread_index(), &out) == ap::kKept;
  const int64_t k = start[blockIdx.x] + ap::rank_in_block(keep);
  if (!keep) return;
  xyz[3 * k] = out.x;
  xyz[3 * k + 1] = out.y;
  xyz[3 * k + 2] = out.z;
  intensity[k] = out.intensity;
  time[k] = out.time;
  ring[k] = out.ring;
}

}  // namespace

AP_API int32_t ap_unpack(const ap::UnpackArgs& a, void* stream) {
  const ap::UnpackParams& plan = a.p;
  if (const int32_t why = ap::refused(plan)) return why;
  const auto s = static_cast<cudaStream_t>(stream);
  cudaMemsetAsync(a.counts, 0, ap::kDropReasons * sizeof(int32_t), s);
  if (plan.n == 0) return ap::launched();
  const int n_blocks = ap::blocks(plan.n);
  ap::Pieces room;
  const size_t at = room.add<int32_t>(n_blocks);
  if (!room.get(s)) return ap::no_room();
  auto* start = room.at<int32_t>(at);
  const bool plain = ap::is_plain(plan);
  (plain ? count_kernel<true> : count_kernel<false>)<<<n_blocks, ap::kThreads, 0, s>>>(plan, a.data, a.poses, a.masks, start, a.counts);
  ap::exclusive_scan(start, n_blocks, nullptr, s);
  (plain ? write_kernel<true> : write_kernel<false>)<<<n_blocks, ap::kThreads, 0, s>>>(plan, a.data, a.poses, a.masks, start, a.xyz,
                                                                                      a.intensity, a.time, a.ring);
  return ap::launched();
}
