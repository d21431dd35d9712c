// CUDA launcher of the ground segmentation. Minima and sums are integers, so threads may come in any order; the growth
// runs in one block with a thread per sector. `work` is the CPU's workspace: here the memory is the stream's scratch.
#include "ground.cuh"

#include "cuda/device.cuh"

namespace {

using namespace ap;

constexpr int kTries = 2 * kSlopeTries + 1;

// The arrays of the operation in device memory.
struct Field {
  int64_t* key;
  float *centre, *width, *per_metre, *range, *turn, *height, *layer, *surface, *refined;
  int32_t *cell, *lowest, *sum, *count, *votes;
  uint8_t *accepted, *crowded, *level;
  GroundPlane* plane;
};

__global__ void clear_kernel(Field f) {
  const int64_t k = thread_index();
  if (k < kTries * kTries) f.votes[k] = 0;
  if (k < kGroundBins) {
    f.centre[k] = ground_centre(static_cast<int>(k));
    f.width[k] = ground_edge(static_cast<int>(k) + 1) - ground_edge(static_cast<int>(k));
    f.per_metre[k] = 1.0f / (ground_centre(static_cast<int>(k) + 1) - f.centre[k]);
  }
  if (k >= kGroundCells) return;
  f.key[k] = kNoReturn;
  f.crowded[k] = 0;
  f.sum[k] = f.count[k] = 0;
}

__global__ void polar_kernel(const float* xyz, int32_t n, GroundParams c, Field f) {
  const int64_t i = thread_index();
  if (i >= n) return;
  const GroundPolar p = ground_polar(xyz + 3 * i, c);
  f.cell[i] = p.cell;
  f.range[i] = p.range;
  f.turn[i] = p.turn;
  if (p.cell >= 0) atomicMin(reinterpret_cast<long long*>(f.key + p.cell), static_cast<long long>(low_key(xyz[3 * i + 2], static_cast<int32_t>(i))));
}

__global__ void lowest_kernel(const float* xyz, Field f) {
  const int64_t k = thread_index();
  if (k >= kGroundCells) return;
  const bool empty = f.key[k] == kNoReturn;
  f.lowest[k] = empty ? -1 : low_index(f.key[k]);
  f.height[k] = empty ? 1e30f : xyz[3 * static_cast<int64_t>(f.lowest[k]) + 2];
}

__global__ void crowd_kernel(const float* xyz, int32_t n, GroundParams c, Field f) {
  const int64_t i = thread_index();
  if (i >= n || f.cell[i] < 0) return;
  const int32_t k = f.cell[i];
  if (ground_crowds(xyz[3 * i + 2] - f.height[k], f.width[k / kGroundSectors], c)) f.crowded[k] = 1;
}

__global__ void level_kernel(Field f) {
  const int64_t k = thread_index();
  if (k < kGroundCells) f.level[k] = ground_crowd_level(f.crowded, static_cast<int>(k) / kGroundSectors, static_cast<int>(k) % kGroundSectors);
}

__device__ bool near_return(const float* xyz, const GroundParams& c, const Field& f, int k, float* x, float* y, float* z) {
  const float r = f.centre[k / kGroundSectors];
  if (r < kStartNear || r > kStartFar || f.lowest[k] < 0 || f.crowded[k]) return false;
  const float* p = xyz + 3 * static_cast<int64_t>(f.lowest[k]);
  *x = p[0] - c.ox;
  *y = p[1] - c.oy;
  *z = p[2] - c.ground_z;
  return true;
}

// One block per slope tried.
__global__ void vote_kernel(const float* xyz, GroundParams c, Field f) {
  const int tried = static_cast<int>(blockIdx.x);
  const float gx = kSlopeTry * static_cast<float>(tried / kTries - kSlopeTries), gy = kSlopeTry * static_cast<float>(tried % kTries - kSlopeTries);
  int32_t votes = 0;
  float x, y, z;
  for (int k = threadIdx.x; k < kGroundCells; k += kThreads)
    if (near_return(xyz, c, f, k, &x, &y, &z)) votes += ground_vote(x, y, z, gx, gy);
  atomicAdd(f.votes + tried, votes);
}

// One block: the slope with most votes, fitted twice; partial sums are joined in the order of the threads.
__global__ void plane_kernel(const float* xyz, GroundParams c, Field f) {
  __shared__ PlaneSums part[kThreads];
  __shared__ GroundPlane plane;
  if (threadIdx.x == 0) {
    int32_t best = 256 * kPlanePrior;  // fewer returns say nothing of a slope
    plane = {0.0f, 0.0f, 0.0f};
    for (int t = 0; t < kTries * kTries; ++t) {
      const int i = t / kTries - kSlopeTries, j = t % kTries - kSlopeTries;
      const int32_t votes = f.votes[t] + (i == 0 && j == 0 ? f.votes[t] / 10 : 0);
      if (votes <= best) continue;
      best = votes;
      plane = {0.0f, kSlopeTry * static_cast<float>(i), kSlopeTry * static_cast<float>(j)};
    }
  }
  for (int round = 0; round < 2; ++round) {
    __syncthreads();
    PlaneSums own{};
    float x, y, z;
    for (int k = threadIdx.x; k < kGroundCells; k += kThreads)
      if (near_return(xyz, c, f, k, &x, &y, &z)) plane_add(own, plane, x, y, z);
    part[threadIdx.x] = own;
    __syncthreads();
    if (threadIdx.x != 0) continue;
    for (int t = 1; t < kThreads; ++t) {
      own.n += part[t].n; own.x += part[t].x; own.y += part[t].y; own.z += part[t].z; own.xx += part[t].xx;
      own.xy += part[t].xy; own.yy += part[t].yy; own.xz += part[t].xz; own.yz += part[t].yz;
    }
    plane = plane_fit(own, plane);
  }
  if (threadIdx.x == 0) *f.plane = plane;
}

__global__ void grow_kernel(GroundParams c, Field f) {
  __shared__ GroundState ahead[kGroundSectors];
  const int s = static_cast<int>(threadIdx.x);
  GroundState g = ground_start(*f.plane, s, c);
  for (int b = 0; b < kGroundBins; ++b) {
    const float r = f.centre[b];
    __syncthreads();
    ahead[s] = ground_predict(g, b ? r - f.centre[b - 1] : r);
    __syncthreads();
    const int k = b * kGroundSectors + s, i = f.lowest[k];
    g = ground_mix(ahead[s], ahead[(s - 1) & (kGroundSectors - 1)], ahead[(s + 1) & (kGroundSectors - 1)], r);
    f.accepted[k] = i >= 0 && ground_accept(g, r, f.range[i], f.height[k], f.level[k],
                                            f.height[k] < g.z && ground_supported(f.height, b, s, kGateFloor + c.steep * f.width[b]), c);
    f.surface[k] = g.z;
  }
  ground_bridge(f.surface, f.accepted, f.centre, s);
}

__global__ void measure_kernel(const float* xyz, int32_t n, const float* surface, float* height, bool refine, Field f) {
  const int64_t i = thread_index();
  if (i >= n) return;
  const int32_t k = f.cell[i];
  const float h = k < 0 ? NAN : xyz[3 * i + 2] - ground_surface(surface, f.centre, f.per_metre, k, f.range[i], f.turn[i]);
  height[i] = h;
  if (!refine || !ground_refines(h)) return;
  atomicAdd(f.sum + k, ground_units(h));
  atomicAdd(f.count + k, 1);
}

__global__ void refine_kernel(GroundParams c, Field f) {
  const int64_t k = thread_index();
  if (k >= kGroundCells) return;
  const int b = static_cast<int>(k) / kGroundSectors;
  f.refined[k] = ground_refined(f.surface, f.sum, f.count, b, static_cast<int>(k) % kGroundSectors);
  f.layer[k] = ground_layer(f.level[k], f.centre[b], c);
}

__global__ void label_kernel(int32_t n, const float* height, uint8_t* label, GroundParams c, Field f) {
  const int64_t i = thread_index();
  if (i < n) label[i] = f.cell[i] < 0 ? static_cast<uint8_t>(kIgnored) : ground_label(height[i], f.layer[f.cell[i]], c);
}

// Field in the stream's scratch; false without room.
bool make_field(int32_t n, cudaStream_t s, Field* f) {
  Pieces room;
  const size_t key = room.add<int64_t>(kGroundCells), bins = room.add<float>(3 * kGroundBins), points = room.add<float>(3 * static_cast<int64_t>(n)),
               floats = room.add<float>(4 * kGroundCells), ints = room.add<int32_t>(3 * kGroundCells), votes = room.add<int32_t>(kTries * kTries),
               bytes = room.add<uint8_t>(3 * kGroundCells), plane = room.add<GroundPlane>(1);
  if (!room.get(s)) return false;
  f->key = room.at<int64_t>(key);
  f->centre = room.at<float>(bins);
  f->width = f->centre + kGroundBins;
  f->per_metre = f->width + kGroundBins;
  f->range = room.at<float>(points);
  f->turn = f->range + n;
  f->cell = reinterpret_cast<int32_t*>(f->turn + n);
  f->height = room.at<float>(floats);
  f->layer = f->height + kGroundCells;
  f->surface = f->layer + kGroundCells;
  f->refined = f->surface + kGroundCells;
  f->lowest = room.at<int32_t>(ints);
  f->sum = f->lowest + kGroundCells;
  f->count = f->sum + kGroundCells;
  f->votes = room.at<int32_t>(votes);
  f->accepted = room.at<uint8_t>(bytes);
  f->crowded = f->accepted + kGroundCells;
  f->level = f->crowded + kGroundCells;
  f->plane = room.at<GroundPlane>(plane);
  return true;
}

}  // namespace

// The GPU needs no workspace from the caller.
AP_API int32_t ap_ground_work(const GroundWorkArgs&, void*) { return 1; }

// All pointers are device memory.
AP_API int32_t ap_ground(const GroundArgs& a, void* stream) {
  const GroundParams& c = a.p;
  const int32_t n = c.n;
  if (n == 0) return 0;
  const float* xyz = a.xyz;
  float* height = a.height;
  const auto s = static_cast<cudaStream_t>(stream);
  Field f;
  if (!make_field(n, s, &f)) return no_room();
  const int points = blocks(n), cells = blocks(kGroundCells);
  clear_kernel<<<cells, kThreads, 0, s>>>(f);
  polar_kernel<<<points, kThreads, 0, s>>>(xyz, n, c, f);
  lowest_kernel<<<cells, kThreads, 0, s>>>(xyz, f);
  crowd_kernel<<<points, kThreads, 0, s>>>(xyz, n, c, f);
  level_kernel<<<cells, kThreads, 0, s>>>(f);
  vote_kernel<<<kTries * kTries, kThreads, 0, s>>>(xyz, c, f);
  plane_kernel<<<1, kThreads, 0, s>>>(xyz, c, f);
  grow_kernel<<<1, kGroundSectors, 0, s>>>(c, f);
  measure_kernel<<<points, kThreads, 0, s>>>(xyz, n, f.surface, height, true, f);
  refine_kernel<<<cells, kThreads, 0, s>>>(c, f);
  measure_kernel<<<points, kThreads, 0, s>>>(xyz, n, f.refined, height, false, f);
  label_kernel<<<points, kThreads, 0, s>>>(n, height, a.label, c, f);
  return launched();
}
