// CUDA launchers of cluster.cuh. Components are found by lock-free union that always hangs the larger root under the
// smaller one, so the partition and the roots do not depend on the order of threads; sums are sums of integers.
#include "cluster.cuh"

#include "cuda/device.cuh"

namespace {

using ap::ClusterLabelParams;
using ap::Moments;
using ap::Node;

__global__ void mark_kernel(const float* xyz, const uint8_t* label, const float* height, uint32_t* mask, int32_t* cells, int32_t n,
                            ClusterLabelParams p) {
  const int64_t i = ap::thread_index();
  if (i >= n) return;
  int32_t ix, iy;
  cells[i] = ap::joins(label[i]) && ap::point_cell(xyz + 3 * i, p, &ix, &iy) ? iy * p.side + ix : -1;
  if (cells[i] >= 0 && ap::makes_node(label[i])) atomicOr(mask + cells[i], 1u << ap::height_bin(height[i]));
}

__global__ void count_kernel(const uint32_t* mask, int32_t* slot, ClusterLabelParams p) {
  const int64_t c = ap::thread_index();
  if (c >= static_cast<int64_t>(p.side) * p.side) return;
  Node pair[2];
  slot[c] = ap::make_pair(static_cast<int32_t>(c % p.side), static_cast<int32_t>(c / p.side), mask[c], p, pair);
}

__global__ void node_kernel(const uint32_t* mask, const int32_t* slot, Node* nodes, int32_t* parent, ClusterLabelParams p) {
  const int64_t c = ap::thread_index();
  if (c >= static_cast<int64_t>(p.side) * p.side) return;
  Node pair[2];
  const int k = ap::make_pair(static_cast<int32_t>(c % p.side), static_cast<int32_t>(c / p.side), mask[c], p, pair);
  for (int j = 0; j < k; ++j) nodes[slot[c] + j] = pair[j], parent[slot[c] + j] = slot[c] + j;
}

__device__ int32_t find_root(const int32_t* parent, int32_t i) {
  const volatile int32_t* live = parent;
  for (int32_t up = live[i]; up != i; up = live[i]) i = up;
  return i;
}

__device__ void unite(int32_t* parent, int32_t a, int32_t b) {
  for (;;) {
    a = find_root(parent, a);
    b = find_root(parent, b);
    if (a == b) return;
    const int32_t low = a < b ? a : b, high = a < b ? b : a;
    if (atomicCAS(parent + high, high, low) == high) return;
  }
}

__global__ void link_kernel(const Node* nodes, const uint32_t* mask, const int32_t* slot, int32_t* parent, const int32_t* total, int level,
                            ClusterLabelParams p) {
  const int64_t a = ap::thread_index();
  if (a >= *total || nodes[a].level != level) return;
  const Node node = nodes[a];
  const int reach = static_cast<int>(sqrtf(node.reach2));
  for (int y = node.iy; y <= node.iy + reach && y < p.side; ++y)
    for (int x = y == node.iy ? node.ix + 1 : (node.ix > reach ? node.ix - reach : 0); x <= node.ix + reach && x < p.side; ++x) {
      const int32_t c = y * p.side + x;
      if (mask[c] == 0u) continue;
      for (int32_t b = slot[c]; b < *total && nodes[b].ix == x && nodes[b].iy == y; ++b)
        if (nodes[b].level == level && ap::linked(node, nodes[b])) unite(parent, static_cast<int32_t>(a), b);
    }
}

__global__ void flatten_kernel(int32_t* parent, const int32_t* total) {
  const int64_t i = ap::thread_index();
  if (i < *total) parent[i] = find_root(parent, static_cast<int32_t>(i));
}

__device__ void add(int64_t* sum, int64_t value) {
  atomicAdd(reinterpret_cast<unsigned long long*>(sum), static_cast<unsigned long long>(value));
}

__global__ void moment_kernel(const Node* nodes, const int32_t* parent, Moments* moments, const int32_t* total, int level, ClusterLabelParams p) {
  const int64_t i = ap::thread_index();
  if (i >= *total || nodes[i].level != level) return;
  const Moments own = ap::moments_of(nodes[i], p);
  Moments* sum = moments + parent[i];
  add(&sum->n, own.n), add(&sum->x, own.x), add(&sum->y, own.y);
  add(&sum->xx, own.xx), add(&sum->yy, own.yy), add(&sum->xy, own.xy);
}

__global__ void promote_kernel(Node* nodes, int32_t* parent, const Moments* moments, const int32_t* total, int level, ClusterLabelParams p) {
  const int64_t i = ap::thread_index();
  if (i >= *total || nodes[i].level != level || !ap::oversize(moments[parent[i]], p)) return;
  ap::set_level(nodes + i, level + 1, p);
  parent[i] = static_cast<int32_t>(i);
}

__global__ void root_kernel(const float* height, const int32_t* cells, const uint32_t* mask, const int32_t* slot, const Node* nodes,
                            const int32_t* parent, const int32_t* total, int32_t* out, int32_t* count, int32_t n) {
  const int64_t i = ap::thread_index();
  if (i >= n) return;
  const int32_t node = ap::node_of(cells[i], height[i], mask, slot, nodes, *total);
  out[i] = node < 0 ? -1 : parent[node];
  if (node >= 0) atomicAdd(count + out[i], 1);
}

__global__ void keep_kernel(const int32_t* count, int32_t* id, int32_t n, int32_t min_points) {
  const int64_t i = ap::thread_index();
  if (i < n) id[i] = count[i] >= min_points;
}

__global__ void level_kernel(const Node* nodes, const int32_t* count, const int32_t* id, uint8_t* level, int32_t n, int32_t min_points) {
  const int64_t i = ap::thread_index();
  if (i < n && count[i] >= min_points) level[id[i]] = static_cast<uint8_t>(nodes[i].level);
}

__global__ void number_kernel(const int32_t* count, const int32_t* id, int32_t* out, int32_t n, int32_t min_points) {
  const int64_t i = ap::thread_index();
  if (i < n && out[i] >= 0) out[i] = count[out[i]] >= min_points ? id[out[i]] : -1;
}

__global__ void key_kernel(const int32_t* id, uint64_t* keys, int32_t n, int32_t clusters) {
  const int64_t i = ap::thread_index();
  if (i < n) keys[i] = static_cast<uint64_t>(id[i] < 0 ? clusters : id[i]) << 32 | static_cast<uint64_t>(i);
}

__global__ void group_kernel(const float* xyz, const float* height, const uint64_t* keys, int32_t* order, float* grouped, int32_t n,
                             int32_t clusters) {
  const int64_t k = ap::thread_index();
  if (k >= n || static_cast<int32_t>(keys[k] >> 32) >= clusters) return;
  const int64_t i = static_cast<int64_t>(keys[k] & 0xffffffffu);
  order[k] = static_cast<int32_t>(i);
  for (int j = 0; j < 3; ++j) grouped[4 * k + j] = xyz[3 * i + j];
  grouped[4 * k + 3] = height[i];
}

__global__ void offset_kernel(const uint64_t* keys, int32_t* offsets, int32_t n, int32_t clusters) {
  const int64_t c = ap::thread_index();
  if (c > clusters) return;
  int32_t low = 0, high = n;  // first key of cluster c or later
  while (low < high) {
    const int32_t mid = low + (high - low) / 2;
    if (static_cast<int64_t>(keys[mid] >> 32) < c) low = mid + 1;
    else high = mid;
  }
  offsets[c] = low;
}

int32_t read_back(const int32_t* value, cudaStream_t s) {
  int32_t out = 0;
  cudaMemcpyAsync(&out, value, sizeof(out), cudaMemcpyDeviceToHost, s);
  const cudaError_t error = cudaStreamSynchronize(s);
  return error == cudaSuccess ? out : ap::kCudaError - static_cast<int32_t>(error);
}

}  // namespace

AP_API int32_t ap_cluster_label(const ap::ClusterLabelArgs& a, void* stream) {
  const ClusterLabelParams& p = a.p;
  if (const int32_t why = ap::refused(p)) return why;
  const int32_t n = p.n;
  if (n == 0) return 0;
  uint32_t* mask = a.mask;
  int32_t* slot = a.slot;
  const auto s = static_cast<cudaStream_t>(stream);
  ap::Pieces room;  // a node holds at least one point, so n bounds their number
  const size_t at_cells = room.add<int32_t>(n), at_nodes = room.add<Node>(n), at_parent = room.add<int32_t>(n),
               at_moments = room.add<Moments>(n), at_count = room.add<int32_t>(n), at_id = room.add<int32_t>(n),
               at_total = room.add<int32_t>(2);
  if (!room.get(s)) return ap::no_room();
  auto *cells = room.at<int32_t>(at_cells), *parent = room.at<int32_t>(at_parent), *count = room.at<int32_t>(at_count);
  auto *id = room.at<int32_t>(at_id), *total = room.at<int32_t>(at_total);
  auto* nodes = room.at<Node>(at_nodes);
  auto* moments = room.at<Moments>(at_moments);
  const int64_t all = static_cast<int64_t>(p.side) * p.side;
  const int by_point = ap::blocks(n), by_cell = ap::blocks(all);
  cudaMemsetAsync(mask, 0, sizeof(uint32_t) * all, s);
  mark_kernel<<<by_point, ap::kThreads, 0, s>>>(a.xyz, a.label, a.height, mask, cells, n, p);
  count_kernel<<<by_cell, ap::kThreads, 0, s>>>(mask, slot, p);
  ap::exclusive_scan(slot, all, total, s);
  node_kernel<<<by_cell, ap::kThreads, 0, s>>>(mask, slot, nodes, parent, p);
  for (int lv = 0; lv < ap::kLevels; ++lv) {
    link_kernel<<<by_point, ap::kThreads, 0, s>>>(nodes, mask, slot, parent, total, lv, p);
    flatten_kernel<<<by_point, ap::kThreads, 0, s>>>(parent, total);
    if (lv + 1 == ap::kLevels) break;
    cudaMemsetAsync(moments, 0, sizeof(Moments) * n, s);
    moment_kernel<<<by_point, ap::kThreads, 0, s>>>(nodes, parent, moments, total, lv, p);
    promote_kernel<<<by_point, ap::kThreads, 0, s>>>(nodes, parent, moments, total, lv, p);
  }
  cudaMemsetAsync(count, 0, sizeof(int32_t) * n, s);
  root_kernel<<<by_point, ap::kThreads, 0, s>>>(a.height, cells, mask, slot, nodes, parent, total, a.out, count, n);
  keep_kernel<<<by_point, ap::kThreads, 0, s>>>(count, id, n, p.min_points);
  ap::exclusive_scan(id, n, total + 1, s);
  level_kernel<<<by_point, ap::kThreads, 0, s>>>(nodes, count, id, a.level, n, p.min_points);
  number_kernel<<<by_point, ap::kThreads, 0, s>>>(count, id, a.out, n, p.min_points);
  const int32_t error = ap::launched();
  return error ? error : read_back(total + 1, s);
}

AP_API int32_t ap_cluster_order(const ap::ClusterOrderArgs& a, void* stream) {
  const int32_t n = a.p.n, clusters = a.p.clusters;
  const auto s = static_cast<cudaStream_t>(stream);
  ap::Pieces room;
  const size_t keys = room.add<uint64_t>(n), sorted = room.add<uint64_t>(n), temp = room.add<char>(ap::sort_bytes(n));
  if (!room.get(s)) return ap::no_room();
  int bits = 1;
  while (clusters >> bits) ++bits;
  if (n > 0) {
    key_kernel<<<ap::blocks(n), ap::kThreads, 0, s>>>(a.id, room.at<uint64_t>(keys), n, clusters);
    ap::sort_keys(room.at<void>(temp), room.at<uint64_t>(keys), room.at<uint64_t>(sorted), n, 32, 32 + bits, s);
    group_kernel<<<ap::blocks(n), ap::kThreads, 0, s>>>(a.xyz, a.height, room.at<uint64_t>(sorted), a.order, a.grouped, n, clusters);
  }
  offset_kernel<<<ap::blocks(clusters + 1), ap::kThreads, 0, s>>>(room.at<uint64_t>(sorted), a.offsets, n, clusters);
  const int32_t error = ap::launched();
  return error ? error : read_back(a.offsets + clusters, s);
}
