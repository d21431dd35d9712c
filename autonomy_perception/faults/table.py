"""Every fault of a sensor or a stream: what is injected, what must be said, what the outputs do, how fast they recover.

The live tests and ``autonomy-perception torture`` inject these rows into the running graph; docs/faults.md is made from
them. Faults of processes, files and parameters are in :mod:`autonomy_perception.faults.processes`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial

from autonomy_perception.faults import clouds, images, motion, objects, streams
from autonomy_perception.faults.sample import Mutator, Rig
from autonomy_perception.faults.streams import S, camera, lidar, odometry

MAX_GAP_S, TYPICAL_GAP_S = 1.5, 0.25
"""Outputs never come with larger gaps (a machine under load), half of them not with larger than the second."""
FRESH_HZ = 3.0
"""Outputs that go on have fresh data at least this often."""
CHOKING = ("cloud of five million points", "lidar floods")
"""They leave the machine less time than the sensors ask for: rates are not judged, only life."""


class Outputs(Enum):
    """What the outputs do while a fault lasts. They never fall silent: see ``TYPICAL_GAP_S``."""

    GO_ON = "go on with fresh data"
    AGE = "are held and aged: STALE after 0.5 s, STOPPED after 3 s"
    RESTART = "maps and tracks begin anew, then go on with fresh data"
    LOSE_MOTION = "hold the last twist for 1 s, then go on in base_link from single scans (NO_EGO_MOTION)"


@dataclass(frozen=True)
class Fault:
    """One row.

    Attributes:
        name: unique; reads as "the ...".
        injected: in words.
        aims_at: whose messages are changed: "lidar", "jpeg", "raw", "camera" (of either kind), "odometry", "tf", "clock".
        mutator: makes the change for a rig.
        says: words that one text of diagnostics or status must all hold; ``{lidar}``, ``{camera}`` and so on
            stand for topics. Empty: the fault is legal and nothing is said.
        outputs: what they do meanwhile.
        noticed_s: longest time until it is said [s]; recovers_s: from the end of the fault until fresh outputs with all
            sensors OK [s].
        clock_ns: how far ROS time jumps at its beginning.
    """

    name: str
    injected: str
    aims_at: str
    mutator: Callable[[Rig], Mutator]
    says: tuple[str, ...]
    outputs: Outputs
    noticed_s: float = 3.0
    recovers_s: float = 1.5
    clock_ns: int = 0

    def words(self, rig: Rig) -> tuple[str, ...]:
        """``says`` with the rig's topics."""
        return tuple(text.format_map(vars(rig)) for text in self.says)

    def fits(self, rig: Rig) -> bool:
        """Whether the vehicle has what the fault aims at."""
        return bool(getattr(rig, self.aims_at, True))


def _untouched(rig: Rig) -> Mutator:
    return lambda sample: [sample]


AGE, GO_ON, RESTART, LOSE_MOTION = Outputs.AGE, Outputs.GO_ON, Outputs.RESTART, Outputs.LOSE_MOTION

CLOUDS = (
    Fault("cloud cut off", "two thirds of the bytes are missing", "lidar", clouds.truncated,
          ("{lidar}", "data", "expected", "bytes", "truncated"), AGE),
    Fault("cloud padded", "garbage behind every point and every row", "lidar", clouds.padded, (), GO_ON),
    Fault("cloud without z", "the field z is missing", "lidar", clouds.without_z,
          ("{lidar}", "fields.z", "expected", "found"), AGE),
    Fault("cloud field of wrong type", "x is declared INT8", "lidar", clouds.wrong_type,
          ("{lidar}", "fields.x", "expected", "datatype 1"), AGE),
    Fault("cloud field outside", "z lies beyond the end of its point", "lidar", clouds.field_outside,
          ("{lidar}", "point_step", "expected", "60004"), AGE),
    Fault("cloud of absurd size", "width, height and row_step are 2^32 - 1", "lidar", clouds.absurd_size,
          ("{lidar}", "data", "expected", "4294967295"), AGE),
    Fault("cloud of NaN", "every coordinate is NaN", "lidar", clouds.all_nan,
          ("{lidar}", "points", "expected usable points", "none of"), AGE),
    Fault("cloud empty", "no points", "lidar", clouds.empty, ("{lidar}", "width x height", "expected", "empty"), AGE),
    Fault("cloud of one point", "a million times the same point", "lidar", clouds.duplicates,
          ("{lidar}", "points", "expected", "the same point"), AGE, noticed_s=5.0, recovers_s=2.0),
    Fault("cloud of five million points", "every twelfth cloud, all over the place", "lidar", clouds.giant,
          ("{lidar}", "points", "expected", "5000000", "left out"), GO_ON, noticed_s=12.0, recovers_s=4.0),
    Fault("cloud of another frame", "frame_id is not that of the vehicle file", "lidar", clouds.other_frame,
          ("{lidar}", "header.frame_id", "expected", "'elsewhere'"), AGE),
)  # fmt: skip

IMAGES = (
    Fault("image without bytes", "compressed, 0 bytes", "jpeg", images.no_bytes,
          ("{jpeg}", "data", "expected", "found"), GO_ON),
    Fault("image cut off", "compressed, the second half is missing", "jpeg", images.cut_off,
          ("{jpeg}", "data", "expected", "found"), GO_ON),
    Fault("image of garbage", "random bytes instead of JPEG or PNG", "jpeg", images.garbage,
          ("{jpeg}", "data", "expected", "found"), GO_ON),
    Fault("image scrambled inside", "compressed, sound header, random pixels", "jpeg", images.scrambled, (), GO_ON),
    Fault("image of another format", "compressed, the format string contradicts the bytes, which count", "jpeg",
          images.other_format, (), GO_ON),
    Fault("decompression bomb", "a few hundred bytes that claim 50,000 x 50,000 pixels", "jpeg", images.bomb,
          ("{jpeg}", "data", "expected", "50000"), GO_ON),
    Fault("raw image without pixels", "0 x 0 pixels", "raw", images.no_pixels,
          ("{raw}", "data", "expected", "0 x 0"), GO_ON),
    Fault("raw image of wrong size", "twice the rows that its bytes hold", "raw", images.missized,
          ("{raw}", "data", "expected", "found"), GO_ON),
    Fault("raw image of absurd size", "50,000 x 4,294,967,295 pixels", "raw", images.huge,
          ("{raw}", "data", "expected", "found"), GO_ON),
    Fault("raw image of unknown encoding", "an encoding string that does not exist", "raw", images.unknown_encoding,
          ("{raw}", "rgb8; drop table"), GO_ON),
    Fault("CameraInfo of zeros", "all numbers zero", "camera", images.info_of_zeros,
          ("{info}", "k", "expected", "found"), GO_ON),
    Fault("CameraInfo that changes size", "now the size of the images, now half of it", "camera", images.info_changing,
          ("{camera}", "data", "expected", "CameraInfo says"), GO_ON),
    Fault("camera stops", "no image", "camera", streams.stops(camera), ("no message on {camera} for",), GO_ON),
    Fault("camera late", "images come 400 ms late", "camera", streams.late(camera),
          ("{camera}", "header.stamp", "expected", "found"), GO_ON),
    Fault("camera stamps ahead", "stamps 10 s in the future", "camera", streams.stamped(camera, 10 * S),
          ("{camera}", "header.stamp", "expected", "s ahead"), GO_ON),
    Fault("camera stamps back", "stamps 10 s in the past", "camera", streams.stamped(camera, -10 * S),
          ("{camera}", "header.stamp", "expected", "s behind"), GO_ON),
    Fault("camera floods", "images at 100 Hz", "camera", streams.floods(camera), (), GO_ON),
)  # fmt: skip

MOTION = (
    Fault("TF loop", "the vehicle is also a child of its lidar", "tf", motion.tf_loop, ("/tf", "transforms", "loop"), GO_ON),
    Fault("TF that is no rotation", "the lidar's quaternion is zero", "tf", motion.tf_no_rotation,
          ("/tf_static", "transforms", "quaternion", "not usable"), GO_ON),
    Fault("TF of wrong quality of service", "a best-effort publisher on /tf", "tf", motion.tf_best_effort,
          ("incompatible", "/tf"), GO_ON),
    Fault("TF of ever new frames", "2,000 new frames a second", "tf", motion.tf_of_new_frames,
          ("/tf", "transforms", "expected at most 1000 frames"), GO_ON),
    Fault("odometry jumps", "the pose is 60 m off", "odometry", motion.jumps, ("EGO_JUMP",), RESTART),
    Fault("odometry of NaN", "the position is no number", "odometry", motion.not_numbers,
          ("{odometry}", "pose.position", "expected", "nan"), LOSE_MOTION, recovers_s=2.5),
    Fault("odometry that is no rotation", "the orientation is zero", "odometry", motion.no_rotation,
          ("{odometry}", "pose.orientation", "expected", "found"), LOSE_MOTION, recovers_s=2.5),
    Fault("odometry stops", "no message", "odometry", streams.stops(odometry),
          ("no message on {odometry} for",), LOSE_MOTION, recovers_s=2.5),
    Fault("odometry late", "messages come 400 ms late", "odometry", streams.late(odometry),
          ("{odometry}", "header.stamp", "expected", "found"), GO_ON, recovers_s=2.5),
    Fault("odometry stamps back", "stamps 10 s in the past", "odometry", streams.stamped(odometry, -10 * S),
          ("{odometry}", "header.stamp", "expected", "found"), LOSE_MOTION, recovers_s=2.5),
)  # fmt: skip

STREAMS = (
    Fault("lidar stops", "no cloud", "lidar", streams.stops(lidar), ("no message on {lidar} for",), AGE),
    Fault("lidar late", "clouds come 400 ms late", "lidar", streams.late(lidar),
          ("{lidar}", "header.stamp", "expected", "found"), GO_ON),
    Fault("lidar stamps back", "stamps 10 s in the past", "lidar", streams.stamped(lidar, -10 * S),
          ("{lidar}", "header.stamp", "expected", "s behind"), LOSE_MOTION,
          recovers_s=2.5),
    Fault("lidar stamps ahead", "stamps 10 s in the future", "lidar", streams.stamped(lidar, 10 * S),
          ("{lidar}", "header.stamp", "expected", "s ahead"), LOSE_MOTION, recovers_s=2.5),
    Fault("lidar without stamps", "stamps are zero", "lidar", streams.unstamped(lidar),
          ("{lidar}", "header.stamp", "expected", "found"), AGE, recovers_s=2.5),
    Fault("lidar stamps swapped", "neighbouring clouds exchange their stamps", "lidar", streams.swapped(lidar),
          ("{lidar}", "header.stamp", "expected", "found"), GO_ON),
    Fault("lidar floods", "clouds at 100 Hz", "lidar", streams.floods(lidar), ("{lidar}", "rate", "expected", "found"), GO_ON,
          recovers_s=2.5),
    Fault("two publishers", "a second publisher of the same lidar", "lidar", streams.doubled(lidar),
          ("{lidar}", "publishers", "expected 1", "found 2"), GO_ON),
)  # fmt: skip

CLOCK = (
    Fault("clock stops", "ROS time stands still, sensors go on", "clock", streams.stops(streams.clock),
          ("{lidar}", "header.stamp", "ahead"), GO_ON, recovers_s=2.5),
    Fault("clock jumps back", "ROS time and all stamps go back 5 s", "clock", _untouched, ("TIME_JUMP",), RESTART,
          clock_ns=-5 * S, recovers_s=2.5),
    Fault("clock jumps ahead", "ROS time and all stamps go ahead 60 s", "clock", _untouched, ("TIME_JUMP",), RESTART,
          clock_ns=60 * S, recovers_s=2.5),
)  # fmt: skip

OBJECTS = (
    Fault("objects of NaN", "the position of every object is no number", "objects", objects.not_numbers,
          ("{objects}", "pose_with_covariance", "expected finite numbers"), GO_ON),
    Fault("objects without extent", "every box is 0 m long", "objects", objects.without_extent,
          ("{objects}", "shape.dimensions", "expected lengths above 0 m"), GO_ON),
    Fault("objects of NaN existence", "the existence probability of every object is no number", "objects",
          objects.improbable, ("{objects}", "existence_probability", "expected 0..1", "nan", "left out"), GO_ON),
    Fault("objects of negative classes", "every class probability is -1", "objects",
          partial(objects.of_classes, probability=-1.0),
          ("{objects}", "classification.probability", "expected 0..1", "-1", "left out"), GO_ON),
    Fault("objects of no class", "every class probability is 0", "objects", partial(objects.of_classes, probability=0.0),
          ("{objects}", "classification", "expected probabilities that sum to more than 0", "left out"), GO_ON),
    Fault("objects stamped ahead", "stamps 10 s in the future", "objects", streams.stamped(streams.objects, 10 * S),
          ("{objects}", "header.stamp", "expected", "s ahead"), GO_ON),
    Fault("objects flood", "detections at 100 Hz", "objects", streams.floods(streams.objects), (), GO_ON),
    Fault("objects stop", "no detections: the tracker's objects age", "objects", streams.stops(streams.objects),
          ("tracker: pipeline", "STALE", "OLD_DATA"), GO_ON),
)  # fmt: skip
"""Of detections that another node publishes: only the split graph has such an input."""

FAULTS: tuple[Fault, ...] = (*CLOUDS, *IMAGES, *MOTION, *STREAMS, *CLOCK)
