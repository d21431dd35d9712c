"""Outputs are held across commits; what differs is named and drawn."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from golden.drives import RECORDED, SIMULATED, file_of, recorded
from hypothesis import given, settings
from hypothesis import strategies as st

from autonomy_perception.metrics.golden import CellState, Golden
from autonomy_perception.metrics.golden_compare import compare
from autonomy_perception.metrics.golden_file import GoldenError, load, save
from autonomy_perception.metrics.golden_tolerance import tolerance
from autonomy_perception.report.golden_picture import DIFFERENT_RGB, ZOOM_M, write_picture
from autonomy_perception.report.render import OCCUPIED_RGB, Canvas

PICTURES = Path(__file__).resolve().parents[2] / "out" / "golden"
SHOWN = 15


def held(name: str, new: Golden) -> None:
    """Fail with the differences named, and the first of them drawn, unless the outputs are the golden ones."""
    old = load(file_of(name))
    assert old.frames, "a golden file without frames holds nothing"
    found = compare(old, new)
    if found.differences:
        picture = write_picture(old, new, found.differences, PICTURES / f"{name}.png")
        lines = [str(d) for d in found.differences[:SHOWN]]
        inputs = f"{found.other_inputs} of {len(new.frames)} frames have other inputs"
        pytest.fail(
            f"{len(found.differences)} differences from {file_of(name).name} ({inputs}); picture {picture}\n"
            + "\n".join(lines)
            + "\nIf they are meant: make golden, and the commit says why.",
            pytrace=False,
        )


@pytest.mark.parametrize("name", SIMULATED)
def test_a_simulated_drive_gives_the_golden_outputs(name: str) -> None:
    held(name, SIMULATED[name]())


@pytest.mark.real_data
@pytest.mark.parametrize("name", RECORDED)
def test_a_recording_gives_the_golden_outputs(name: str, real_data: Path, tmp_path: Path) -> None:
    held(name, recorded(*RECORDED[name], real_data, tmp_path))


def changed(golden: Golden, k: int, **fields: object) -> Golden:
    frames = list(golden.frames)
    frames[k] = replace(frames[k], **fields)
    return replace(golden, frames=tuple(frames))


@pytest.fixture(scope="module")
def demo() -> Golden:
    return load(file_of("demo"))


def members(archive: Path) -> list[tuple[str, bytes]]:
    """What a file holds; the headers of the archive itself name another version of ZIP under Python 3.10."""
    with zipfile.ZipFile(archive) as file:
        return [(name, file.read(name)) for name in file.namelist()]


def test_a_file_read_and_written_again_is_the_same_bytes(demo: Golden, tmp_path: Path) -> None:
    save(demo, tmp_path / "again.npz")
    assert members(tmp_path / "again.npz") == members(file_of("demo"))
    assert compare(demo, load(tmp_path / "again.npz")).differences == ()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    whole = file_of("demo").read_bytes()
    path = tmp_path / "bad.npz"
    for data in (b"", b"no archive", whole[: len(whole) // 2], whole[:-2000] + bytes(2000)):
        path.write_bytes(data)
        with pytest.raises(GoldenError, match=r"bad\.npz: damaged"):
            load(path)
    with pytest.raises(GoldenError, match=r"none\.npz: there is no such file"):
        load(tmp_path / "none.npz")


@settings(max_examples=40)
@given(st.data())
def test_every_changed_cell_is_named(demo: Golden, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, len(demo.frames) - 1))
    grid = demo.frames[k].maps["occupancy"]
    states = np.array(grid.states)
    y, x = (data.draw(st.integers(0, n - 1)) for n in states.shape)
    before = int(states[y, x])
    states[y, x] = after = data.draw(st.sampled_from([s for s in CellState if s != before]))
    maps = {**demo.frames[k].maps, "occupancy": replace(grid, states=states)}
    found = compare(demo, changed(demo, k, maps=maps)).differences
    assert [d.field for d in found] == ["occupancy.states"] and found[0].frame == k
    assert f"cell ix {x} iy {y} " in found[0].where
    assert (found[0].old, found[0].new) == (CellState(before).name.lower(), CellState(after).name.lower())


@settings(max_examples=40)
@given(st.data())
def test_every_field_of_every_object_is_held(demo: Golden, data: st.DataObject) -> None:
    part = data.draw(st.sampled_from(["detections", "tracks"]))
    k = data.draw(st.sampled_from([k for k, f in enumerate(demo.frames) if len(f.parts[part])]))
    objects = demo.frames[k].parts[part]
    name = data.draw(st.sampled_from(sorted(objects.fields)))
    row = data.draw(st.integers(0, len(objects) - 1))
    values = np.array(objects.fields[name])
    flat = values.reshape(len(values), -1)
    column = data.draw(st.integers(0, flat.shape[1] - 1))
    old = flat[row, column]
    if values.dtype.kind == "f":
        allowed = tolerance(f"{part}.{name}")
        size = 0.0 if np.isnan(old) else abs(float(old))
        flat[row, column] = np.nan_to_num(old) + 1.5 * (allowed.absolute + allowed.relative * size)
    else:
        flat[row, column] = not old if values.dtype.kind == "b" else old ^ 1
    parts = {**demo.frames[k].parts, part: replace(objects, fields={**objects.fields, name: values})}
    found = compare(demo, changed(demo, k, parts=parts)).differences
    assert [(d.frame, d.field) for d in found] == [(k, f"{part}.{name}")]
    assert f"at ({objects.fields['center'][row, 0]:.2f}" in found[0].where


def test_what_is_missing_or_new_is_named(demo: Golden) -> None:
    k = 20
    tracks = demo.frames[k].parts["tracks"]
    fewer = replace(tracks, fields={n: v[1:] for n, v in tracks.fields.items()})
    gone = compare(demo, changed(demo, k, parts={**demo.frames[k].parts, "tracks": fewer})).differences
    assert [(d.field, d.new) for d in gone] == [("tracks", "missing")]
    assert bytes(tracks.fields["uuid"][0][:4]).hex() in gone[0].where
    short = replace(demo, frames=demo.frames[:-1])
    assert [(d.frame, d.new) for d in compare(demo, short).differences] == [(len(demo.frames) - 1, "missing")]
    assert [d.new for d in compare(short, demo).differences] == ["there"]


def test_terrain_and_modes_are_held(demo: Golden) -> None:
    terrain = demo.frames[5].maps["terrain"]
    slope = terrain.layers["slope"]
    mean = np.array(slope.mean)
    by, bx = (int(v) for v in np.argwhere(np.isfinite(mean))[3])
    mean[by, bx] += 0.01
    maps = {**demo.frames[5].maps, "terrain": replace(terrain, layers={**terrain.layers, "slope": replace(slope, mean=mean)})}  # fmt: skip
    found = compare(demo, changed(demo, 5, maps=maps, mode=4, reasons=("NO_LIDAR",))).differences
    assert [d.field for d in found] == ["mode", "reasons", "terrain.slope.mean"]
    assert f"block bx {bx} by {by} " in found[2].where


def test_other_inputs_allow_a_little_more(demo: Golden) -> None:
    tracks = demo.frames[10].parts["tracks"]
    moved = replace(tracks, fields={**tracks.fields, "center": tracks.fields["center"] + np.float32(0.03)})
    parts = {**demo.frames[10].parts, "tracks": moved}
    assert compare(demo, changed(demo, 10, parts=parts)).differences
    other = compare(demo, changed(demo, 10, parts=parts, inputs="0123456789abcdef"))
    assert other.differences == () and other.other_inputs == 1


def test_a_difference_is_drawn(demo: Golden, tmp_path: Path) -> None:
    k = 25
    frame, grid = demo.frames[k], demo.frames[k].maps["occupancy"]
    states = np.array(grid.states)
    states[140:146, 160:170] = CellState.OCCUPIED
    new = changed(demo, k, maps={**frame.maps, "occupancy": replace(grid, states=states)})
    found = compare(demo, new).differences
    image = cv2.imread(str(write_picture(demo, new, found, tmp_path / "d.png")))[..., ::-1]
    T = frame.T_odom_base.copy()
    T[:2, 3] = [0.5 * (axis[0] + axis[-1]) for axis in grid.grid.bev.centers()]  # the middle of the grid
    whole = Canvas(T, 720, 150.0, ahead=0.0)
    x, y = (axis[c] for axis, c in zip(grid.grid.bev.centers(), (165, 143), strict=True))
    T = T.copy()
    T[:2, 3] = found[0].xy
    for top, canvas in ((0, whole), (724, Canvas(T, 720, ZOOM_M, ahead=0.0))):
        left, right = image[top : top + 720, :720], image[top : top + 720, 724:]
        u, v = canvas.pixels(np.array([[x, y]]))[0].astype(int)
        assert tuple(right[v, u]) == OCCUPIED_RGB and tuple(left[v, u]) != OCCUPIED_RGB
        marked = [(view == DIFFERENT_RGB).all(-1) for view in (left, right)]
        reach = round(5.0 * 720 / canvas.side) + 8
        for mask in marked:
            near = np.zeros_like(mask)
            near[max(v - reach, 0) : v + reach, max(u - reach, 0) : u + reach] = True
            assert mask[near].sum() > 20 and not mask[~near].any(), "outlined in both, and nothing else is"
