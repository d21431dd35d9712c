"""The kernels around bird's-eye-view networks once each; see :mod:`autonomy_perception.bench.kernel_cases`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autonomy_perception import geometry
from autonomy_perception.bench.kernel_case import KernelCase
from autonomy_perception.bench.kernel_scene import F32, KernelScene
from autonomy_perception.grid import BevGrid
from autonomy_perception.ops import canvas, cells, decode, decode_ground, lift, pillar_net
from autonomy_perception.ops.library import Library

OPTICAL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
PILLARS = BevGrid.square(102.4, 0.4)
MAX_POINTS = 32


@dataclass(frozen=True)
class LiftScene:
    """Six cameras of 704 x 256 px around the vehicle, 59 depths, 80 channels; little of it for a small scene.

    Attributes:
        views, depths, features, grid: as ``lift.frustum_index`` takes them.
        depth: float32 (cameras, bins, height, width); context: float32 (cameras, height, width, C).
    """

    views: F32
    depths: F32
    features: lift.FeatureMap
    grid: BevGrid
    depth: F32
    context: F32

    @classmethod
    def of(cls, scene: KernelScene) -> LiftScene:
        """As large as the scene's sweep asks for."""
        small, rng = len(scene.xyz) < 20_000, np.random.default_rng(2)
        cameras, bins, channels, features = (
            (2, 9, 16, lift.FeatureMap(6, 4, 16)) if small else (6, 59, 80, lift.FeatureMap(44, 16, 16))
        )
        K = np.array([[560.0, 0.0, 8.0 * features.width], [0.0, 560.0, 8.0 * features.height], [0.0, 0.0, 1.0]])
        turns = [geometry.rotation_z(2.0 * np.pi * k / cameras) @ OPTICAL for k in range(cameras)]
        views = lift.frustum_views([K] * cameras, [geometry.make_transform(r, (1.0, 0.0, 1.6)) for r in turns])
        shape = (features.height, features.width)
        return cls(views, lift.depth_bins(1.0, 60.0, bins), features, BevGrid.square(25.6 if small else 102.4, 0.8),
                   rng.random((cameras, bins, *shape), np.float32), rng.normal(size=(cameras, *shape, channels)).astype(np.float32))  # fmt: skip

    def index(self, lib: Library) -> lift.FrustumIndex:
        """The bins by cell."""
        return lift.frustum_index(lib, self.views, self.depths, self.features, self.grid)


@dataclass(frozen=True)
class HeadScene:
    """Heads of a detector of ten classes on 256 x 256 cells (few for a small scene), with some 1,500 maxima."""

    grid: BevGrid
    heat: F32
    box: F32
    log_variance: F32
    sharpness: F32
    overlap: F32
    group: Any

    @classmethod
    def of(cls, scene: KernelScene) -> HeadScene:
        """As large as the scene's sweep asks for."""
        small, rng = len(scene.xyz) < 20_000, np.random.default_rng(3)
        classes, grid = (3, BevGrid.square(16.0, 0.4)) if small else (10, BevGrid.square(102.4, 0.4))
        heat = rng.normal(-4.0 if small else -6.5, 1.5, (classes, *grid.shape)).astype(np.float32)
        box = rng.normal(0.0, 0.5, (len(decode.BOX), *grid.shape)).astype(np.float32)
        box[3:6] += np.log([4.0, 2.0, 1.6])[:, None, None]
        one = np.ones(classes, np.float32)
        log_variance = rng.normal(-3.0, 1.0, (len(decode.BOX_VARIANCE), *grid.shape)).astype(np.float32)
        return cls(
            grid, heat, box.astype(np.float32), log_variance, one, 0.2 * one, (np.arange(classes) // 2).astype(np.int32)
        )


def pillar_weights() -> tuple[F32, F32]:
    """Weights (9,32) and bias (32,) of a pillar net."""
    rng = np.random.default_rng(4)
    return rng.normal(0.0, 0.3, (9, 32)).astype(np.float32), rng.normal(size=32).astype(np.float32)


def ground_heads(grid: BevGrid) -> dict[str, F32]:
    """Arguments of ``decode_ground`` by name: seven classes of terrain."""
    rng = np.random.default_rng(6)
    planes = {
        "terrain": (7, *grid.shape),
        "drivable": grid.shape,
        "elevation": (2, *grid.shape),
        "visibility": grid.shape,
    }
    return {name: rng.normal(0.0, 2.0, shape).astype(np.float32) for name, shape in planes.items()}


def _frustum(lib: Library, s: KernelScene) -> KernelCase:
    scene = LiftScene.of(s)

    def run() -> dict[str, Any]:
        index = scene.index(lib)
        return {"ids": index.ids, "order": index.order, "pixels": index.pixels, "starts": index.starts}

    return KernelCase(run, 12 * scene.depth.size)


def _bev_pool(lib: Library, s: KernelScene) -> KernelCase:
    scene = LiftScene.of(s)
    index, depth, context = scene.index(lib), lib.to_device(scene.depth), lib.to_device(scene.context)
    out = lib.empty((scene.context.shape[-1], *scene.grid.shape), np.float32)
    n_bytes = 12 * scene.depth.size + scene.context.nbytes + 4 * int(np.prod(out.shape))
    return KernelCase(lambda: {"bev": lift.bev_pool(lib, depth, context, index, out=out)}, n_bytes, 1e-5)


def _bev_pool_grad(lib: Library, s: KernelScene) -> KernelCase:
    scene = LiftScene.of(s)
    index, depth, context = scene.index(lib), lib.to_device(scene.depth), lib.to_device(scene.context)
    shape = (*scene.grid.shape, scene.context.shape[-1])
    grad = lib.to_device(np.random.default_rng(5).normal(size=shape).astype(np.float32))

    def run() -> dict[str, Any]:
        by_depth, by_context = lift.bev_pool_grad(lib, depth, context, index, grad)
        return {"by_depth": by_depth, "by_context": by_context}

    return KernelCase(run, 12 * scene.depth.size + 2 * scene.context.nbytes + 4 * int(np.prod(shape)), 1e-4)


def _pillar_net(lib: Library, s: KernelScene) -> KernelCase:
    grid = PILLARS if len(s.xyz) >= 20_000 else BevGrid.square(25.6, 0.8)  # the emulation has a fiber for each value
    xyz, intensity, (w, b) = lib.to_device(s.xyz), lib.to_device(s.intensity), map(lib.to_device, pillar_weights())
    out = lib.empty((32, *grid.shape), np.float32)
    return KernelCase(lambda: {"bev": pillar_net.pillar_net(lib, xyz, intensity, grid, w, b, MAX_POINTS, out=out)},
                      16 * len(s.xyz) + 4 * 32 * grid.nx * grid.ny, 1e-4)  # fmt: skip


def _canvas(lib: Library, s: KernelScene) -> KernelCase:
    xyz, intensity, label, height = (lib.to_device(a) for a in (s.xyz, s.intensity, s.label, s.height))
    index = cells.cell_index(lib, cells.cell_ids(lib, xyz, PILLARS), PILLARS.nx * PILLARS.ny)
    out = lib.empty((len(canvas.CANVAS), *PILLARS.shape), np.float32)
    return KernelCase(lambda: {"bev": canvas.bev_canvas(lib, xyz, intensity, label, height, PILLARS, index, out)},
                      25 * len(s.xyz) + 72 * PILLARS.nx * PILLARS.ny, 1e-4)  # fmt: skip


def _decode(lib: Library, s: KernelScene) -> KernelCase:
    h = HeadScene.of(s)
    sharpness, overlap, group = (lib.to_device(a) for a in (h.sharpness, h.overlap, h.group))
    heat, box, log_variance = (lib.to_device(a) for a in (h.heat, h.box, h.log_variance))
    return KernelCase(
        lambda: vars(decode.decode_boxes(lib, heat, box, log_variance, h.grid, sharpness, overlap, group)),
        h.heat.nbytes,
        1e-4,
    )


def _decode_ground(lib: Library, s: KernelScene) -> KernelCase:
    heads = {k: lib.to_device(v) for k, v in ground_heads(HeadScene.of(s).grid).items()}
    return KernelCase(lambda: vars(decode_ground.decode_ground(lib, **heads)), 61 * HeadScene.of(s).grid.nx ** 2, 1e-5)


BEV_CASES: dict[str, Callable[[Library, KernelScene], KernelCase]] = {
    "frustum": _frustum,
    "bev_pool": _bev_pool,
    "bev_pool_grad": _bev_pool_grad,
    "pillar_net": _pillar_net,
    "bev_canvas": _canvas,
    "decode": _decode,
    "decode_ground": _decode_ground,
}
