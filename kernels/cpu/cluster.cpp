// CPU launcher of the clustering: one thread, union-find with the smallest node as root.
#include "cluster.cuh"

#include <algorithm>
#include <cstring>
#include <vector>

namespace {

using ap::ClusterParams;
using ap::Moments;
using ap::Node;

// Buffers that live as long as the thread: the steady state allocates nothing.
struct Scratch {
  std::vector<Node> nodes;
  std::vector<int32_t> parent, count, cells;
  std::vector<Moments> moments;
  std::vector<uint64_t> rows;  // one bit per occupied cell, so that empty stretches cost nothing
  int32_t words;               // per row
};

// Calls visit(ix) for the occupied cells low..high of a row.
template <typename Visit>
void occupied(const Scratch& s, int32_t iy, int32_t low, int32_t high, Visit visit) {
  for (int32_t w = low >> 6; w <= high >> 6; ++w) {
    uint64_t bits = s.rows[static_cast<size_t>(iy) * s.words + w];
    if (w == low >> 6) bits &= ~0ull << (low & 63);
    if (w == high >> 6) bits &= ~0ull >> (63 - (high & 63));
    for (; bits; bits &= bits - 1) visit(w * 64 + __builtin_ctzll(bits));
  }
}

int32_t find_root(std::vector<int32_t>& parent, int32_t i) {
  while (parent[i] != i) i = parent[i] = parent[parent[i]];
  return i;
}

void unite(std::vector<int32_t>& parent, int32_t a, int32_t b) {
  a = find_root(parent, a);
  b = find_root(parent, b);
  if (a < b)
    parent[b] = a;
  else
    parent[a] = b;
}

void mark_cells(const float* xyz, const uint8_t* label, const float* height, uint32_t* mask, int32_t n, const ClusterParams& p,
                Scratch& s) {
  s.cells.resize(n);
  s.words = (p.side + 63) / 64;
  s.rows.assign(static_cast<size_t>(s.words) * p.side, 0u);
  for (int32_t i = 0; i < n; ++i) {
    s.cells[i] = -1;
    int32_t ix, iy;
    if (!ap::joins(label[i]) || !ap::point_cell(xyz + 3 * static_cast<int64_t>(i), p, &ix, &iy)) continue;
    const int32_t c = s.cells[i] = iy * p.side + ix;
    if (!ap::makes_node(label[i])) continue;
    mask[c] |= 1u << ap::height_bin(height[i]);
    s.rows[static_cast<size_t>(iy) * s.words + (ix >> 6)] |= 1ull << (ix & 63);
  }
}

void make_nodes(const uint32_t* mask, int32_t* slot, const ClusterParams& p, Scratch& s) {
  s.nodes.clear();
  for (int32_t iy = 0; iy < p.side; ++iy)
    occupied(s, iy, 0, p.side - 1, [&](int32_t ix) {
      Node pair[2];
      const int32_t c = iy * p.side + ix;
      slot[c] = static_cast<int32_t>(s.nodes.size());
      s.nodes.insert(s.nodes.end(), pair, pair + ap::make_pair(ix, iy, mask[c], p, pair));
    });
}

// Links node a to later nodes of its level within reach; every pair is visited once.
void link_node(int32_t a, const int32_t* slot, const ClusterParams& p, Scratch& s) {
  const Node node = s.nodes[a];
  const int32_t m = static_cast<int32_t>(s.nodes.size()), reach = static_cast<int32_t>(std::sqrt(node.reach2));
  for (int32_t y = node.iy; y <= std::min(node.iy + reach, p.side - 1); ++y)
    occupied(s, y, y == node.iy ? node.ix : std::max(node.ix - reach, 0), std::min(node.ix + reach, p.side - 1), [&](int32_t x) {
      if (y == node.iy && x == node.ix) return;
      for (int32_t b = slot[y * p.side + x]; b < m && s.nodes[b].ix == x && s.nodes[b].iy == y; ++b)
        if (s.parent[b] != s.parent[a] && s.nodes[b].level == node.level && ap::linked(node, s.nodes[b])) unite(s.parent, a, b);
    });
}

// Moves the nodes of oversize components of a level to the next level; returns whether there were any.
bool promote(int level, const ClusterParams& p, Scratch& s) {
  const int32_t m = static_cast<int32_t>(s.nodes.size());
  s.moments.assign(m, Moments{});
  for (int32_t i = 0; i < m; ++i) {
    if (s.nodes[i].level != level) continue;
    Moments& sum = s.moments[find_root(s.parent, i)];
    const Moments own = ap::moments_of(s.nodes[i], p);
    sum.n += 1, sum.x += own.x, sum.y += own.y, sum.xx += own.xx, sum.yy += own.yy, sum.xy += own.xy;
  }
  bool any = false;
  for (int32_t i = m - 1; i >= 0; --i) {  // roots are smallest: visited after all that point at them
    if (s.nodes[i].level != level || !ap::oversize(s.moments[find_root(s.parent, i)], p)) continue;
    ap::set_level(&s.nodes[i], level + 1, p);
    any = true;
  }
  for (int32_t i = 0; any && i < m; ++i)
    if (s.nodes[i].level == level + 1) s.parent[i] = i;
  return any;
}

// Writes cluster ids of points; clusters are numbered by their first node. Returns their number.
int32_t number(const float* height, const uint32_t* mask, const int32_t* slot, int32_t* out, uint8_t* level, int32_t n,
               int32_t min_points, Scratch& s) {
  const int32_t m = static_cast<int32_t>(s.nodes.size());
  for (int32_t i = 0; i < m; ++i) s.parent[i] = s.parent[s.parent[i]];  // parents are smaller: already roots
  s.count.assign(m, 0);
  for (int32_t i = 0; i < n; ++i) {
    const int32_t node = ap::node_of(s.cells[i], height[i], mask, slot, s.nodes.data(), m);
    out[i] = node < 0 ? -1 : s.parent[node];
    if (node >= 0) ++s.count[out[i]];
  }
  int32_t clusters = 0;
  for (int32_t i = 0; i < m; ++i) {
    const bool kept = s.count[i] >= min_points;
    if (kept) level[clusters] = static_cast<uint8_t>(s.nodes[i].level);
    s.count[i] = kept ? clusters++ : -1;
  }
  for (int32_t i = 0; i < n; ++i)
    if (out[i] >= 0) out[i] = s.count[out[i]];
  return clusters;
}

}  // namespace

// xyz (n,3), label (n), height (n) -> out (n) cluster id or -1, level (capacity
// n / min_points + 1); mask and slot
// (side * side) are work memory. Returns the number of clusters, or -1 for arguments out of range.
AP_API int32_t ap_cluster_label(const float* xyz, const uint8_t* label, const float* height, uint32_t* mask, int32_t* slot,
                                int32_t* out, uint8_t* level, int32_t n, int32_t min_points, int32_t side, int32_t ix0,
                                int32_t iy0, float ox, float oy, float max_range, float cell, float gap, float gap_slope,
                                float rise, float rise_slope, float max_length, float max_width, void*) {
  if (n < 0 || min_points < 1 || side < 1 || side > 16384 || !(cell > 0.0f)) return -1;
  const ClusterParams p{side, ix0, iy0, ox, oy, max_range, cell, gap, gap_slope, rise, rise_slope, max_length, max_width};
  thread_local Scratch s;
  std::memset(mask, 0, sizeof(uint32_t) * side * side);
  mark_cells(xyz, label, height, mask, n, p, s);
  make_nodes(mask, slot, p, s);
  const int32_t m = static_cast<int32_t>(s.nodes.size());
  s.parent.resize(m);
  for (int32_t i = 0; i < m; ++i) s.parent[i] = i;
  for (int lv = 0; lv < ap::kLevels; ++lv) {
    for (int32_t a = 0; a < m; ++a)
      if (s.nodes[a].level == lv) link_node(a, slot, p, s);
    if (lv + 1 == ap::kLevels || !promote(lv, p, s)) break;
  }
  return number(height, mask, slot, out, level, n, min_points, s);
}

// Cluster ids (n) -> order (n) point indices grouped by cluster, in ascending order inside one; offsets (clusters + 1);
// grouped (n,4) x y z height in that order. Returns the number of grouped points, or -1 for arguments out of range.
AP_API int32_t ap_cluster_order(const float* xyz, const float* height, const int32_t* id, int32_t* order, int32_t* offsets,
                                float* grouped, int32_t n, int32_t clusters, void*) {
  if (n < 0 || clusters < 0) return -1;
  std::fill(offsets, offsets + clusters + 1, 0);
  for (int32_t i = 0; i < n; ++i)
    if (id[i] >= 0) ++offsets[id[i] + 1];
  for (int32_t c = 0; c < clusters; ++c) offsets[c + 1] += offsets[c];
  thread_local std::vector<int32_t> next;
  next.assign(offsets, offsets + clusters);
  for (int32_t i = 0; i < n; ++i) {
    if (id[i] < 0) continue;
    const int32_t k = next[id[i]]++;
    order[k] = i;
    float* g = grouped + 4 * static_cast<int64_t>(k);
    g[0] = xyz[3 * static_cast<int64_t>(i)], g[1] = xyz[3 * static_cast<int64_t>(i) + 1];
    g[2] = xyz[3 * static_cast<int64_t>(i) + 2], g[3] = height[i];
  }
  return offsets[clusters];
}
