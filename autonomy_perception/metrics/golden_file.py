"""Golden outputs as a file: one compressed npz of plain arrays, the same bytes for the same outputs.

Objects of all frames lie behind each other, with their number per frame beside them. Cell states are stored as what
changed since the frame before, where the grid then was. Values are rounded to well below their tolerances.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autonomy_perception.grid import WorldGrid, scroll
from autonomy_perception.metrics.golden import Golden, GoldenFrame, Layer, Map, Objects
from autonomy_perception.metrics.golden_tolerance import tolerance

Array = NDArray[Any]
VERSION = 1


class GoldenError(ValueError):
    """A golden file cannot be read; the message says which, and why."""


def save(golden: Golden, path: Path) -> None:
    """Write the file whole or not at all.

    Raises:
        ValueError: the grids of two frames differ in size.
        OSError: the folder cannot be written.
    """
    arrays: dict[str, Array] = {"head": np.array(json.dumps(_head(golden), sort_keys=True))}
    frames = golden.frames
    for name in ("stamp_ns", "data_stamp_ns", "mode", "has_ego_motion"):
        arrays[name] = np.array([getattr(f, name) for f in frames])
    arrays["T_odom_base"] = np.array([f.T_odom_base for f in frames]).reshape(-1, 4, 4)
    for part in _names(f.parts for f in frames):
        held = [f.parts[part] for f in frames if part in f.parts]
        arrays[f"{part}.count"] = np.array([len(o) for o in held], np.int32)
        for name in held[0].fields:
            values = np.concatenate([o.fields[name] for o in held])
            arrays[f"{part}:{name}"] = tolerance(f"{part}.{name}").rounded(values)
    for part in _names(f.maps for f in frames):
        maps = [f.maps[part] for f in frames if part in f.maps]
        arrays[f"{part}.place"] = np.array([[m.grid.cell_x, m.grid.cell_y] for m in maps], np.int64)
        for name in maps[0].layers:
            arrays[f"{part}/{name}/known"] = np.stack([m.layers[name].known for m in maps])
            mean = np.stack([m.layers[name].mean for m in maps])
            arrays[f"{part}/{name}/mean"] = tolerance(f"{part}.{name}").rounded(mean)
        if maps[0].states is not None:
            arrays[f"{part}.states"] = _changes(maps)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with new.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def load(path: Path) -> Golden:
    """Read a file.

    Raises:
        GoldenError: there is none, it is damaged, or another version of the suite wrote it.
    """
    try:
        with path.open("rb") as file:
            zipped = np.load(file, allow_pickle=False)
            if not isinstance(zipped, np.lib.npyio.NpzFile):
                raise GoldenError(f"{path}: damaged or not a golden file (a single array)")
            arrays = {name: zipped[name] for name in zipped.files}
        head = json.loads(str(arrays["head"]))
        if head["version"] != VERSION:
            raise GoldenError(f"{path}: golden file of version {head['version']}, expected {VERSION}; renew it")
        return Golden(head["about"], tuple(_frames(head, arrays)))
    except FileNotFoundError as e:
        raise GoldenError(f"{path}: there is no such file") from e
    except GoldenError:
        raise
    except OSError as e:
        raise GoldenError(f"{path}: cannot be read: {e.strerror}") from e
    except (EOFError, ValueError, KeyError, IndexError, TypeError, StopIteration, zipfile.BadZipFile, zlib.error) as e:
        raise GoldenError(f"{path}: damaged or not a golden file ({type(e).__name__}: {e})") from e


def _head(golden: Golden) -> dict[str, Any]:
    """What is not an array."""
    size: dict[str, tuple[int, int, float]] = {}
    for f in golden.frames:
        for name, m in f.maps.items():
            this = (m.grid.nx, m.grid.ny, m.grid.resolution)
            if size.setdefault(name, this) != this:
                raise ValueError(f"{name}: expected one size of grid in all frames, found {size[name]} and {this}")
    frames = [
        {"inputs": f.inputs, "reasons": f.reasons, "parts": {n: o.frame_id for n, o in f.parts.items()}, "maps": list(f.maps)}
        for f in golden.frames
    ]  # fmt: skip
    return {"version": VERSION, "about": dict(golden.about), "frames": frames, "size": size}


def _frames(head: Mapping[str, Any], arrays: Mapping[str, Array]) -> Iterable[GoldenFrame]:
    heads = head["frames"]
    parts = {p: iter(_unpack_objects(p, [h["parts"][p] for h in heads if p in h["parts"]], arrays)) for p in _names(h["parts"] for h in heads)}  # fmt: skip
    maps = {m: iter(_unpack_maps(m, head["size"][m], arrays)) for m in head["size"]}
    for k, h in enumerate(heads):
        yield GoldenFrame(
            int(arrays["stamp_ns"][k]), int(arrays["data_stamp_ns"][k]), h["inputs"], int(arrays["mode"][k]),
            tuple(h["reasons"]), bool(arrays["has_ego_motion"][k]), arrays["T_odom_base"][k],
            {p: next(parts[p]) for p in h["parts"]}, {m: next(maps[m]) for m in h["maps"]},
        )  # fmt: skip


def _unpack_objects(part: str, frame_ids: list[str], arrays: Mapping[str, Array]) -> list[Objects]:
    counts = arrays[f"{part}.count"]
    ends = np.cumsum(counts)
    fields = {name.partition(":")[2]: a for name, a in arrays.items() if name.startswith(f"{part}:")}
    for name, a in fields.items():
        if len(a) != counts.sum():
            raise ValueError(f"{part}.{name}: expected {counts.sum()} rows, found {len(a)}")
    return [
        Objects(frame_id, {name: a[end - n : end] for name, a in fields.items()})
        for frame_id, n, end in zip(frame_ids, counts, ends, strict=True)
    ]


def _unpack_maps(part: str, size: tuple[int, int, float], arrays: Mapping[str, Array]) -> list[Map]:
    nx, ny, resolution = size
    grids = [WorldGrid(int(x), int(y), nx, ny, resolution) for x, y in arrays[f"{part}.place"]]
    names = [n.split("/")[1] for n in arrays if n.startswith(f"{part}/") and n.endswith("/mean")]
    states: list[Any] = [None] * len(grids)
    if f"{part}.states" in arrays:
        bits = np.unpackbits(arrays[f"{part}.states"], axis=-1, count=nx)
        states = list(bits[:, 0] | bits[:, 1] << 1)
        for k in range(1, len(grids)):
            states[k] = states[k] ^ scroll(states[k - 1], grids[k - 1], grids[k], 0)
    return [
        Map(g, {n: Layer(arrays[f"{part}/{n}/known"][k], arrays[f"{part}/{n}/mean"][k]) for n in names}, states[k])
        for k, g in enumerate(grids)
    ]


def _changes(maps: list[Map]) -> Array:
    """Bits uint8 (F, 2, ny, ceil(nx/8)) that changed since the frame before."""
    out = []
    for k, m in enumerate(maps):
        states = np.asarray(m.states, np.uint8)
        if k:
            states = states ^ np.asarray(scroll(np.asarray(maps[k - 1].states), maps[k - 1].grid, m.grid, 0), np.uint8)
        out.append(np.packbits(np.stack([states & 1, states >> 1]), axis=-1))
    return np.stack(out)


def _names(of: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted({name for mapping in of for name in mapping})
