"""Making a model's manifest and golden file from its ONNX files: what an export ends with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from autonomy_perception.inference.errors import ModelError
from autonomy_perception.inference.golden import Golden, Tolerance, write_golden
from autonomy_perception.inference.manifest import (
    GoldenSpec,
    GridSpec,
    Model,
    ModelManifest,
    Precision,
    Runtime,
    Variant,
    file_hash,
    load_manifest,
)
from autonomy_perception.inference.onnx_file import read_onnx


def variant(file: Path, precision: Precision, runtimes: Sequence[Runtime], calibration: str | None = None) -> Variant:
    """The entry of an ONNX file; see :class:`.Variant`. Raises OSError: it cannot be read."""
    return Variant(
        file=file.name, sha256=file_hash(file), precision=precision, runtimes=tuple(runtimes), calibration=calibration
    )


def ship(
    folder: Path,
    name: str,
    variants: Sequence[Variant],
    golden: Golden,
    *,
    licence: str,
    training_data: str,
    grid: GridSpec | None = None,
    classes: Mapping[str, tuple[str, ...]] | None = None,
    tolerance: Mapping[Precision, Tolerance] | None = None,
) -> Model:
    """Write ``NAME.golden.npz`` and ``NAME.yaml`` into the folder of the ONNX files, and hold every file against them.

    Args:
        variants: of the files; opset, inputs and outputs are those of the first. golden: outputs of the full-precision model.

    Raises:
        ModelError: a file is none, or is not like the first; a class list or the golden case does not fit. OSError.
    """
    first = read_onnx(folder / variants[0].file)
    path = folder / f"{name}.golden.npz"
    write_golden(path, golden.inputs, golden.outputs)
    try:
        manifest = ModelManifest(
            name=name, licence=licence, training_data=training_data, opset=first.opset, grid=grid, inputs=first.inputs,
            outputs=first.outputs, classes=dict(classes or {}), golden=GoldenSpec(file=path.name, sha256=file_hash(path)),
            tolerance=dict(tolerance or {}), variants=tuple(variants),
        )  # fmt: skip
    except ValidationError as e:
        raise ModelError(f"model {name}: {'; '.join(item['msg'] for item in e.errors())}") from e
    target = folder / f"{name}.yaml"
    text = yaml.safe_dump(manifest.model_dump(mode="json", exclude_defaults=True), sort_keys=False, width=120)
    target.write_text(text, encoding="utf-8")
    model = load_manifest(target)
    for one in model.manifest.variants:
        model.checked(one)
    model.golden()
    return model
