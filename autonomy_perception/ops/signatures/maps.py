"""Launchers that work on maps (ny,nx): terrain, free space, footprints."""

from __future__ import annotations

from autonomy_perception.ops.signatures.model import Field, Signature, changes, reads, scratch, writes

MAPS = (
    Signature("ap_terrain_fuse", "Takes the ground returns of one sweep into the map.", (
        reads("xyz", "f32", "n, 3", "in anchor [m]"),
        reads("label", "u8", "n", "PointLabel"),
        scratch("sums", "i64", "ny, nx, 3"),
        reads("slope", "f32", "ny, nx", "of the last derivation [rad]"),
        changes("elevation", "f32", "ny, nx", "odom z [m], NaN unknown"),
        changes("variance", "f32", "ny, nx", "[m^2]"),
        changes("spread", "f32", "ny, nx", "of heights in a cell [m]"),
        changes("age", "f32", "ny, nx", "[s]"),
    ), (
        Field("ox", "f32", "lidar in anchor [m]"),
        Field("oy", "f32", "[m]"),
        Field("shift_x", "f32", "anchor -> grid local [m]"),
        Field("shift_y", "f32", "[m]"),
        Field("anchor_z", "f32", "anchor -> odom [m]"),
        Field("inv_res", "f32", "[1/m]"),
        Field("max_range", "f32", "returns farther away are not fused [m]"),
        Field("elapsed", "f32", "since the last fusion [s]"),
    )),
    Signature("ap_terrain_derive", "What the map means for a vehicle.", (
        reads("elevation", "f32", "ny, nx", "[m]"),
        reads("variance", "f32", "ny, nx", "[m^2]"),
        reads("spread", "f32", "ny, nx", "[m]"),
        scratch("pits", "u16", "ny, nx"),
        writes("negative", "u8", "ny, nx", "1 ditch or drop"),
        writes("slope", "f32", "ny, nx", "[rad]"),
        writes("step", "f32", "ny, nx", "[m]"),
        writes("roughness", "f32", "ny, nx", "[m]"),
        writes("traversability", "f32", "ny, nx", "1 level .. 0 at a limit, NaN unknown"),
        writes("lethal", "f32", "ny, nx", "0..1"),
    ), (
        Field("vx", "f32", "lidar in grid local [m]"),
        Field("vy", "f32", "[m]"),
        Field("res", "f32", "edge of a cell [m]"),
        Field("max_slope", "f32", "[rad]"),
        Field("max_step", "f32", "[m]"),
        Field("clearance", "f32", "between the wheels [m]"),
        Field("half_base", "i32", "half a wheelbase [cells]"),
        Field("reach", "i32", "how far apart the sides of a ditch may be from its floor [cells]"),
    )),
    Signature("ap_footprint", "Stores 1 where a cell's centre lies in one of the boxes.", (
        reads("boxes", "f32", "m, 5", "x y length width [m] yaw [rad] in grid local"),
        changes("mask", "u8", "ny, nx"),
    ), (
        Field("res", "f32", "edge of a cell [m]"),
        Field("margin", "f32", "on each side [m]"),
    )),
    Signature("ap_freespace", "Adds one scan's evidence.", (
        reads("xyz", "f32", "n, 3", "in anchor [m]"),
        reads("label", "u8", "n", "PointLabel"),
        changes("hits", "i32", "ny, nx", "obstacle returns"),
        changes("free", "u8", "ny, nx", "0 none, 1 low returns, 2 ground"),
        changes("shadow", "u8", "ny, nx", "1 hidden by an obstacle in front"),
    ), (
        Field("ox", "f32", "lidar in anchor [m]"),
        Field("oy", "f32", "[m]"),
        Field("oz", "f32", "[m]"),
        Field("shift_x", "f32", "anchor -> grid local [m]"),
        Field("shift_y", "f32", "[m]"),
        Field("inv_res", "f32", "[1/m]"),
        Field("n_azimuth", "i32", "azimuth sectors"),
        Field("max_range", "f32", "farther returns give no free space [m]"),
        Field("slope_tolerance", "f32", "how far the slope may fall below the one seen so far [-]"),
        Field("gap_factor", "f32", "spacing accepted: floor + factor * predicted [-]"),
        Field("gap_floor", "f32", "[m]"),
        Field("max_gap", "f32", "and never more than this: a ditch could hide in between [m]"),
        Field("shadow_length", "f32", "ground this far behind an obstacle is hidden [m]"),
        Field("beam_factor", "f32", "largest elevation step in units of the scan's typical one [-]"),
    )),
    Signature("ap_log_odds", "Fades, adds evidence, clamps, and writes the wire values.", (
        changes("log_odds", "f32", "ny, nx"),
        reads("hits", "i32", "ny, nx"),
        reads("free", "u8", "ny, nx"),
        reads("lethal", "f32", "ny, nx", "0..1, counts as hits", with_="lethal"),
        writes("wire", "i8", "ny, nx", "nav_msgs/OccupancyGrid"),
    ), (
        Field("fade", "f32", "factor per step on occupied evidence"),
        Field("fade_free", "f32", "and on free evidence"),
        Field("hit", "f32", "log-odds that returns add"),
        Field("miss", "f32", "and free ground takes"),
        Field("clamp", "f32", "bound upwards"),
        Field("clamp_free", "f32", "bound downwards"),
        Field("unknown_below", "f32", "smaller |log-odds| go out as unknown"),
    )),
)  # fmt: skip
