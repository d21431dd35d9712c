"""Parameters of the tracker."""

from __future__ import annotations

from pydantic import Field

from autonomy_perception.config.base import DRIVES, Strict, tuned


class AssociationConfig(Strict):
    """Which detection may belong to which track."""

    slack: float = tuned(1.0, 0.1, 10, "a detection may lie so far beyond what prediction and its doubt reach [m]")
    surprise: float = tuned(12.0, 0, 60, "largest change of velocity between two scans [m/s]", DRIVES)
    reach: float = tuned(6.0, 0.5, 30, "no detection farther than this from the prediction is taken [m]")
    part_margin: float = tuned(0.3, 0, 2, "a detection inside a tracked box grown by this is a piece of it [m]")
    relative: float = tuned(0.5, 0, 1, "how well a detection fits a track of a class it may be confused with")
    stranger: float = tuned(0.05, 0, 1, "how well it fits a track of any other class")


class BirthConfig(Strict):
    """What is believed of the velocity of something seen once."""

    spread: float = tuned(6.0, 0.1, 60, "standard deviation of the velocity [m/s]")
    spread_along: float = tuned(14.0, 0.1, 60, "the same of a vehicle along its longer side [m/s]", DRIVES)
    spread_across: float = tuned(4.0, 0.1, 60, "and across it [m/s]", DRIVES)


class ExistenceConfig(Strict):
    """Does the object exist?"""

    life_s: float = tuned(20.0, 0.5, 600, "mean life of an object within the field of view [s]")
    miss_weight: float = tuned(0.6, 0, 1, "misses in a row share a cause: one counts so much of an independent one")
    cap: float = tuned(0.99, 0.5, 0.9999, "nothing is believed more surely")
    lost: float = tuned(0.02, 0, 0.5, "a track less credible is forgotten")
    far: float = tuned(70.0, 5, 300, "beyond this nothing can be expected of the detector [m]")


class ExtentConfig(Strict):
    """How large is the object, when only part of it is seen?"""

    lasting_scans: int = tuned(6, 1, 100, "a much larger extent is believed after so many scans [scans]")
    young_hits: int = tuned(5, 0, 100, "up to so many detections the size is what is seen now [detections]")
    stray: float = tuned(0.3, 0, 1, "how likely a small detection is a piece of what was never seen whole")


class FaceConfig(Strict):
    """How surely, and when, a face in view is measured."""

    near: float = tuned(0.06, 0.001, 1, "standard deviation of a face at the lidar [m]")
    per_m: float = tuned(0.002, 0, 0.1, "its growth with range [m per m]")
    same_time_s: float = tuned(0.03, 0, 0.2, "looks nearer in time than this are the same [s]")
    minority: float = tuned(
        0.3, 0, 0.5, "smaller part of a detection on one side of the seam of the sweep that is left out"
    )
    radial: float = tuned(2.0, 0, 20, "from this speed on something plainly comes nearer or goes away [m/s]")


class MotionConfig(Strict):
    """Static or moving?"""

    start_window_s: float = tuned(2.4, 0.3, 10, "motion is looked for in the newest detections of so long [s]", DRIVES)
    stop_window_s: float = tuned(0.8, 0.2, 10, "rest in those of so long [s]", DRIVES)
    min_frames: int = tuned(3, 2, 20, "of a road user; others must show more [detections]")
    few_frames: int = tuned(4, 2, 20, "with fewer, motion must be twice as plain [detections]")
    never_longer: float = tuned(20.0, 5, 100, "unknown things longer than this are structure and never move [m]")
    settled_s: float = tuned(0.5, 0, 5, "a track that has not moved in its first so long rests [s]")
    settled_hits: int = tuned(5, 0, 50, "and was seen more often than this [detections]")
    rest_spread: float = tuned(0.4, 0.01, 5, "how firmly resting tracks are held [m/s]", DRIVES)
    rest_reported: float = tuned(0.1, 0.001, 5, "standard deviation of the velocity zero that is published [m/s]")


class OrientationConfig(Strict):
    """Which way does the box point?"""

    switch: float = tuned(1.5, 0.1, 10, "lead of another quarter turn that turns the box [nat]")
    ceiling: float = tuned(6.0, 0.5, 30, "bound of the belief, so that it can be overturned [nat]")


class EvidenceConfig(Strict):
    """How class guesses add up."""

    rate: float = tuned(0.4, 0.01, 1, "one guess counts so much of an independent one")
    memory: float = tuned(0.97, 0.5, 1, "share of the evidence that is left after one more guess")
    mean_over: int = tuned(10, 1, 100, "the log-odds of being a road user are a mean over about so many [detections]")


class TrackingConfig(Strict):
    """Multi-object tracker."""

    birth_existence: float = tuned(0.5, 0, 1, "existence probability from which a track is published", DRIVES)
    max_coast_s: float = tuned(1.0, 0.1, 10, "a track unseen for longer is dropped [s]", DRIVES)
    max_tracks: int = Field(300, ge=1, le=2000, description="upper bound on the number of tracks")
    min_hits: int = tuned(3, 1, 50, "a track is published only after this many detections", DRIVES)
    publish_unknown: bool = Field(
        False, description="also publish resting tracks of unknown class (poles, bushes, walls)"
    )
    association: AssociationConfig = AssociationConfig()
    birth: BirthConfig = BirthConfig()
    existence: ExistenceConfig = ExistenceConfig()
    extent: ExtentConfig = ExtentConfig()
    face: FaceConfig = FaceConfig()
    motion: MotionConfig = MotionConfig()
    orientation: OrientationConfig = OrientationConfig()
    evidence: EvidenceConfig = EvidenceConfig()
