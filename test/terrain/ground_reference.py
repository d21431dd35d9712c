"""Ground segmentation in NumPy: the readable reference of kernels/ground.cuh, sector-parallel, float64."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
SECTORS, PER_OCTAVE, OCTAVES = 256, 8, 14
BINS = PER_OCTAVE * OCTAVES
ANGLE = 2 * np.pi / SECTORS


def edges() -> F64:
    """Bin edges [m]: r^2 doubles every 8 bins and grows linearly in between."""
    b = np.arange(BINS + 2)
    return np.sqrt(2.0 ** (b // PER_OCTAVE) * (1 + (b % PER_OCTAVE) / PER_OCTAVE))


EDGE = edges()
CENTRE, WIDTH = 0.5 * (EDGE[:-1] + EDGE[1:]), np.diff(EDGE)


@dataclass
class Cells:
    """Per cell (BINS, SECTORS): lowest height and index, and what stands there (2 in it, 1 beside it)."""

    low: F64
    index: NDArray[np.int64]
    level: NDArray[np.int64]


def segment(xyz, origin, ground_z, obstacle_height, overhead, rough_height, steep):
    """Labels (N,) and heights (N,) as the kernel gives them."""
    xyz = np.asarray(xyz, np.float64)
    ok = np.isfinite(xyz).all(1)
    p = np.where(ok[:, None], xyz - [origin[0], origin[1], 0.0], 0.0)
    r = np.hypot(p[:, 0], p[:, 1])
    turn = (np.arctan2(p[:, 1], p[:, 0]) + np.pi) / ANGLE
    bin_ = np.clip(np.searchsorted(EDGE, r, side="right") - 1, 0, BINS - 1)
    sector = turn.astype(int) % SECTORS
    cells = lowest(p, bin_, sector, ok, steep)
    surface = grow(p, r, cells, start_plane(p, cells, ground_z), origin[2], ground_z, steep)
    height = p[:, 2] - interpolate(surface, r, turn, bin_)
    near = ok & (np.abs(height) < 0.05)
    total, count = np.zeros((2, BINS, SECTORS))
    np.add.at(total, (bin_[near], sector[near]), np.floor(height[near] * 1e4 + 0.5))
    np.add.at(count, (bin_[near], sector[near]), 1)
    surface = surface + 1e-4 * spread(total) / (spread(count) + 8)
    height = p[:, 2] - interpolate(surface, r, turn, bin_)
    level = cells.level[bin_, sector]
    layer = np.where(level == 0, rough_height, np.where(level == 1, 0.06, 0.035) + 0.001 * CENTRE[bin_])
    label = np.select(
        [~ok, height < -0.3 - layer, height < layer, height < obstacle_height, height < overhead], [0, 0, 1, 4, 2], 3
    )
    return label, np.where(ok, height, np.nan)


def lowest(p, bin_, sector, ok, steep):
    low, index = np.full((BINS, SECTORS), 1e30), np.full((BINS, SECTORS), -1)
    for i in np.flatnonzero(ok)[np.lexsort((np.flatnonzero(ok), p[ok, 2]))][::-1]:
        low[bin_[i], sector[i]], index[bin_[i], sector[i]] = p[i, 2], i
    rise = p[:, 2] - low[bin_, sector]
    stands = ok & (rise > 0.3 + steep * WIDTH[bin_]) & (rise < 2.0)
    own = np.zeros((BINS, SECTORS), bool)
    own[bin_[stands], sector[stands]] = True
    ring = np.pad(own, ((1, 1), (0, 0)))
    ring = ring[:-2] | ring[1:-1] | ring[2:]
    near = ring | np.roll(ring, 1, 1) | np.roll(ring, -1, 1)
    return Cells(low, index, np.where(own, 2, near.astype(int)))


def start_plane(p, cells, ground_z):
    use = (cells.index >= 0) & (cells.level < 2) & ((CENTRE[:BINS] >= 2) & (CENTRE[:BINS] <= 15))[:, None]
    x, y, z = p[cells.index[use]].T
    z = z - ground_z
    best, plane = 256 * 50, np.zeros(3)
    for i in range(-4, 5):
        for j in range(-4, 5):
            miss = np.abs(z - 0.08 * (i * x + j * y)) / (0.1 + 0.03 * (np.abs(x) + np.abs(y)))
            votes = int(np.where(miss < 1, np.floor(256 * (1 - np.minimum(miss, 1))), 0).sum())
            votes += votes // 10 if i == j == 0 else 0
            if votes > best:
                best, plane = votes, np.array([0.0, 0.08 * i, 0.08 * j])
    for _ in range(2):
        e = z - plane[0] - x * plane[1] - y * plane[2]
        k = np.abs(e) <= 0.1 + 0.009 * (np.abs(x) + np.abs(y))
        a, b, c, n = x[k], y[k], e[k], k.sum() + 50
        xx, yy = (a * a).sum() - a.sum() ** 2 / n + 50, (b * b).sum() - b.sum() ** 2 / n + 50
        xy = (a * b).sum() - a.sum() * b.sum() / n
        rhs = [(a * c).sum() - a.sum() * c.sum() / n, (b * c).sum() - b.sum() * c.sum() / n]
        dx, dy = np.linalg.solve([[xx, xy], [xy, yy]], rhs)
        plane = plane + np.array([(c.sum() - dx * a.sum() - dy * b.sum()) / n, dx, dy])
    return plane


def grow(p, r, cells, plane, lidar_z, ground_z, steep):
    """Surface (BINS, SECTORS): the outward filter, then straight lines over the gaps."""
    a = (np.arange(SECTORS) + 0.5) * ANGLE - np.pi
    z, m = np.full(SECTORS, ground_z + plane[0]), plane[1] * np.cos(a) + plane[2] * np.sin(a)
    zz, zs, ss = np.full(SECTORS, 0.15**2), np.zeros(SECTORS), np.full(SECTORS, 0.05**2)
    sight, last_r, last_z = np.full(SECTORS, -1e9), np.full(SECTORS, -1.0), np.zeros(SECTORS)
    flat, flat_m, flat_end = np.zeros((3, SECTORS))
    surface, accepted = np.zeros((BINS, SECTORS)), np.zeros((BINS, SECTORS), bool)
    for b in range(BINS):
        dr, rc, width = CENTRE[b] - (CENTRE[b - 1] if b else 0.0), CENTRE[b], CENTRE[b] * ANGLE
        z, flat = z + m * dr, flat + flat_m * dr
        zz, zs = zz + dr * (2 * zs + dr * ss + 0.03**2), zs + dr * ss
        ss = np.minimum(ss + dr * 0.012**2, 0.04)
        z, m, zz, zs, ss = mix(z, m, zz, zs, ss, (0.1 * width) ** 2)
        i, low = cells.index[b], cells.low[b]
        d = np.where(i >= 0, r[i] - rc, 0.0)
        noise = 0.03 + 0.0015 * rc
        e = low - (z + m * d)
        az, bz = zz + d * zs, zs + d * ss
        s = az + d * bz + noise**2
        gate = 0.8 * np.sqrt(s) + 0.07
        tangent = (low - lidar_z) / np.maximum(rc + d, 0.1)
        run = rc + d - last_r
        steady = (last_r > 0) & (cells.level[b] == 0) & (run < 0.5 + 0.1 * (rc + d))
        steady &= np.abs(low - last_z) < 0.07 + steep * np.maximum(run, 0)
        back = low - (flat + flat_m * d)
        plateau = (e > 0) & (rc + d < flat_end) & (np.abs(back) < 0.17)
        held = supported(cells.low, b, 0.07 + steep * WIDTH[b])
        drop = (e < 0) & (low < z) & held & (tangent >= sight - 0.3 / rc)
        odd = np.abs(e) > gate
        take = (i >= 0) & (~odd | steady | plateau | drop)
        last_r = np.where((i >= 0) & ~take, -1.0, last_r)
        keep = take & odd & drop & ~steady & (rc + d >= flat_end)
        flat, flat_m = np.where(keep, z, flat), np.where(keep, m, flat_m)
        flat_end = np.where(keep, rc + d + 6.0, flat_end)
        far = take & odd & plateau
        z, m, e = np.where(far, flat, z), np.where(far, flat_m, m), np.where(far, back, e)
        flat_end = np.where(far, 0.0, flat_end)
        jump = np.where(take & odd & ~far, e * e, 0.0)
        zz, az, s = zz + jump, az + jump, s + jump
        kz, ks = np.where(take, az / s, 0), np.where(take, bz / s, 0)
        e = np.where(take, e, 0)
        z, m, zz, zs, ss = z + kz * e, m + ks * e, zz - kz * az, zs - kz * bz, ss - ks * bz
        sight = np.where(take, np.maximum(sight, tangent), sight)
        last_r, last_z = np.where(take, rc + d, last_r), np.where(take, low, last_z)
        surface[b], accepted[b] = z, take
    for k in range(SECTORS):
        known = np.flatnonzero(accepted[:, k])
        if len(known):
            inside = np.arange(known[0], known[-1] + 1)
            surface[inside, k] = np.interp(CENTRE[inside], CENTRE[known], surface[known, k])
    return surface


def mix(z, m, zz, zs, ss, cross):
    """Own and neighbour predictions by inverse variance."""

    def fuse(value, variance):
        w = [1 / variance, *(1 / (np.roll(variance, k) + cross) for k in (1, -1))]
        mean = (w[0] * value + w[1] * np.roll(value, 1) + w[2] * np.roll(value, -1)) / sum(w)
        return mean, np.minimum(variance, 3 / sum(w))

    (z, zz_new), (m, ss_new) = fuse(z, zz), fuse(m, ss)
    return z, m, zz_new, zs * np.sqrt(zz_new / zz * ss_new / ss), ss_new


def supported(low, b, slack):
    held = np.zeros(SECTORS, bool)
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            if (i or j) and 0 <= b + i < BINS:
                held |= np.abs(np.roll(low[b + i], -j) - low[b]) < slack
    return held


def interpolate(surface, r, turn, bin_):
    b = np.clip(bin_ - (r < CENTRE[bin_]), 0, BINS - 2)
    t = np.clip((r - CENTRE[b]) / (CENTRE[b + 1] - CENTRE[b]), 0, 1)
    left = np.floor(turn - 0.5)
    u, s0 = turn - 0.5 - left, left.astype(int) % SECTORS
    s1 = (s0 + 1) % SECTORS
    inner = surface[b, s0] + u * (surface[b, s1] - surface[b, s0])
    outer = surface[b + 1, s0] + u * (surface[b + 1, s1] - surface[b + 1, s0])
    return inner + t * (outer - inner)


def spread(cells):
    """Each cell twice, and its four neighbours once; the border bins count themselves for the missing one."""
    inward, outward = np.vstack([cells[:1], cells[:-1]]), np.vstack([cells[1:], cells[-1:]])
    return 2 * cells + np.roll(cells, 1, 1) + np.roll(cells, -1, 1) + inward + outward
