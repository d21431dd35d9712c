"""Sizes and speeds of labelled road users, beside those in use: ``python tools/fit_road_users.py DATA``.

DATA holds ``kitti_tracking``, ``kitti_object``, ``argoverse2`` and ``nuscenes_keyframe`` as far as at hand. One labelled
object counts once, with its median size. Every mean is also taken with one place (drive, log, keyframe) left out: the
range of these says how far the data bear it. Labels are of whole objects, so they speak of ``size`` in
``autonomy_perception/road_users.py``, not of what clusters show (``seen``).
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.bags.importers import argoverse2, kitti_object, kitti_tracking, nuscenes
from autonomy_perception.road_users import ROAD_USERS, ObjectClass

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Labelled:
    """One object: where, class, size l w h (3,) [m], largest speed held for half a second [m/s] (NaN: unknown)."""

    place: str
    kind: ObjectClass
    size: F64
    speed: float


def kitti(data: Path) -> Iterator[Labelled]:
    """Objects of KITTI tracking and KITTI object, without speeds (the ego's motion is not labelled)."""
    for path in sorted((data / "kitti_tracking/training/label_02").glob("*.txt")):
        boxes = defaultdict(list)
        for frame in (kitti_tracking.read_labels(path, np.eye(4)) or {}).values():
            for box in frame:
                boxes[box.identity, box.kind].append(box.size)
        for (_, kind), sizes in boxes.items():
            yield Labelled(f"kitti tracking {path.stem}", kind, np.median(sizes, 0), np.nan)
    for path in sorted((data / "kitti_object/training/label_2").glob("*.txt")):
        for box in kitti_object.read_labels(path, np.eye(4)):
            yield Labelled(f"kitti object {path.stem}", box.kind, np.array(box.size), np.nan)


def argoverse(data: Path) -> Iterator[Labelled]:
    """Objects of Argoverse 2 logs; speeds over ground by the true ego poses."""
    for log in sorted(p.parent for p in (data / "argoverse2").glob("*/annotations.feather")):
        ego = argoverse2._motion(log / "city_SE3_egovehicle.feather")
        paths, sizes = defaultdict(list), defaultdict(list)
        for stamp, boxes in sorted((argoverse2._annotations(log / "annotations.feather") or {}).items()):
            pose = None if ego is None else ego.T_odom_base[int(np.argmin(np.abs(ego.stamps - stamp)))]
            for box in boxes:
                sizes[box.identity, box.kind].append(box.size)
                if pose is not None:
                    paths[box.identity].append((stamp * 1e-9, *(pose @ box.pose)[:2, 3]))
        for (identity, kind), seen in sizes.items():
            yield Labelled(f"argoverse {log.name[:8]}", kind, np.median(seen, 0), top_speed(np.array(paths[identity])))


def nuscene(data: Path) -> Iterator[Labelled]:
    """Objects of nuScenes keyframes (as YAML), with their labelled velocities."""
    for path in sorted((data / "nuscenes_keyframe").glob("*.yaml")):
        for label in nuscenes.read_keyframe(path).objects or ():
            speed = float("nan") if label.velocity is None else float(np.hypot(*label.velocity))
            yield Labelled(f"nuscenes {path.stem}", label.kind, np.array(label.size), speed)


def top_speed(path: F64) -> float:
    """90th percentile of the speeds [m/s] over half a second of a path (N,3) of t x y; NaN where it is shorter."""
    if len(path) < 6:
        return float("nan")
    step = path[5:] - path[:-5]
    return float(np.percentile(np.hypot(step[:, 1], step[:, 2]) / step[:, 0], 90))


def left_out(values: F64, places: list[str]) -> tuple[F64, F64]:
    """Smallest and largest mean (3,) of ``values`` (N,3) with the objects of one place left out."""
    names = np.array(places)
    means = [values[names != p].mean(0) for p in sorted(set(places)) if (names != p).any()] or [values.mean(0)]
    return np.min(means, 0), np.max(means, 0)


def rows(objects: list[Labelled]) -> Iterator[tuple[str, ...]]:
    """Per class: objects and places, labelled size, its range with a place left out, in use, speeds, in use."""
    for kind, user in ROAD_USERS.items():
        own = [o for o in objects if o.kind == kind]
        if kind == ObjectClass.UNKNOWN:
            continue
        used = f"{_m(user.size)} +- {_m(user.spread)}"
        if not own:
            yield kind.name, "0", "no label: experiment none", "", used, "", f"{user.top_speed:g}"
            continue
        size, places = np.array([o.size for o in own]), [o.place for o in own]
        low, high = left_out(size, places)
        speed = np.array([o.speed for o in own if np.isfinite(o.speed)])
        yield (
            kind.name, f"{len(own)} in {len(set(places))}", f"{_m(size.mean(0))} +- {_m(size.std(0))}",
            f"{_m(low)} .. {_m(high)}", used, f"{speed.max():.1f}" if len(speed) else "", f"{user.top_speed:g}",
        )  # fmt: skip


def _m(values: object) -> str:
    return " x ".join(f"{v:.2f}" for v in np.asarray(values, np.float64))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of the recordings")
    data = parser.parse_args().data
    print(
        "| class | objects in places | labelled l x w x h [m] | a place left out | in use | fastest [m/s] | top speed in use |"
    )
    print("|---|---|---|---|---|---|---|")
    for row in rows([*kitti(data), *argoverse(data), *nuscene(data)]):
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
