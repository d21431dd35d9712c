"""The picture sheet of a comparison: images and clouds of both sides, and the distribution of every feature."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from autonomy_perception.metrics.realism import OBJECT_BINS_M, Measured, Realism, beam_shares

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = {"recorded": "tab:blue", "simulated": "tab:orange"}


def table(realism: Realism, title: str) -> Table:
    """The features, most different first."""
    out = Table(title=title)
    for heading in ("feature", "recorded", "simulated", "distance", "in σ or as is", "between halves"):
        out.add_column(heading, justify="left" if heading == "feature" else "right")
    for f in realism.features:
        floor = "" if f.floor is None else f"{f.floor:.3g}"
        out.add_row(
            f.name, f"{f.real:.3g}", f"{f.simulated:.3g}", f"{f.distance:.3g} {f.measure}", f"{f.size:.2f}", floor
        )
    return out


def write_sheet(realism: Realism, path: Path, title: str) -> Path:
    """Draw everything into one PNG; returns ``path``."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(15, 13), constrained_layout=True)
    axes = figure.subplot_mosaic(
        [["a0", "a1", "a2"], ["b0", "b1", "b2"], ["range", "intensity", "beam"], ["rough", "objects", "falloff"],
         ["brightness", "contrast", "saturation"]],
        height_ratios=[1.1, 1.1, 1, 1, 1],
    )  # fmt: skip
    sides = {"recorded": realism.real, "simulated": realism.simulated}
    for row, (name, side) in zip("ab", sides.items(), strict=True):
        for k, part in enumerate((0.2, 0.7)):
            _image(axes[f"{row}{k}"], side, part, name)
        _cloud(axes[f"{row}2"], side, name)
    for name, unit, most in (
        ("range", "m", 80.0), ("intensity", "0..1", 1.0), ("rough", "m", 0.08), ("brightness", "0..255", 255.0),
        ("contrast", "0..255", 80.0), ("saturation", "0..1", 1.0),
    ):  # fmt: skip
        for label, side in sides.items():
            values = np.concatenate(getattr(side, name) or [np.zeros(0)])
            bins = np.linspace(0.0, most, 81)
            axes[name].hist(values, bins.tolist(), density=True, histtype="step", color=COLORS[label], label=label)
        axes[name].set(title=f"{name} [{unit}]", yticks=[])
    _beams(axes["beam"], realism)
    _objects(axes["objects"], sides)
    _falloff(axes["falloff"], sides)
    axes["range"].legend()
    figure.suptitle(title)
    figure.savefig(path, dpi=80)
    plt.close(figure)
    return path


def _image(ax: Axes, side: Measured, part: float, name: str) -> None:
    if side.pictures:
        ax.imshow(side.pictures[int(part * (len(side.pictures) - 1))])
    ax.set(title=name, xticks=[], yticks=[])


def _cloud(ax: Axes, side: Measured, name: str) -> None:
    cloud: Any = side.clouds[len(side.clouds) // 2]
    ax.set_facecolor("black")
    ax.scatter(cloud[:, 0], cloud[:, 1], s=0.3, c=cloud[:, 3], cmap="viridis", vmin=0, vmax=0.8, linewidths=0)
    ax.set(title=f"{name}: returns by intensity [m]", xlim=(-30, 50), ylim=(-25, 25), aspect="equal")


def _beams(ax: Axes, realism: Realism) -> None:
    middle = np.sort(realism.beams_deg)
    edges = np.concatenate([[middle[0] - 1.0], 0.5 * (middle[1:] + middle[:-1]), [middle[-1] + 1.0]])
    for label, side in (("recorded", realism.real), ("simulated", realism.simulated)):
        ax.plot(middle, beam_shares(np.concatenate(side.beam), edges), ".-", lw=0.8, ms=3, color=COLORS[label])
    ax.set(title="share of returns per beam over elevation [deg]")


def _objects(ax: Axes, sides: dict[str, Measured]) -> None:
    for label, side in sides.items():
        both = np.concatenate(side.objects)
        ax.plot(both[:, 0], np.maximum(both[:, 1], 1.0), ".", ms=2, alpha=0.4, color=COLORS[label])
    ax.set(title="returns per object over distance [m]", yscale="log", xlim=(0, OBJECT_BINS_M[-1]))


def _falloff(ax: Axes, sides: dict[str, Measured]) -> None:
    edges = np.arange(2.0, 62.0, 3.0)
    for label, side in sides.items():
        distance, value = np.concatenate(side.range), np.concatenate(side.intensity)
        place = np.digitize(distance, edges)
        middle = [
            float(np.median(value[place == k])) if (place == k).sum() > 50 else np.nan for k in range(1, len(edges))
        ]
        ax.plot(0.5 * (edges[1:] + edges[:-1]), middle, ".-", color=COLORS[label])
    ax.set(title="median intensity over range [m]", ylim=(0, 1))
