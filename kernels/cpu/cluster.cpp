// CPU launcher of the clustering: one thread, union-find with the smallest node as root.
#include "cluster.cuh"

#include <algorithm>
#include <vector>

namespace {

using ap::ClusterLabelParams;
using ap::Moments;
using ap::Node;

// Cells are found by their rank: the number of occupied cells before them, row by row. A bit per cell and a count per 64 of
// them fit into the cache, where a mask per cell would not.
struct Scratch {
  int32_t words;                // per row
  std::vector<uint64_t> bits;   // (side, words) occupied cells
  std::vector<int32_t> before;  // (side * words) occupied cells before the word
  std::vector<int32_t> point, at;  // joined points: index; bit of their cell, later its rank, -1 where no node is
  std::vector<uint32_t> mask;   // by rank: occupied height bins
  std::vector<int32_t> first;   // by rank: first node; one entry more
  std::vector<Node> nodes;
  std::vector<int32_t> parent, count;
  std::vector<Moments> moments;
};

struct Cursor {
  std::vector<int32_t> next;  // free place of each cluster
};

// Calls visit(ix, rank) for the occupied cells low..high of a row.
template <typename Visit>
void occupied(const Scratch& s, int32_t iy, int32_t low, int32_t high, Visit visit) {
  for (int32_t w = low >> 6; w <= high >> 6; ++w) {
    const size_t word = static_cast<size_t>(iy) * s.words + w;
    uint64_t bits = s.bits[word];
    int32_t rank = s.before[word];
    if (w == low >> 6) {
      rank += __builtin_popcountll(bits & ~(~0ull << (low & 63)));
      bits &= ~0ull << (low & 63);
    }
    if (w == high >> 6) bits &= ~0ull >> (63 - (high & 63));
    for (; bits; bits &= bits - 1) visit(w * 64 + __builtin_ctzll(bits), rank++);
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

void mark_cells(const float* xyz, const uint8_t* label, int32_t n, const ClusterLabelParams& p, Scratch& s) {
  s.words = (p.side + 63) / 64;
  s.bits.assign(static_cast<size_t>(s.words) * p.side, 0u);
  s.point.resize(n), s.at.resize(n);
  int32_t joined = 0;
  for (int32_t i = 0; i < n; ++i) {
    int32_t ix, iy;
    if (!ap::joins(label[i]) || !ap::point_cell(xyz + 3 * static_cast<int64_t>(i), p, &ix, &iy)) continue;
    const int32_t bit = iy * s.words * 64 + ix;
    s.point[joined] = i;
    s.at[joined++] = bit;
    if (ap::makes_node(label[i])) s.bits[bit >> 6] |= 1ull << (bit & 63);
  }
  s.point.resize(joined), s.at.resize(joined);
}

// Ranks of the occupied cells and of the points' cells, and the heights in them.
void rank_cells(const uint8_t* label, const float* height, Scratch& s) {
  s.before.resize(s.bits.size());
  int32_t total = 0;
  for (size_t w = 0; w < s.bits.size(); ++w) s.before[w] = total, total += __builtin_popcountll(s.bits[w]);
  s.mask.assign(total, 0u);
  for (size_t k = 0; k < s.point.size(); ++k) {
    const int32_t bit = s.at[k], i = s.point[k];
    const uint64_t word = s.bits[bit >> 6], own = 1ull << (bit & 63);
    s.at[k] = word & own ? s.before[bit >> 6] + __builtin_popcountll(word & (own - 1)) : -1;
    if (ap::makes_node(label[i])) s.mask[s.at[k]] |= 1u << ap::height_bin(height[i]);
  }
}

void make_nodes(const ClusterLabelParams& p, Scratch& s) {
  s.nodes.clear(), s.first.clear();
  for (int32_t iy = 0; iy < p.side; ++iy)
    occupied(s, iy, 0, p.side - 1, [&](int32_t ix, int32_t rank) {
      Node pair[2];
      s.first.push_back(static_cast<int32_t>(s.nodes.size()));
      s.nodes.insert(s.nodes.end(), pair, pair + ap::make_pair(ix, iy, s.mask[rank], p, pair));
    });
  s.first.push_back(static_cast<int32_t>(s.nodes.size()));
}

// Links node a to later nodes of its level within reach; every pair is visited once.
void link_node(int32_t a, const ClusterLabelParams& p, Scratch& s) {
  const Node node = s.nodes[a];
  const int32_t reach = static_cast<int32_t>(std::sqrt(node.reach2));
  const Node* const nodes = s.nodes.data();
  const int32_t *const first = s.first.data(), *const parent = s.parent.data();
  int32_t own = parent[a];
  for (int32_t y = node.iy; y <= std::min(node.iy + reach, p.side - 1); ++y) {
    const int32_t low = y == node.iy ? node.ix + 1 : std::max(node.ix - reach, 0);
    occupied(s, y, low, std::min(node.ix + reach, p.side - 1), [&](int32_t, int32_t rank) {
      for (int32_t b = first[rank]; b < first[rank + 1]; ++b) {
        if (parent[b] == own || nodes[b].level != node.level || !ap::linked(node, nodes[b])) continue;
        unite(s.parent, a, b);
        own = parent[a];
      }
    });
  }
}

// Moves the nodes of oversize components of a level to the next level; returns whether there were any.
bool promote(int level, const ClusterLabelParams& p, Scratch& s) {
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
int32_t number(const float* height, int32_t* out, uint8_t* level, int32_t n, int32_t min_points, Scratch& s) {
  const int32_t m = static_cast<int32_t>(s.nodes.size());
  for (int32_t i = 0; i < m; ++i) s.parent[i] = s.parent[s.parent[i]];  // parents are smaller: already roots
  s.count.assign(m, 0);
  for (size_t k = 0; k < s.point.size(); ++k) {
    if (s.at[k] < 0) continue;
    const int32_t first = s.first[s.at[k]], last = s.first[s.at[k] + 1] - 1;
    const int32_t node = last > first && ap::height_bin(height[s.point[k]]) >= s.nodes[last].low ? last : first;
    ++s.count[s.at[k] = s.parent[node]];
  }
  int32_t clusters = 0;
  for (int32_t i = 0; i < m; ++i) {
    const bool kept = s.count[i] >= min_points;
    if (kept) level[clusters] = static_cast<uint8_t>(s.nodes[i].level);
    s.count[i] = kept ? clusters++ : -1;
  }
  std::fill(out, out + n, -1);
  for (size_t k = 0; k < s.point.size(); ++k)
    if (s.at[k] >= 0) out[s.point[k]] = s.count[s.at[k]];
  return clusters;
}

}  // namespace

AP_API int32_t ap_cluster_label(const ap::ClusterLabelArgs& args, void*) {
  const ap::ClusterLabelArgs a = args;
  const ClusterLabelParams& p = a.p;
  if (const int32_t why = ap::refused(p)) return why;
  Scratch& s = ap::kept<Scratch>();
  mark_cells(a.xyz, a.label, p.n, p, s);
  rank_cells(a.label, a.height, s);
  make_nodes(p, s);
  const int32_t m = static_cast<int32_t>(s.nodes.size());
  s.parent.resize(m);
  for (int32_t i = 0; i < m; ++i) s.parent[i] = i;
  for (int lv = 0; lv < ap::kLevels; ++lv) {
    for (int32_t k = 0; k < m; ++k)
      if (s.nodes[k].level == lv) link_node(k, p, s);
    if (lv + 1 == ap::kLevels || !promote(lv, p, s)) break;
  }
  return number(a.height, a.out, a.level, p.n, p.min_points, s);
}

AP_API int32_t ap_cluster_order(const ap::ClusterOrderArgs& args, void*) {
  const ap::ClusterOrderArgs a = args;
  const int32_t n = a.p.n, clusters = a.p.clusters, *id = a.id;
  int32_t* offsets = a.offsets;
  std::fill(offsets, offsets + clusters + 1, 0);
  for (int32_t i = 0; i < n; ++i)
    if (id[i] >= 0) ++offsets[id[i] + 1];
  for (int32_t c = 0; c < clusters; ++c) offsets[c + 1] += offsets[c];
  std::vector<int32_t>& next = ap::kept<Cursor>().next;
  next.assign(offsets, offsets + clusters);
  for (int32_t i = 0; i < n; ++i) {
    if (id[i] < 0) continue;
    const int32_t k = next[id[i]]++;
    a.order[k] = i;
    const float* point = a.xyz + 3 * static_cast<int64_t>(i);
    float* g = a.grouped + 4 * static_cast<int64_t>(k);
    g[0] = point[0], g[1] = point[1], g[2] = point[2], g[3] = a.height[i];
  }
  return offsets[clusters];
}
