"""Class and existence of a cluster from its size and shape.

The observed box is compared with the sizes of :mod:`autonomy_perception.road_users` as clusters show them. An extent that the lidar could not see in full is a
lower bound: it speaks against a class only when it is already larger than the class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.config import ClutterConfig
from autonomy_perception.road_users import N_CLASSES, ROAD_USERS, ObjectClass, those

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_SEEN = {kind: user.seen for kind, user in ROAD_USERS.items() if user.seen}
_IDS = np.array(list(_SEEN), np.int64)
_LOG_PRIOR = np.log([s.prior for s in _SEEN.values()])
_RIDDEN = those(lambda u: u.ridden)[_IDS]
MEAN_SIZE = np.full((N_CLASSES, 3), np.nan)
SIZE_SPREAD = np.full((N_CLASSES, 3), np.nan)
MEAN_SIZE[_IDS] = [s.size for s in _SEEN.values()]
SIZE_SPREAD[_IDS] = [s.spread for s in _SEEN.values()]

_NORMAL = 1.0 / np.sqrt(2.0 * np.pi)


@dataclass(frozen=True)
class Guess:
    """Class reading of C clusters.

    Attributes:
        probs: float64 (C, N_CLASSES), rows sum to 1.
        best: int64 (C,) most probable class other than UNKNOWN.
        turned: bool (C,) the longer visible edge is read as the width of the best class.
        evidence: float64 (C,) log of the size's likelihood for the road users together over that for anything else.
    """

    probs: F64
    best: NDArray[np.int64]
    turned: NDArray[np.bool_]
    evidence: F64

    def pick(self, rows: NDArray[np.generic]) -> Guess:
        """The clusters of ``rows`` (indices or mask)."""
        return Guess(self.probs[rows], self.best[rows], self.turned[rows], self.evidence[rows])


def _log_density(extent: F64, whole: F64, mean: F64, spread: F64, blur: F64) -> F64:
    """Log density (C,K) of extents (C,) for class sizes (K,).

    Seen in ``whole`` (C,) 1: normal, or in one case of five cut short by occlusion. Else (0) the visible part ends
    anywhere between nothing and the full extent.
    """
    inverse = 1.0 / np.sqrt(spread[None] ** 2 + blur[:, None] ** 2)
    z = np.clip((extent[:, None] - mean[None]) * inverse, -15.0, 15.0)
    normal = np.exp(-0.5 * z * z) * inverse * _NORMAL
    cut = 1.0 / (mean[None] * (1.0 + np.exp(1.7 * z)))  # logistic approximation of the normal tail
    share = 0.8 * whole[:, None]
    return np.asarray(np.log(share * normal + (1.0 - share) * cut))


def guess_classes(
    long: F64,
    short: F64,
    height: F64,
    long_seen: F64,
    short_seen: F64,
    top_span: F64,
    distance: F64,
    config: ClutterConfig,
) -> Guess:
    """Class probabilities of C clusters by size.

    Args:
        long, short, height: extents (C,) [m] of the fitted box, height above local ground.
        long_seen, short_seen: (C,) 1 where that extent was seen in full, 0 where it is a lower bound.
        top_span: (C,) [m] width of the topmost quarter across the line of sight.
        distance: (C,) [m] to the lidar; the spacing of returns blurs the extents.
        config: what is no road user.
    """
    mean, spread = MEAN_SIZE[_IDS], SIZE_SPREAD[_IDS]
    blur = 0.05 + 0.004 * distance
    # The beam spacing hides the top of an object but adds nothing to it.
    lost = np.where(height[:, None] < mean[None, :, 2], 0.01 * distance[:, None], 0.002 * distance[:, None])
    sigma = np.hypot(spread[None, :, 2], 0.05 + lost)
    tall = -0.5 * ((height[:, None] - mean[None, :, 2]) / sigma) ** 2 - np.log(sigma * np.sqrt(2.0 * np.pi))

    def flat(a: F64, a_seen: F64, b: F64, b_seen: F64) -> F64:
        first = _log_density(a, a_seen, mean[:, 0], spread[:, 0], blur)
        return first + _log_density(b, b_seen, mean[:, 1], spread[:, 1], blur)

    straight = flat(long, long_seen, short, short_seen)
    # The longer visible edge is the width when only the front or the rear of a vehicle is in view.
    across = flat(short, short_seen, long, long_seen)
    turned = across > straight
    score = _LOG_PRIOR[None] + tall + np.maximum(straight, across)
    # A rider's head and shoulders are narrow where the rear of a car, as wide as a bicycle is long, has its roof.
    too_wide = np.logaddexp(0.0, (top_span - config.rider_width) / (0.06 + 0.004 * distance))
    score -= np.where(_RIDDEN[None], np.minimum(too_wide, 4.0)[:, None], 0.0)
    a, b, c = config.length, config.width, config.height
    clutter = np.log(config.prior / (a * b * c)) - long / a - short / b - height / c
    top = np.maximum(score.max(1), clutter)
    users = np.exp(score - top[:, None])
    rest = np.exp(clutter - top)
    total = users.sum(1) + rest
    probs = np.zeros((len(long), N_CLASSES))
    probs[:, _IDS] = users / total[:, None]
    probs[:, ObjectClass.UNKNOWN] = rest / total
    pick = np.argmax(score, 1)
    evidence = np.clip(np.log(users.sum(1) + 1e-12) - np.log(rest + 1e-12), -6.0, 6.0)
    return Guess(probs, _IDS[pick], turned[np.arange(len(long)), pick], evidence)
