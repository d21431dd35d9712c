"""Parameters of the geometric detector."""

from __future__ import annotations

from pydantic import Field

from autonomy_perception.config.base import Strict, tuned

FIT = "tools/fit_existence.py"


class LinkConfig(Strict):
    """Which cells belong to one object; the reach is ``gap`` and ``gap_slope`` of the stage."""

    rise: float = tuned(0.4, 0.05, 3, "largest empty height within one object at the lidar [m]")
    rise_slope: float = tuned(0.012, 0, 0.1, "its growth with range [m per m]")
    max_length: float = tuned(21.0, 5, 60, "longer clusters are linked again by stricter rules [m]")
    max_width: float = tuned(3.2, 1, 10, "wider ones too [m]")


class CompletionConfig(Strict):
    """What is believed of the parts that a lidar does not see."""

    min_sine: float = tuned(0.2, 0.01, 1, "sine of the angle of incidence from which a face shows its whole extent")
    presumed_length: float = tuned(
        6.0, 1, 20, "nothing unseen is taken for longer: trucks that show one end are 5 to 16 m long [m]"
    )
    unknown_height: float = tuned(1.0, 0, 5, "height of clusters over ground that nobody knows [m]")
    hidden_height: float = tuned(1.2, 0, 3, "of an object's lower part that the own vehicle may hide at the lidar [m]")
    hidden_range: float = tuned(10.0, 0.1, 50, "beyond this range it hides nothing [m]")
    no_yaw_length: float = tuned(1.1, 0, 5, "what is shorter shows no direction [m]")
    no_yaw_std: float = tuned(0.9, 0.1, 3.2, "standard deviation of a direction anywhere in half a turn [rad]")


class ClutterConfig(Strict):
    """How large is what is no road user: extents are exponentially distributed."""

    prior: float = tuned(1.0, 0.01, 100, "how often such clusters occur, in units of those of cars")
    length: float = tuned(2.5, 0.1, 20, "mean length [m]")
    width: float = tuned(0.9, 0.1, 20, "mean width [m]")
    height: float = tuned(1.4, 0.1, 20, "mean height [m]")
    rider_width: float = tuned(0.95, 0.3, 2, "no rider is wider at the top [m]")


class EvidenceWeights(Strict):
    """Existence of a cluster: weights of a logistic regression over its shape."""

    constant: float = tuned(-1.8, -20, 20, "of every cluster", FIT)
    size: float = tuned(0.85, -20, 20, "of the size's log-likelihood ratio", FIT)
    edge_share: float = tuned(2.8, -20, 20, "of the share of the near side on an L, above 0.7", FIT)
    cut_out: float = tuned(-1.5, -20, 20, "of being cut out of something larger", FIT)
    face_fill: float = tuned(1.5, -20, 20, "of a filled outline, above 0.5", FIT)
    wall: float = tuned(-1.4, -20, 20, "of a long face without depth [per m above 4 m]", FIT)
    floating: float = tuned(-1.4, -20, 20, "of the stretch between ground and lowest return, above 0.3 m [per m]", FIT)


class DetectionConfig(Strict):
    """Geometric clusters to boxes."""

    max_range: float = Field(75.0, ge=10, le=200, description="clusters farther away are not made [m]")
    min_points: int = Field(5, ge=1, le=100, description="smallest cluster [points]")
    gap: float = tuned(0.5, 0.2, 2.0, "reach between two cells of one object at the lidar [m]")
    gap_slope: float = tuned(0.01, 0, 0.1, "growth of that reach [m per m of range]")
    max_height: float = tuned(4.6, 1, 20, "higher clusters are buildings or trees [m]")
    max_detections: int = Field(150, ge=1, le=2000, description="the most certain objects kept of one scan")
    min_existence: float = tuned(0.05, 0, 1, "less certain clusters are not reported")
    link: LinkConfig = LinkConfig()
    completion: CompletionConfig = CompletionConfig()
    clutter: ClutterConfig = ClutterConfig()
    weights: EvidenceWeights = EvidenceWeights()
