"""Geometric detector: obstacle points -> clusters -> oriented boxes with class guess, existence and covariance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import DetectionConfig
from autonomy_perception.detection import boxes
from autonomy_perception.detection.classify import MEAN_SIZE, SIZE_SPREAD, Guess, guess_classes
from autonomy_perception.detection.evidence import existence_of, shape_features
from autonomy_perception.ops.cluster import Feature, LinkRule, Workspace, cluster_points, fit_boxes
from autonomy_perception.ops.library import Library
from autonomy_perception.types import Detections, GroundLabels, ObjectClass

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_COMPLETED = np.array([ObjectClass.CAR, ObjectClass.TRUCK, ObjectClass.BUS, ObjectClass.TRAILER])
_GROUND_REACH = 0.8  # a cluster that starts lower than this above ground stands on it [m]


class ClusterDetector:
    """Objects without any network.

    Args:
        config: parameters of the stage.
        lib: where the kernels run.
    """

    def __init__(self, config: DetectionConfig, lib: Library) -> None:
        self._config = config
        self._lib = lib
        self._work = Workspace(lib)
        self._rule = LinkRule(gap=config.gap, gap_slope=config.gap_slope)

    def detect(self, xyz: F32, labels: GroundLabels, origin: F32) -> Detections:
        """Objects of one scan.

        Args:
            xyz: float32 (N,3) [m] in a gravity-aligned frame.
            labels: ground labels of the same N points.
            origin: (3,) lidar position [m] in the frame of ``xyz``.

        Returns:
            Detections in the frame of ``xyz`` (``frame_id`` is "anchor"), the most certain first, at most
            ``max_detections``. Sizes are completed where a vehicle's far side is hidden.
        """
        config, lib = self._config, self._lib
        points = lib.to_device(np.asarray(xyz, np.float32))
        height = lib.to_device(labels.height)
        label = lib.to_device(labels.label)
        clusters = cluster_points(
            self._work, points, label, height, origin, config.max_range, config.min_points, self._rule
        )
        table = lib.to_host(fit_boxes(self._work, clusters, origin, self._rule.max_length + 1.5)).astype(np.float64)
        level, counts = lib.to_host(clusters.level), np.diff(lib.to_host(clusters.offsets))
        keep = self._plausible(table)
        return self._describe(table[keep], level[keep], counts[keep], np.asarray(origin, np.float64))

    def _plausible(self, table: F64) -> NDArray[np.bool_]:
        """Clusters (C,) that are no building, crown or power line: their size and stand are those of an object."""
        low = table[:, Feature.HEIGHT_MIN] < _GROUND_REACH + 0.02 * table[:, Feature.RANGE]
        fits = (table[:, Feature.LENGTH] < self._rule.max_length + 1.0) & (
            table[:, Feature.WIDTH] < self._rule.max_width + 0.5
        )
        return np.asarray(low & fits & (table[:, Feature.HEIGHT_MAX] < self._config.max_height))

    def _describe(self, table: F64, level: NDArray[np.uint8], counts: NDArray[np.int64], origin: F64) -> Detections:
        extent = np.maximum(table[:, [Feature.LENGTH, Feature.WIDTH]], boxes.MIN_SIZE)
        view = boxes.look(table[:, :2], extent, table[:, Feature.YAW], origin[:2])
        distance, height = table[:, Feature.RANGE], np.nan_to_num(table[:, Feature.HEIGHT_MAX], nan=1.0)
        seen = view.seen.astype(np.float64)
        guess = guess_classes(extent[:, 0], extent[:, 1], height, seen[:, 0], seen[:, 1], distance)
        existence = existence_of(shape_features(table, level, guess))
        keep = np.argsort(-existence, kind="stable")[: self._config.max_detections]
        keep = keep[existence[keep] >= self._config.min_existence]
        view = boxes.View(*(getattr(view, f)[keep] for f in view.__dataclass_fields__))
        guess = Guess(*(getattr(guess, f)[keep] for f in guess.__dataclass_fields__))
        return self._assemble(table[keep], counts[keep], view, guess, existence[keep])

    def _assemble(
        self, table: F64, counts: NDArray[np.int64], view: boxes.View, guess: Guess, existence: F64
    ) -> Detections:
        n, distance = len(table), table[:, Feature.RANGE]
        view = boxes.turn(view, guess.turned)
        sure = np.isin(guess.best, _COMPLETED) & (guess.probs[np.arange(n), guess.best] > 0.4)
        usual = MEAN_SIZE[guess.best][:, :2]
        size = np.where(sure[:, None] & ~view.seen, np.maximum(view.extent, usual), view.extent)
        hidden = np.where(
            view.seen, 0.1 + 0.004 * distance[:, None], np.minimum(SIZE_SPREAD[guess.best][:, :2], 0.5 * size + 0.1)
        )
        grown = boxes.grow(view, size)
        edge = np.maximum(table[:, Feature.SPAN_LONG], 0.2)
        yaw_std = np.clip(np.arctan2(0.05 + table[:, Feature.EDGE_RMS], edge), 0.02, 0.9)
        stands = table[:, Feature.HEIGHT_MIN] < _GROUND_REACH + 0.02 * distance
        bottom = np.where(
            stands, np.minimum(table[:, Feature.GROUND], table[:, Feature.Z_MIN]), table[:, Feature.Z_MIN]
        )
        tall = np.maximum(table[:, Feature.Z_MAX] - bottom, boxes.MIN_SIZE)
        z_std = 0.05 + 0.004 * distance
        return Detections(
            np.column_stack([grown.center, bottom + 0.5 * tall]).astype(np.float32),
            np.column_stack([size, tall]).astype(np.float32),
            grown.yaw.astype(np.float32),
            np.full((n, 2), np.nan, np.float32),
            boxes.covariance(grown, hidden, yaw_std, distance, z_std).astype(np.float32),
            guess.probs.astype(np.float32),
            existence.astype(np.float32),
            counts.astype(np.int32),
            np.zeros(n, np.bool_),
            np.zeros(n, np.uint8),
            "anchor",
        )
