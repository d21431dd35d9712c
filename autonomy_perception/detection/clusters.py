"""Geometric detector: obstacle points -> clusters -> oriented boxes with class guess, existence and covariance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import CompletionConfig, DetectionConfig
from autonomy_perception.detection import boxes
from autonomy_perception.detection.classify import MEAN_SIZE, SIZE_SPREAD, Guess, guess_classes
from autonomy_perception.detection.evidence import existence_of, shape_features
from autonomy_perception.ops.cluster import Feature, LinkRule, Workspace, cluster_points, fit_boxes
from autonomy_perception.ops.library import Library
from autonomy_perception.types import Detections, GroundLabels

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


class ClusterDetector:
    """Objects without any network.

    Args:
        config: parameters of the stage.
        lib: where the kernels run.
    """

    def __init__(self, config: DetectionConfig, lib: Library) -> None:
        self._config = config
        self._lib = lib
        self.work = Workspace(lib)
        self._rule = LinkRule(gap=config.gap, gap_slope=config.gap_slope, **config.link.model_dump())

    def detect(self, xyz: F32, labels: GroundLabels, origin: F32) -> Detections:
        """Objects of one scan.

        Args:
            xyz: float32 (N,3) [m] in a gravity-aligned frame.
            labels: ground labels of the same N points.
            origin: (3,) lidar position [m] in the frame of ``xyz``.

        Returns:
            Detections in the frame of ``xyz`` (``frame_id`` is "anchor"), the most certain first, at most
            ``max_detections``. Sizes are completed where a vehicle's far side is hidden. The yaw's sign is not known.
        """
        return self._select(*self.candidates(xyz, labels, origin), np.asarray(origin, np.float64))

    def candidates(
        self, xyz: F32, labels: GroundLabels, origin: F32
    ) -> tuple[F64, NDArray[np.uint8], NDArray[np.int64]]:
        """Clusters (C,) that may be objects, before they are judged; arguments as in :meth:`detect`.

        Returns:
            columns of :class:`Feature`; how often the cluster was linked anew by stricter rules; its returns.
        """
        config, lib = self._config, self._lib
        points = lib.to_device(np.asarray(xyz, np.float32))
        label, height = lib.to_device(labels.label), lib.to_device(labels.height)
        clusters = cluster_points(
            self.work, points, label, height, origin, config.max_range, config.min_points, self._rule
        )
        table = lib.to_host(fit_boxes(self.work, clusters, origin, self._rule.max_length + 1.5)).astype(np.float64)
        level, counts = lib.to_host(clusters.level), np.diff(lib.to_host(clusters.offsets))
        keep = self._plausible(table)
        return table[keep], level[keep], counts[keep]

    def _plausible(self, table: F64) -> NDArray[np.bool_]:
        """Clusters (C,) that are no building, crown or power line: their size and stand are those of an object."""
        narrow = table[:, Feature.WIDTH] < self._rule.max_width + 0.5
        fits = narrow & (table[:, Feature.LENGTH] < self._rule.max_length + 1.0)
        return np.asarray(
            fits & _stands(table, self._config.completion) & ~(table[:, Feature.HEIGHT_MAX] > self._config.max_height)
        )

    def judged_by(self, table: F64, level: NDArray[np.uint8], origin: F64) -> F64:
        """What the existence of :meth:`candidates` is judged by (C,7), see :func:`shape_features`."""
        return shape_features(table, level, self._guess(table, origin)[1])

    def _guess(self, table: F64, origin: F64) -> tuple[boxes.View, Guess]:
        """Clusters as seen from ``origin`` (3,), and their class readings."""
        config = self._config
        extent = np.maximum(table[:, [Feature.LENGTH, Feature.WIDTH]], boxes.MIN_SIZE)
        view = boxes.look(table[:, :2], extent, table[:, Feature.YAW], origin[:2], config.completion.min_sine)
        height, seen = (
            np.nan_to_num(table[:, Feature.HEIGHT_MAX], nan=config.completion.unknown_height),
            view.seen.astype(np.float64),
        )
        top, distance = table[:, Feature.TOP_SPAN], table[:, Feature.RANGE]
        guess = guess_classes(extent[:, 0], extent[:, 1], height, seen[:, 0], seen[:, 1], top, distance, config.clutter)
        return view, guess

    def _select(self, table: F64, level: NDArray[np.uint8], counts: NDArray[np.int64], origin: F64) -> Detections:
        """Detections of plausible clusters: classified, the most certain kept, pieces of others dropped."""
        config = self._config
        view, guess = self._guess(table, origin)
        existence = existence_of(shape_features(table, level, guess), config.weights)
        keep = np.argsort(-existence, kind="stable")[: config.max_detections]
        keep = keep[existence[keep] >= config.min_existence]
        table, counts, existence, guess = table[keep], counts[keep], existence[keep], guess.pick(keep)
        view, hidden = _complete(
            boxes.turn(boxes.pick(view, keep), guess.turned), guess, table[:, Feature.RANGE], config.completion
        )
        whole = ~boxes.fragments(view, counts, existence > 0.3)
        return _assemble(
            table[whole],
            counts[whole],
            boxes.pick(view, whole),
            hidden[whole],
            guess.pick(whole),
            existence[whole],
            config.completion,
        )


def _stands(table: F64, config: CompletionConfig) -> NDArray[np.bool_]:
    """Clusters (C,) that may stand on the ground: they begin near it, or low enough to be a car behind a car.

    Near the lidar the vehicle's own body and the lowest beam hide what is low: the more, the nearer.
    """
    distance = table[:, Feature.RANGE]
    reach = 0.8 + 0.02 * distance + np.where(table[:, Feature.HEIGHT_MAX] < 2.2, 0.6, 0.0)
    reach += config.hidden_height * np.clip(1.0 - distance / config.hidden_range, 0.0, 1.0)
    return np.asarray(~(table[:, Feature.HEIGHT_MIN] > reach))


def _complete(view: boxes.View, guess: Guess, distance: F64, config: CompletionConfig) -> tuple[boxes.View, F64]:
    """Boxes with their hidden part added where the class is clear, and the standard deviation of their extents (C,2) [m]."""
    mean, spread = MEAN_SIZE[guess.best][:, :2], SIZE_SPREAD[guess.best][:, :2]
    sure = guess.probs[np.arange(len(guess.best)), guess.best] > 0.4
    cut = ~view.seen | (view.extent < mean - 3.0 * spread)  # not in view, or something stands before it
    grows = cut & sure[:, None]
    presumed = np.minimum(mean - 0.5 * spread, config.presumed_length)
    size = np.where(grows, np.maximum(view.extent, presumed), view.extent)
    std = np.where(cut, np.minimum(1.5 * spread, 0.5 * size + 0.1), 0.1 + 0.004 * distance[:, None])
    return boxes.grow(view, size), std


def _assemble(
    table: F64,
    counts: NDArray[np.int64],
    view: boxes.View,
    extent_std: F64,
    guess: Guess,
    existence: F64,
    config: CompletionConfig,
) -> Detections:
    n, distance = len(table), table[:, Feature.RANGE]
    edge = np.maximum(np.maximum(table[:, Feature.SPAN_LONG], table[:, Feature.SPAN_SHORT]), 0.2)
    yaw_std = np.clip(np.arctan2(0.05 + table[:, Feature.EDGE_RMS], edge), 0.02, config.no_yaw_std)
    yaw_std = np.where(table[:, Feature.LENGTH] < config.no_yaw_length, config.no_yaw_std, yaw_std)
    bottom = np.where(
        _stands(table, config), np.fmin(table[:, Feature.GROUND], table[:, Feature.Z_MIN]), table[:, Feature.Z_MIN]
    )
    tall = np.maximum(table[:, Feature.Z_MAX] - bottom, boxes.MIN_SIZE)
    covariance = boxes.covariance(view, extent_std, yaw_std, distance, 0.05 + 0.004 * distance)
    return Detections(
        np.column_stack([view.center, bottom + 0.5 * tall]).astype(np.float32),
        np.column_stack([view.extent, tall]).astype(np.float32),
        view.yaw.astype(np.float32),
        np.full((n, 2), np.nan, np.float32),
        covariance.astype(np.float32),
        guess.probs.astype(np.float32),
        existence.astype(np.float32),
        counts.astype(np.int32),
        np.zeros(n, np.bool_),
        np.zeros(n, np.uint8),
        "anchor",
    )
