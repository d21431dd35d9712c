"""Detections where the beginning of a sweep meets its end."""

import numpy as np

from autonomy_perception.config import FaceConfig
from autonomy_perception.tracking.scan import _delays
from autonomy_perception.tracking.sweep import BINS, Sweep

# Clockwise from behind: bearing -180 degrees was seen last, +180 degrees first.
SWEEP = Sweep(np.zeros(3), np.linspace(0.0, -0.1, BINS))


def delays(y: float, yaw: float = 0.0) -> list[float]:
    """Both candidates for a car 20 m behind, ``y`` to the left."""
    box = np.array([[-20.0, y]]), np.array([[4.5, 1.8]]), np.array([yaw])
    return np.round(_delays(*box, np.zeros(2), 0.0, SWEEP, FaceConfig())[0], 3).tolist()


def test_car_on_one_side_of_the_seam_has_one_time() -> None:
    left, right = delays(1.0), delays(-1.0)
    assert left[0] == left[1] < -0.09
    assert right[0] == right[1] > -0.01


def test_car_astride_of_the_seam_has_two_times() -> None:
    early, late = sorted(delays(0.0))
    assert early < -0.09 and late > -0.01


def test_car_in_front_has_one_time_whatever_its_width() -> None:
    ahead = _delays(np.array([[4.0, 0.0]]), np.array([[2.0, 2.5]]), np.zeros(1), np.zeros(2), 0.0, SWEEP, FaceConfig())[
        0
    ]
    np.testing.assert_allclose(ahead, -0.05, atol=0.002)
