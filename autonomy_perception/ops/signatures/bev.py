"""Launchers around bird's-eye-view networks: lift of camera features, pillar features, channels, decode."""

from __future__ import annotations

from autonomy_perception.ops.signatures.model import Field, Signature, reads, writes
from autonomy_perception.ops.signatures.points import CELL_GRID

BEV = (
    Signature("ap_frustum_cells", "Cell of the bird's-eye view of every depth bin of every pixel of the feature maps.", (
        reads("views", "f32", "cameras, 12", "rows of 3x4 matrices: point [m] = depth * A (u, v, 1) + b"),
        reads("depths", "f32", "bins", "along the optical axis [m]"),
        writes("ids", "i32", "cameras, bins, height, width", "-1 outside the grid or the slab of heights"),
    ), (
        Field("grid", CELL_GRID),
        Field("u0", "f32", "pixel of the first feature [px]"),
        Field("v0", "f32", "[px]"),
        Field("step_u", "f32", "from one feature to the next [px]"),
        Field("step_v", "f32", "[px]"),
        Field("z_min", "f32", "[m]"),
        Field("z_max", "f32", "[m]"),
    )),
    Signature("ap_frustum_pixels", "Row of the context features that each grouped depth bin belongs to.", (
        reads("order", "i32", "n", "indices into (cameras, bins, area) as from ap_cell_index; -1 none"),
        writes("pixels", "i32", "n", "camera * area + pixel; -1 none"),
    ), (
        Field("bins", "i32"),
        Field("area", "i32", "pixels of one feature map"),
    )),
    Signature("ap_bev_pool", "Sums depth * context over the bins that fall into each cell.", (
        reads("depth", "f32", "n", "weight of each bin"),
        reads("context", "f32", "m, channels", "features of each pixel"),
        reads("order", "i32", "n", "as from ap_cell_index"),
        reads("pixels", "i32", "n", "as from ap_frustum_pixels"),
        reads("starts", "i32", "cells + 1"),
        writes("out", "f32", "cells * channels", "(channels, cells) with planes, else (cells, channels)"),
    ), (
        Field("cells", "i32"),
        Field("planes", "i32", "1: channels first"),
    )),
    Signature("ap_bev_pool_grad", "Gradients of ap_bev_pool by depth and context.", (
        reads("depth", "f32", "cameras, bins, area"),
        reads("context", "f32", "cameras * area, channels"),
        reads("ids", "i32", "cameras, bins, area", "cells; those outside 0..cells-1 take no part"),
        reads("grad", "f32", "cells, channels", "by the output, channels last"),
        writes("grad_depth", "f32", "cameras, bins, area"),
        writes("grad_context", "f32", "cameras * area, channels"),
    )),
    Signature("ap_pillar_net", "Features of each cell: linear, ReLU, largest over the cell's points; zero where none is.", (
        reads("xyz", "f32", "n, 3", "[m]"),
        reads("intensity", "f32", "n"),
        reads("order", "i32", "n", "as from ap_cell_index on the same grid"),
        reads("starts", "i32", "grid.nx * grid.ny + 1"),
        reads("weights", "f32", "9, channels", "inputs as pillarise.FEATURES"),
        reads("bias", "f32", "channels"),
        writes("out", "f32", "grid.nx * grid.ny * channels", "(channels, cells) with planes, else (cells, channels)"),
    ), (
        Field("grid", CELL_GRID),
        Field("max_points", "i32", "of a cell that take part: the first ones"),
        Field("planes", "i32", "1: channels first"),
    )),
    Signature("ap_bev_canvas", "What the returns in each cell look like and what ground segmentation says of them.", (
        reads("xyz", "f32", "n, 3", "[m]"),
        reads("intensity", "f32", "n", "0..1"),
        reads("label", "u8", "n", "PointLabel"),
        reads("height", "f32", "n", "above local ground [m]; not finite: takes no part"),
        reads("order", "i32", "n", "as from ap_cell_index on the same grid"),
        reads("starts", "i32", "grid.nx * grid.ny + 1"),
        writes("out", "f32", "18, grid.ny, grid.nx", "as canvas.CANVAS"),
    ), (Field("grid", CELL_GRID),)),
    Signature("ap_decode_boxes", "Boxes from the heads of a centre-based detector: local maxima, the best of them, suppression.", (
        reads("heat", "f32", "classes, grid.ny, grid.nx", "logits"),
        reads("box", "f32", "10, grid.ny, grid.nx", "as decode.BOX"),
        reads("log_variance", "f32", "9, grid.ny, grid.nx", "as decode.BOX_VARIANCE"),
        reads("sharpness", "f32", "classes", "1 / temperature of the class's logits"),
        reads("overlap", "f32", "classes", "IoU above which the less likely of two boxes goes"),
        reads("group", "i32", "classes", "boxes suppress each other inside a group"),
        writes("rows", "f32", "room, 18", "as decode.ROW, the most likely first"),
        writes("scores", "f32", "room, classes", "probability of each class at the row's cell"),
        writes("labels", "i32", "room", "class of the row, -1 beyond the last"),
        writes("totals", "i32", "2", "rows; maxima above the threshold, before the cut to room and suppression"),
    ), (
        Field("grid", CELL_GRID),
        Field("min_logit", "f32", "smaller logits * sharpness are no object"),
    )),
    Signature("ap_decode_ground", "Layers of the ground from the heads of a network, cell by cell.", (
        reads("terrain", "f32", "classes, ny, nx", "logits"),
        reads("drivable", "f32", "ny, nx", "logit"),
        reads("elevation", "f32", "2, ny, nx", "height [m], natural logarithm of its variance [m^2]"),
        reads("visibility", "f32", "ny, nx", "logit"),
        writes("label", "u8", "ny, nx", "1 + the likeliest class, 0 where it cannot be judged"),
        writes("confidence", "f32", "ny, nx", "probability of that class, 0 where it cannot be judged"),
        writes("free", "f32", "ny, nx", "probability of drivable, NaN where it cannot be judged"),
        writes("height", "f32", "ny, nx", "[m], NaN likewise"),
        writes("variance", "f32", "ny, nx", "[m^2], NaN likewise"),
    ), (
        Field("sharp_terrain", "f32", "1 / temperature of the logits"),
        Field("sharp_drivable", "f32"),
        Field("sharp_visibility", "f32"),
        Field("widen", "f32", "factor on the variance"),
        Field("min_logit", "f32", "a cell of which visibility * sharp_visibility is below it cannot be judged"),
    )),
)  # fmt: skip
