"""The ego: a two-axle tractor with sensors on its cab, and its trailer; shapes and vehicle description."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autonomy_perception import geometry, paths
from autonomy_perception.config import ConfigError, Dimensions, Extrinsics, Hitch, VehicleConfig, load_vehicle
from autonomy_perception.geometry import F64
from autonomy_perception.simulation.rays.scene import Mesh, join
from autonomy_perception.simulation.world.materials import Material as M
from autonomy_perception.simulation.world.shapes import Shape
from autonomy_perception.simulation.world.solids import box, cylinder, prism
from autonomy_perception.types import ObjectClass

CONFIG = paths.share() / "config" / "demo_truck.yaml"


def demo_vehicle(path: Path = CONFIG) -> VehicleConfig:
    """The vehicle that synthetic drives are recorded with. Raises ConfigError as :func:`config.load_vehicle`."""
    return load_vehicle(path)


def mounting(extrinsics: Extrinsics | None, sensor: str) -> F64:
    """T_base_sensor (4,4). Raises ConfigError if the vehicle file does not say where the sensor sits."""
    if extrinsics is None:
        raise ConfigError(f"{sensor}: the simulation needs extrinsics in the vehicle file, found none")
    return geometry.make_transform(geometry.rotation_rpy(*extrinsics.rpy), extrinsics.xyz)


def ego_mesh(body: Dimensions) -> Mesh:
    """Cab, chassis, tanks, fenders, fifth wheel and wheels in base_link, within the outline that the vehicle file states."""
    w, cab_back, cab_top = 0.5 * body.width - 0.02, body.front - 2.0, body.height - 0.35
    front = body.front - 0.02
    cab = [(cab_back, 0.55), (front - 0.06, 0.55), (front, 1.2), (front - 0.28, cab_top), (cab_back, cab_top)]
    low = 1.2 + 0.45 * (cab_top - 1.2)
    slope = 0.28 / (cab_top - 1.2)  # of the windscreen
    glass = [
        (front - slope * (low - 1.2) - 0.08, low),
        (front - slope * (low - 1.2) + 0.012, low),
        (front - slope * (cab_top - 1.35) + 0.012, cab_top - 0.15),
        (front - slope * (cab_top - 1.35) - 0.08, cab_top - 0.15),
    ]
    parts = [
        prism(cab, -w + 0.06, w - 0.06, M.PAINT, 0.05),
        prism(glass, -w + 0.2, w - 0.2, M.GLASS),
        box((-body.rear + 0.02, -0.45, 0.5), (front - 0.3, 0.45, 0.96), M.DARK_METAL),
        box((-body.rear + 0.02, -w + 0.1, 0.5), (-body.rear + 0.12, w - 0.1, 0.66), M.DARK_METAL),
        cylinder((0.4, 0.0, 0.95), (0.0, 0.0, 0.2), 0.5, M.DARK_METAL),
    ]
    for side in (-1.0, 1.0):
        inner, outer = sorted((side * 0.5, side * w))
        parts.append(box((0.75, inner, 0.45), (cab_back - 0.4, outer, 0.98), M.METAL))
        parts.append(box((-0.62, inner, 1.0), (0.62, outer, 1.05), M.DARK_METAL))
    for x in (0.0, body.wheelbase):
        parts += [cylinder((x, y, 0.48), (0.0, 0.3, 0.0), 0.48, M.TYRE) for y in (-w, w - 0.3)]
    return join(parts)


def ego_shape(body: Dimensions) -> Shape:
    """The ego as others see it: origin under the middle of its box."""
    shift = geometry.make_transform(None, np.array([-0.5 * (body.front - body.rear), 0.0, 0.0]))
    return Shape((ego_mesh(body).moved(shift),), ObjectClass.TRUCK, (236, 170, 60))


def trailer_shape(hitch: Hitch) -> Shape:
    """The own trailer as its vehicle file states it: a flatbed, or a closed body where it is higher than 2 m.

    Ahead of the pin it is only as wide as its neck, so that it stays over the tractor when it bends.
    """
    w, back, deck = 0.5 * hitch.trailer_width - 0.02, -hitch.trailer_length + 0.02, 1.2
    front, top = min(hitch.trailer_front, 0.0), hitch.trailer_height - 0.02
    parts = [
        box((back, -w, deck), (front, w, deck + 0.2), M.METAL),
        box((back + 0.3, -0.5, 0.85), (front - 0.3 * hitch.trailer_length, 0.5, deck), M.DARK_METAL),
    ]
    if hitch.trailer_front > 0.0:
        parts.append(box((front, -0.55, deck), (hitch.trailer_front, 0.55, deck + 0.2), M.DARK_METAL))
    if top > 2.0:
        parts.append(box((back, -w, deck + 0.2), (front, w, top), M.CANVAS))
    else:
        parts.append(box((front - 0.1, -w, deck + 0.2), (front, w, max(top, deck + 0.25)), M.METAL))
    axle = -0.8 * hitch.trailer_length
    for x in (axle - 0.65, axle + 0.65):
        parts += [cylinder((x, y, 0.48), (0.0, 0.34, 0.0), 0.48, M.TYRE) for y in (-w, w - 0.34)]
    mesh = join(parts)
    middle = 0.5 * float(mesh.vertices[:, 0].min() + mesh.vertices[:, 0].max())
    moved = mesh.moved(geometry.make_transform(None, np.array([-middle, 0.0, 0.0])))
    return Shape((moved,), ObjectClass.TRAILER, (200, 200, 196), pin=-middle, axle=axle - middle)
