// Obstacle points -> clusters: grid nodes, link rule, size test. Shared by the CPU and the CUDA launchers.
//
// A BEV cell holds a bit mask of occupied height bins. Its bits are split at the first tall gap into a lower and an
// upper node, so that a tree crown over a car is not part of the car. Nodes are linked when their cells are near
// each other (nearer than a gap that grows with range, as the spacing of beams does) and their height intervals
// meet. Components that are too large for a road user are linked again by stricter rules (level 1, then 2).
#pragma once
#include "enums.h"
#include "port.h"

namespace ap {

constexpr int kHeightBins = 24;         // of kBinHeight each: 0 .. 4.8 m above local ground
constexpr float kBinHeight = 0.2f;
constexpr int kLevels = 3;

struct Node {
  int16_t ix, iy;
  int8_t low, high;  // first and last occupied height bin
  int8_t rise;       // empty bins tolerated at its range
  int8_t level;      // how strictly it is linked: 0, 1, 2
  float reach2;      // square of the reach of its links at that level [cells^2]
};

// Sums over the cells of a component, relative to the grid's centre; integers, so that their order is irrelevant.
struct Moments {
  int64_t n, x, y, xx, yy, xy;
};

AP_HD int height_bin(float height) {
  if (!(height > 0.0f)) return 0;  // NaN too: unknown height counts as low
  const int bin = static_cast<int>(height < 100.0f ? height * (1.0f / kBinHeight) : 1000.0f);
  return bin < kHeightBins ? bin : kHeightBins - 1;
}

// Overhanging returns take part: they are the upper half of a van seen from a low car, and a tree crown is split off.
AP_HD bool makes_node(uint8_t label) { return label == kObstacle || label == kOverhang; }

// Low returns make no cluster, but join the one over them.
AP_HD bool joins(uint8_t label) { return makes_node(label) || label == kLow; }

// Cell of a point; false when it is not finite or out of range.
AP_HD bool point_cell(const float* xyz, const ClusterLabelParams& p, int32_t* ix, int32_t* iy) {
  const float dx = xyz[0] - p.ox, dy = xyz[1] - p.oy;
  if (!(dx * dx + dy * dy <= p.max_range * p.max_range) || !(fabsf(xyz[2]) < 1e6f)) return false;
  *ix = cell_of(xyz[0], 1.0f / p.cell) - p.ix0;
  *iy = cell_of(xyz[1], 1.0f / p.cell) - p.iy0;
  return *ix >= 0 && *iy >= 0 && *ix < p.side && *iy < p.side;
}

AP_HD float cell_range(int ix, int iy, const ClusterLabelParams& p) {
  const float x = (p.ix0 + ix + 0.5f) * p.cell - p.ox, y = (p.iy0 + iy + 0.5f) * p.cell - p.oy;
  return sqrtf(x * x + y * y);
}

// Index of the lowest and of the highest bit of v, which is not 0.
AP_HD int lowest_bit(uint32_t v) {
#ifdef __CUDA_ARCH__
  return __ffs(static_cast<int>(v)) - 1;
#else
  return __builtin_ctz(v);
#endif
}

AP_HD int highest_bit(uint32_t v) {
#ifdef __CUDA_ARCH__
  return 31 - __clz(static_cast<int>(v));
#else
  return 31 - __builtin_clz(v);
#endif
}

// Splits a mask into one or two nodes at the first empty stretch longer than the tolerated rise; returns how many.
AP_HD int split_mask(uint32_t mask, int rise, Node* out) {
  if (mask == 0u) return 0;
  uint32_t closed = mask;  // stretches of up to `rise` empty bins filled
  for (int k = 0; k < rise && k < kHeightBins; ++k) closed |= closed << 1;
  const int low = lowest_bit(mask);
  const uint32_t beyond = ~(closed >> low) & (0xffffffffu >> low);
  const int end = beyond ? low + lowest_bit(beyond) : 32;  // first bin after the lower part
  const uint32_t upper = end < kHeightBins ? mask >> end << end : 0u;
  out[0].low = static_cast<int8_t>(low);
  out[0].high = static_cast<int8_t>(highest_bit(mask ^ upper));
  if (upper == 0u) return 1;
  out[1].low = static_cast<int8_t>(lowest_bit(upper));
  out[1].high = static_cast<int8_t>(highest_bit(upper));
  return 2;
}

// Puts a node on a level: squared reach of its links, never below a direct neighbour.
AP_HD void set_level(Node* node, int level, const ClusterLabelParams& p) {
  const float reach = (p.gap + p.gap_slope * cell_range(node->ix, node->iy, p)) / p.cell;
  const float r = level == 0 ? fmaxf(reach, 1.5f) : level == 1 ? fmaxf(0.5f * reach, 1.5f) : fmaxf(0.35f * reach, 1.0f);
  node->level = static_cast<int8_t>(level);
  node->reach2 = r * r;
}

// Nodes of one cell: its mask split, with rise, level 0 and reach; returns how many (0, 1, 2).
AP_HD int make_pair(int32_t ix, int32_t iy, uint32_t mask, const ClusterLabelParams& p, Node* out) {
  const float rise = fminf((p.rise + p.rise_slope * cell_range(ix, iy, p)) / kBinHeight, 100.0f);
  const int n = split_mask(mask, static_cast<int>(rise), out);
  for (int k = 0; k < n; ++k) {
    out[k].ix = static_cast<int16_t>(ix), out[k].iy = static_cast<int16_t>(iy);
    out[k].rise = static_cast<int8_t>(rise);
    set_level(out + k, 0, p);
  }
  return n;
}

// Do two nodes of one level belong together? The nearer one decides on reach and rise.
AP_HD bool linked(const Node& a, const Node& b) {
  const int dx = a.ix - b.ix, dy = a.iy - b.iy;
  if (static_cast<float>(dx * dx + dy * dy) > (a.reach2 < b.reach2 ? a.reach2 : b.reach2)) return false;
  const int rise = a.rise < b.rise ? a.rise : b.rise;
  const int gap = (a.low > b.high ? a.low - b.high : b.low - a.high) - 1;
  if (gap > rise) return false;
  if (a.level == 0) return true;
  const int top = a.high > b.high ? a.high - b.high : b.high - a.high;  // a car beside a wall: tops differ
  return top <= (a.level == 1 ? 5 : 3) + rise / 2;
}

// Node of a cell that holds a height, or -1 where the cell has none; m nodes in all.
AP_HD int32_t node_of(int32_t cell, float height, const uint32_t* mask, const int32_t* slot, const Node* nodes, int32_t m) {
  if (cell < 0 || mask[cell] == 0u) return -1;
  const int32_t first = slot[cell];
  const bool two = first + 1 < m && nodes[first + 1].ix == nodes[first].ix && nodes[first + 1].iy == nodes[first].iy;
  return two && height_bin(height) >= nodes[first + 1].low ? first + 1 : first;
}

// What a node adds to the moments of its component: 1, x, y, xx, yy, xy.
AP_HD Moments moments_of(const Node& node, const ClusterLabelParams& p) {
  const int64_t x = node.ix - p.side / 2, y = node.iy - p.side / 2;
  return {1, x, y, x * x, y * y, x * y};
}

// Is a component longer or wider than any road user? By the extents of a uniform rectangle of equal second moments.
AP_HD bool oversize(const Moments& m, const ClusterLabelParams& p) {
  const double n = static_cast<double>(m.n), mx = m.x / n, my = m.y / n;
  const double cxx = m.xx / n - mx * mx, cyy = m.yy / n - my * my, cxy = m.xy / n - mx * my;
  const double mean = 0.5 * (cxx + cyy), diff = sqrt(0.25 * (cxx - cyy) * (cxx - cyy) + cxy * cxy);
  const double major = sqrt(12.0 * fmax(mean + diff, 0.0)) * p.cell, minor = sqrt(12.0 * fmax(mean - diff, 0.0)) * p.cell;
  return major > p.max_length || minor > p.max_width;
}

// 0, or why the kernel cannot run.
inline int32_t refused(const ClusterLabelParams& p) {
  if (p.min_points < 1) return kMinPoints;
  if (p.side < 1 || p.side > 16384) return kSide;
  return p.cell > 0.0f ? 0 : kResolution;
}

}  // namespace ap
