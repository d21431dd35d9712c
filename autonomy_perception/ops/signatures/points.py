"""Launchers that take point clouds: decode, transform, cells, pillars, ground, clusters."""

from __future__ import annotations

from autonomy_perception.ops.signatures.model import Field, Record, Signature, changes, reads, scratch, writes

FIELD_AT = Record("FieldAt", "Where a field lies in a point of a PointCloud2.", (
    Field("offset", "i32", "[bytes]"),
    Field("type", "i32", "number of sensor_msgs/PointField, 0 absent"),
))  # fmt: skip

CELL_GRID = Record("CellGrid", "Cells of a bird's-eye view.", (
    Field("x0", "f32", "lower-left corner [m]"),
    Field("y0", "f32", "[m]"),
    Field("inv_res", "f32", "1 / edge of a cell [1/m]"),
    Field("nx", "i32", "columns"),
    Field("ny", "i32", "rows"),
))  # fmt: skip

POINTS = (
    Signature("ap_unpack", "PointCloud2 bytes to points: decode, crop, self-mask, deskew, compact (order kept).", (
        reads("data", "u8", "n_bytes", "the message's bytes"),
        reads("poses", "f32", "n_poses, 4, 4", "columns of T_out_sensor at uniform times"),
        reads("masks", "f32", "n_masks, 6 + 3 * n_edges", "bounds and outward edges of volumes in base_link [m]"),
        writes("xyz", "f32", "n, 3", "[m]"),
        writes("intensity", "f32", "n", "0..1"),
        writes("time", "f32", "n", "[s]"),
        writes("ring", "u16", "n"),
        writes("counts", "i32", "5", "kept, then dropped by reason"),
    ), (
        Field("n_edges", "i32", "edges of the masks"),
        Field("width", "i32", "points per row"),
        Field("point_step", "i32", "[bytes]"),
        Field("row_step", "i32", "[bytes]"),
        Field("swap", "i32", "1: big endian"),
        *(Field(name, FIELD_AT) for name in ("x", "y", "z", "intensity_at", "time_at", "ring_at")),
        Field("time_zero", "f64", "time [s] = (raw - time_zero) * time_scale"),
        Field("time_scale", "f64"),
        Field("intensity_scale", "f64", "intensity = clip(raw * intensity_scale, 0, 1)"),
        Field("base", "f32", "T_base_sensor, row-major: where a point lay on the body at its own time", 12),
        Field("min_sq", "f32", "squared range limits in the sensor frame [m^2]"),
        Field("max_sq", "f32", "[m^2]"),
        Field("box", "f32", "x_min x_max y_min y_max z_min z_max in the output frame [m]", 6),
        Field("t0", "f32", "pose k holds at t0 + k / inv_dt [s]"),
        Field("inv_dt", "f32", "[1/s]"),
        Field("around", "f32", "x_min x_max y_min y_max in base_link around all masks [m]", 4),
    )),
    Signature("ap_transform", "Rigid transform of points.", (
        reads("xyz", "f32", "n, 3", "[m]"),
        writes("out", "f32", "n, 3", "[m]"),
    ), (Field("matrix", "f32", "T_target_source, rows of a 3x4 matrix", 12),)),
    Signature("ap_cell_ids", "Cell iy * nx + ix of each point, -1 outside the grid.", (
        reads("xyz", "f32", "n, 3", "[m]"),
        writes("ids", "i32", "n"),
    ), (Field("grid", CELL_GRID),)),
    Signature("ap_cell_index", "Points grouped by cell with a stable sort: of cell c, order[starts[c] .. starts[c + 1]).", (
        reads("ids", "i32", "n", "cells; those outside 0..n_cells-1 take no part"),
        writes("order", "i32", "n", "indices of points, -1 in the tail"),
        writes("starts", "i32", "n_cells + 1"),
    ), (Field("n_cells", "i32"),)),
    Signature("ap_cell_stats", "Statistics per cell of the last column of the values.", (
        reads("values", "f32", "n, stride"),
        reads("ids", "i32", "n", "cells; those outside 0..n_cells-1 take no part"),
        writes("count", "i32", "n_cells"),
        writes("low", "f32", "n_cells", "NaN where empty, as the others"),
        writes("high", "f32", "n_cells"),
        writes("mean", "f32", "n_cells"),
        writes("variance", "f32", "n_cells", "of the population"),
    )),
    Signature("ap_pillarise", "Pillars of grouped points, in rising cell order.", (
        reads("xyz", "f32", "n, 3", "[m]"),
        reads("intensity", "f32", "n"),
        reads("order", "i32", "n", "as from ap_cell_index on the same grid"),
        reads("starts", "i32", "grid.nx * grid.ny + 1"),
        changes("features", "f32", "max_pillars, max_points, 9", "zero where there is no point"),
        changes("coords", "i32", "max_pillars, 2", "cell iy, ix; -1 in unused rows"),
        changes("counts", "i32", "max_pillars", "points stored"),
        writes("totals", "i32", "2", "pillars stored, pillars that held a point"),
    ), (Field("grid", CELL_GRID),)),
    Signature("ap_ground_work", "Returns the length of the workspace that ap_ground needs.", (), (Field("n", "i32", "points"),)),
    Signature("ap_ground", "Ground segmentation of one sweep.", (
        reads("xyz", "f32", "n, 3", "[m], z up"),
        scratch("work", "i32", "words", "ap_ground_work(n)"),
        writes("label", "u8", "n", "PointLabel"),
        writes("height", "f32", "n", "above local ground [m], NaN where ignored"),
    ), (
        Field("ox", "f32", "lidar in anchor [m]"),
        Field("oy", "f32", "[m]"),
        Field("oz", "f32", "[m]"),
        Field("ground_z", "f32", "ground under the vehicle in anchor [m]"),
        Field("obstacle_height", "f32", "[m]"),
        Field("overhead", "f32", "height above ground from which a return is passable [m]"),
        Field("rough_height", "f32", "half thickness of the layer of ground where nothing stands [m]"),
        Field("steep", "f32", "steepest bank that is ground [-]"),
    )),
    Signature("ap_cluster_label", "Connected components of obstacle points in BEV; returns their number.", (
        reads("xyz", "f32", "n, 3", "[m]"),
        reads("label", "u8", "n", "PointLabel"),
        reads("height", "f32", "n", "above local ground [m], NaN unknown"),
        scratch("mask", "u32", "side * side"),
        scratch("slot", "i32", "side * side"),
        writes("out", "i32", "n", "cluster of each point, -1 none"),
        writes("level", "u8", "n // min_points + 1", "0 by the plain rule, 1 or 2 cut out of something larger"),
    ), (
        Field("min_points", "i32", "smaller clusters are dropped"),
        Field("side", "i32", "cells per edge of the square grid"),
        Field("ix0", "i32", "index of the grid's first cell in the anchor frame"),
        Field("iy0", "i32"),
        Field("ox", "f32", "lidar [m]"),
        Field("oy", "f32", "[m]"),
        Field("max_range", "f32", "[m]"),
        Field("cell", "f32", "edge [m]"),
        Field("gap", "f32", "reach of a link [m]"),
        Field("gap_slope", "f32", "[m per m of range]"),
        Field("rise", "f32", "largest empty height inside one object [m]"),
        Field("rise_slope", "f32", "[m per m of range]"),
        Field("max_length", "f32", "larger components are split [m]"),
        Field("max_width", "f32", "[m]"),
    )),
    Signature("ap_cluster_order", "Points grouped by cluster, ascending inside one; returns the number of grouped points.", (
        reads("xyz", "f32", "n, 3", "[m]"),
        reads("height", "f32", "n", "[m]"),
        reads("id", "i32", "n", "below clusters; -1 none"),
        writes("order", "i32", "n"),
        writes("offsets", "i32", "clusters + 1"),
        writes("grouped", "f32", "n, 4", "x y z height in that order"),
    ), (Field("clusters", "i32"),)),
    Signature("ap_cluster_fit", "L-shape box and shape features of every cluster.", (
        reads("grouped", "f32", "used, 4", "x y z height [m]"),
        reads("offsets", "i32", "clusters + 1", "into grouped"),
        writes("table", "f32", "clusters, 17", "columns of ops.cluster.Feature"),
    ), (
        Field("ox", "f32", "lidar [m]"),
        Field("oy", "f32", "[m]"),
        Field("smallest", "f32", "distances to an edge below it count alike [m]"),
        Field("max_length", "f32", "longer ones keep their axis-parallel box [m]"),
    )),
)  # fmt: skip
