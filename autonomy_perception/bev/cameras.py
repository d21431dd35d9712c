"""Cameras of a frame: images as a network reads them, and the cells into which their features fall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception import geometry
from autonomy_perception.bev.frame import level
from autonomy_perception.grid import BevGrid
from autonomy_perception.ops.image import ImagePlan, plan, preprocess, scaled_K, with_map
from autonomy_perception.ops.library import Library
from autonomy_perception.ops.lift import FeatureMap, FrustumIndex, bev_pool, frustum_index, frustum_views
from autonomy_perception.types import F32, F64, U8, CameraFrame, CameraModel, SensorFrame


@dataclass(frozen=True)
class CameraLayout:
    """What a camera network expects.

    Attributes:
        names: cameras in the order of its batch; some may be absent from a frame.
        width, height: of its input [px]. stride: input pixels per feature.
        depths: float32 (bins,) middles of its depth bins along the optical axis [m] (``lift.depth_bins``).
        grid: ego cells into which features are pooled. z: slab of heights that is pooled [m in ego].
    """

    names: tuple[str, ...]
    width: int
    height: int
    stride: int
    depths: F32
    grid: BevGrid
    z: tuple[float, float] = (-5.0, 10.0)

    @property
    def features(self) -> FeatureMap:
        """Shape of its feature maps."""
        return FeatureMap.of_input(self.width, self.height, self.stride)


def input_K(model: CameraModel, width: int, height: int) -> F64:
    """Pinhole intrinsics (3,3) [px] of the input: the image scaled to ``width``; what is too high is cut from the top (sky)."""
    scale = width / model.width
    K = scaled_K(model.K, scale, scale)
    K[0, 1] = 0.0  # the undistortion takes the skew out
    K[1, 2] -= max(0.0, scale * model.height - height)
    return K


def camera_poses(frame: SensorFrame, T_odom_base: F64) -> dict[str, F64]:
    """``T_ego_camera`` (4,4) of every camera of the frame: where it was when its image was taken, seen from ego at the frame's stamp.

    ``T_odom_base``: pose of the frame; identity without ego motion (then the vehicle is taken to stand).
    """
    T_ego_odom, out = geometry.invert(level(T_odom_base)), {}
    for camera in frame.cameras:
        moved = frame.trajectory is not None and len(frame.trajectory.stamps_ns) > 0
        T_odom_then = frame.trajectory.pose(camera.stamp_ns) if moved and frame.trajectory is not None else T_odom_base
        out[camera.sensor] = T_ego_odom @ T_odom_then @ camera.T_base_camera
    return out


class CameraTensors:
    """Images and pooled features of one network; what follows from the calibration is kept.

    Args:
        layout: what the network expects.
        lib: kernels of the device that the network runs on.
        turned, shifted: the grouping of the frustums is made anew when a camera's pose in ego differs by more than these
            [rad, m] from the one that it was made for (roll, pitch and the way between image and sweep change it in driving).
    """

    def __init__(self, layout: CameraLayout, lib: Library, turned: float = 0.01, shifted: float = 0.1) -> None:
        self.layout, self._lib, self._turned, self._shifted = layout, lib, turned, shifted
        self._plans: dict[str, tuple[Any, ImagePlan, F64]] = {}
        self._made: tuple[list[F64], list[F64], FrustumIndex] | None = None
        self._images: tuple[Any, NDArray[np.bool_]] | None = None
        self.regrouped = 0
        """How often the frustums were grouped."""

    def images(self, cameras: Sequence[CameraFrame], pixels: Mapping[str, U8]) -> tuple[Any, NDArray[np.bool_]]:
        """Images float32 (cameras, 3, height, width) on the device, RGB, undistorted, normalised (ImageNet), valid until the next call;
        and which are present, bool (cameras,).

        ``pixels``: decoded uint8 (H,W,3) RGB by name; a camera without is absent: its image is 0 and it lifts nothing.
        """
        at, lay = {c.sensor: c for c in cameras}, self.layout
        present = np.array([name in at and name in pixels for name in lay.names])
        shape = (3, lay.height, lay.width)
        if self._images is None or not np.array_equal(present, self._images[1]):
            self._images = self._lib.to_device(np.zeros((len(lay.names), *shape), np.float32)), present
        for k in np.flatnonzero(present).tolist():
            name = lay.names[k]
            own = self._images[0][k : k + 1].reshape(*shape)
            preprocess(self._lib, self._lib.to_device(pixels[name]), self._plan(at[name])[0], out=own)
        return self._images

    def index(self, frame: SensorFrame, T_odom_base: F64, present: NDArray[np.bool_]) -> FrustumIndex:
        """The bins of the present cameras by cell; see :func:`camera_poses` for ``T_odom_base``."""
        at, poses = {c.sensor: c for c in frame.cameras}, camera_poses(frame, T_odom_base)
        nowhere = np.full((4, 4), np.nan)  # no bin of it lies in a cell
        T = [poses[name] if here else nowhere for name, here in zip(self.layout.names, present, strict=True)]
        K = [
            self._plan(at[name])[1] if here else np.eye(3)
            for name, here in zip(self.layout.names, present, strict=True)
        ]
        if self._made is None or not self._holds(K, T):
            lay = self.layout
            self._made = K, T, frustum_index(self._lib, frustum_views(K, T), lay.depths, lay.features, lay.grid, lay.z)
            self.regrouped += 1
        return self._made[2]

    def pool(self, depth: Any, context: Any, index: FrustumIndex) -> Any:
        """Features float32 (1, C, ny, nx) from depth (cameras, bins, h, w) and context (cameras, h, w, C)."""
        out = bev_pool(self._lib, depth, context, index)
        return out.reshape(1, *out.shape)

    def _plan(self, camera: CameraFrame) -> tuple[ImagePlan, F64]:
        m, lay = camera.model, self.layout
        key = (m.width, m.height, m.K.tobytes(), m.D.tobytes(), m.distortion_model)
        known = self._plans.get(camera.sensor)
        if known is None or known[0] != key:
            K = input_K(m, lay.width, lay.height)
            known = self._plans[camera.sensor] = key, with_map(self._lib, plan(m, lay.width, lay.height, K)), K
        return known[1], known[2]

    def _holds(self, K: list[F64], T: list[F64]) -> bool:
        """Whether the grouping at hand still serves."""
        assert self._made is not None
        for k, pose, k_then, then in zip(K, T, *self._made[:2], strict=True):
            if not np.array_equal(k, k_then) or np.isnan(pose).any() != np.isnan(then).any():
                return False
            if np.isnan(pose).any():
                continue
            cosine = 0.5 * (np.trace(pose[:3, :3].T @ then[:3, :3]) - 1.0)
            if (
                np.linalg.norm(pose[:3, 3] - then[:3, 3]) > self._shifted
                or np.arccos(np.clip(cosine, -1, 1)) > self._turned
            ):
                return False
        return True
