"""Faults of processes, parameters, files and resources: one row each; the test of the same name holds it to its words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProcessFault:
    """One row.

    Attributes:
        name: unique.
        injected: in words.
        where: who says it: "diagnostics", "status", "the node's log", "the command".
        says: words that it says; ``{lidar_frame}`` and so on stand for names of the vehicle.
        outputs: what the outputs, or the user's files, do meanwhile.
        recovers_s: from the end of the fault until everything is as before [s]; None: there is nothing to recover.
    """

    name: str
    injected: str
    where: str
    says: tuple[str, ...]
    outputs: str
    recovers_s: float | None = None


START_S = 10.0
"""A node that is started again gives sound outputs after this long at the latest [s]."""

LIVE = (
    ProcessFault("subscriber stalls", "a process that listens to all outputs is stopped (SIGSTOP) for 2 s", "nobody", (),
                 "go on for everybody else", 2.0),
    ProcessFault("subscriber asks for more", "a subscriber wants transient-local grids", "diagnostics",
                 ("quality of service", "/perception/occupancy_grid"), "go on for everybody else", 2.5),
    ProcessFault("parameter out of range while running", "sensors.max_points set to -5", "the service's answer",
                 ("sensors.max_points", "range"), "go on; the value stays as it was"),
    ProcessFault("second perception", "another perception node is started on the same topics", "diagnostics",
                 ("/perception/", "publishers", "expected 1", "found 2"), "both go on", 2.5),
    ProcessFault("disk full while recording", "writes of the recorder fail", "the node's log",
                 ("cannot be written", "cut off"), "go on; what was recorded is kept as OUTPUT.cut_off, the recorder ends with code 1"),
    ProcessFault("recorder killed", "SIGKILL while it records, then another start on the same output", "the node's log",
                 ("unfinished recording", "kept as"), "go on; what was recorded is kept as OUTPUT.cut_off"),
    ProcessFault("second recorder on the same output", "while the first one writes", "the node's log",
                 ("being written by process",), "go on; the first recording is not touched, the second ends with code 2"),
    ProcessFault("perception killed", "SIGKILL, then a new start", "diagnostics of the health monitor",
                 ("health: /perception/occupancy_grid", "silent for", "allowed"), "are silent until it is started again", START_S),
    ProcessFault("TF missing", "nobody publishes the rig when perception starts", "diagnostics",
                 ("TF", "expected", "{base_frame} <- {lidar_frame}", "found"), "status at 5 Hz: STOPPED, sensors INVALID", 2.5),
    ProcessFault("/dev/shm full", "100 KB of shared memory for the whole graph", "diagnostics",
                 ("/dev/shm", "free", "expected", "found"), "go on over UDP; large messages get lost"),
)  # fmt: skip

ENDS = (
    ProcessFault("SIGINT or SIGTERM at any moment", "to every node, also while it starts", "nobody", (),
                 "the node ends within 5 s with code 0 (by the signal, if it had not begun yet); a recording is whole"),
    ProcessFault("SIGKILL of the starter", "`up` or `replay` is killed", "nobody", (), "no node stays behind"),
    ProcessFault("parameter out of range at start", "sensors.max_points is -5 in the parameter file", "the node's log",
                 ("sensors.max_points", "-5"), "the node ends with code 2"),
    ProcessFault("override out of range or type", "-p sensors.max_points:=-5, -p sensors.max_points:=many", "the node's log",
                 ("parameter sensors.max_points", "expected int", "1000", "found"), "the node ends with code 2"),
    ProcessFault("extrinsics that are no rotation", "NaN in the vehicle file's rpy", "the node's log",
                 ("rpy", "finite"), "the node ends with code 2"),
)  # fmt: skip

FILES = (
    ProcessFault("bag cut off", "half of the file is missing", "the command", ("broken bag", "cut off"), "code 2"),
    ProcessFault("bag without metadata", "the recorder was killed", "the command", ("no metadata.yaml", "cut off"), "code 2"),
    ProcessFault("bag without index", "data without summary section", "nobody", (), "is read in order, as any other"),
    ProcessFault("bag without lidar", "no PointCloud2 topic", "the command",
                 ("no message on the reference lidar's topic", "/lidar/points"), "is played: STOPPED, everything unknown"),
    ProcessFault("not a bag", "a folder of something else", "the command", ("not a rosbag2 folder",), "code 2"),
    ProcessFault("noise instead of a bag", "random bytes in an .mcap file", "the command", ("broken bag",), "code 2"),
    ProcessFault("second start on the same output", "`replay -o` and `import` into a folder that exists", "the command",
                 ("exists already",), "nothing is overwritten, code 2"),
)  # fmt: skip

TESTED_ONLY = "/dev/shm full"
"""The one row of LIVE that `autonomy-perception torture` leaves out: the graph has to be started on a small /dev/shm."""

PROCESS_FAULTS: tuple[ProcessFault, ...] = (*LIVE, *ENDS, *FILES)


def row(name: str) -> ProcessFault:
    """The row of that name. Raises KeyError."""
    found = {fault.name: fault for fault in PROCESS_FAULTS}
    return found[name]
