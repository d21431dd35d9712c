"""Launchers that work on boxes and tracks: overlap, filters, pairs, past."""

from __future__ import annotations

from autonomy_perception.ops.signatures.model import Field, Signature, changes, reads, writes

OBJECTS = (
    Signature("ap_iou_bev", "Intersection over union seen from above, every box against every other.", (
        reads("a", "f32", "n, 5", "x y length width [m] yaw [rad]"),
        reads("b", "f32", "m, 5"),
        writes("out", "f32", "n, m"),
    )),
    Signature("ap_iou_3d", "Intersection over union of upright boxes, every one against every other.", (
        reads("a", "f32", "n, 7", "x y z (centre) length width height [m] yaw [rad]"),
        reads("b", "f32", "m, 7"),
        writes("out", "f32", "n, m"),
    )),
    Signature("ap_imm_predict", "Mixes the models and moves them by dt.", (
        changes("mean", "f64", "n, 3, 6", "x y vx vy yaw omega [m, m/s, rad, rad/s]"),
        changes("cov", "f64", "n, 3, 6, 6"),
        changes("mu", "f64", "n, 3", "model probabilities"),
        reads("noise", "f64", "n, 3", "acceleration, turn acceleration, yaw drift"),
        reads("length", "f64", "n", "[m]"),
        reads("vehicle", "u8", "n", "other than 0 where the track steers"),
    ), (Field("dt", "f32", "[s]"),)),
    Signature("ap_imm_update", "Measures x, y, yaw of some tracks.", (
        changes("mean", "f64", "n, 3, 6"),
        changes("cov", "f64", "n, 3, 6, 6"),
        changes("mu", "f64", "n, 3"),
        reads("rows", "i64", "m", "tracks, none of them twice"),
        reads("z", "f64", "m, 3", "x y [m] yaw [rad]"),
        reads("r", "f64", "m, 3, 3"),
        reads("delay", "f64", "m", "of the measurement relative to the state's time [s]"),
        writes("taken", "u8", "m", "how many models took the measurement"),
    )),
    Signature("ap_imm_update_velocity", "Measures vx, vy of some tracks.", (
        changes("mean", "f64", "n, 3, 6"),
        changes("cov", "f64", "n, 3, 6, 6"),
        reads("rows", "i64", "m", "tracks, none of them twice"),
        reads("velocity", "f64", "m, 2", "[m/s]"),
        reads("variance", "f64", "m", "isotropic [m^2/s^2]"),
        writes("taken", "u8", "m", "how many models took both"),
    )),
    Signature("ap_imm_combine", "Moment-matched mean and covariance over the models.", (
        reads("mean", "f64", "n, 3, 6"),
        reads("cov", "f64", "n, 3, 6, 6", with_="cov"),
        reads("mu", "f64", "n, 3"),
        writes("out_mean", "f64", "n, 6"),
        writes("out_cov", "f64", "n, 6, 6", with_="cov"),
    )),
    Signature("ap_pair_costs", "Cost of giving detections to tracks.", (
        reads("tracks", "f64", "n, 21", "columns of tracking.association.Boxes"),
        reads("cov", "f64", "n, 2, 2", "predicted position [m^2]"),
        reads("reach", "f64", "n", "largest offset beyond the prediction [m]"),
        reads("found", "f64", "m, 21"),
        reads("noise", "f64", "m", "position variance of detections [m^2]"),
        reads("affinity", "f64", "9, 9", "how well a detected class (column) fits a tracked one (row)"),
        writes("cost", "f64", "n, m"),
    )),
    Signature("ap_pair_inside", "Whether most of the inner box lies in the outer one.", (
        reads("outer", "f64", "n, 21"),
        reads("inner", "f64", "m, 21"),
        writes("out", "u8", "n, m"),
    ), (Field("margin", "f32", "[m]"),)),
    Signature("ap_pair_along", "Second boxes along the axes of the first.", (
        reads("first", "f64", "n, 21"),
        reads("second", "f64", "m, 21"),
        writes("out", "f64", "n, m, 4", "offset of the centre, length and width after quarter turns [m]"),
    )),
    Signature("ap_shadowed", "How much of each target lies behind a screen.", (
        reads("targets", "f64", "n, 3", "range [m], bearing, half angular width [rad]"),
        reads("screens", "f64", "m, 3"),
        writes("hidden", "f64", "n", "fraction 0..1 of the angular width"),
        writes("touched", "u8", "n", "1 where an end is touched"),
    ), (Field("margin", "f32", "a screen must be nearer by this much [m]"),)),
    Signature("ap_class_posterior", "Class probabilities from detections, size seen and motion.", (
        reads("evidence", "f64", "n, 9", "log-evidence"),
        reads("road_user_log_odds", "f64", "n", "[nat]"),
        reads("seen", "f64", "n, 2", "length and width [m]"),
        reads("complete", "f64", "n, 2", "0..1"),
        reads("height", "f64", "n", "[m]"),
        reads("speed", "f64", "n", "[m/s]"),
        reads("travel", "f64", "n", "0..1"),
        reads("classes", "f64", "9, 7", "sizes and their deviations [m], top speed [m/s]"),
        writes("out", "f64", "n, 9"),
    )),
    Signature("ap_displacement", "Displacement of some tracks within their newest window.", (
        reads("history", "f64", "n, frames, 5", "time [s] and bounds x0 y0 x1 y1 [m], NaN where empty"),
        reads("rows", "i64", "m", "tracks"),
        writes("out", "f64", "m, 8"),
    ), (Field("window", "f32", "[s]"),)),
)  # fmt: skip
