"""What a shipped model consists of: ``models/NAME.yaml`` beside its files, and the check that they are what it says."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, StringConstraints, ValidationError, model_validator

from autonomy_perception import paths
from autonomy_perception.config.base import MAX_ERRORS, Strict
from autonomy_perception.grid import BevGrid
from autonomy_perception.inference.errors import ModelError
from autonomy_perception.inference.golden import TOLERANCES, Golden, Tolerance, read_golden
from autonomy_perception.inference.onnx_file import OnnxFile, read_onnx
from autonomy_perception.inference.tensors import TensorSpec, differences
from autonomy_perception.wrong_fields import sentences

Precision = Literal["fp32", "fp16", "bf16", "int8"]
Runtime = Literal["onnxruntime", "openvino", "tensorrt", "tensorrt_rtx"]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]

OPSETS = range(13, 21)
"""Versions of the standard operators that every runtime of ours knows: per-channel quantisation begins at 13, TensorRT 10.3 ends
at 20."""


class GridSpec(Strict):
    """The grid that a network looks at or answers on; metres of its own frame, resolution [m/cell]."""

    x_min: float
    x_max: float
    y_min: float
    y_max: float
    resolution: Annotated[float, Field(gt=0.0)]

    @property
    def bev(self) -> BevGrid:
        """As the rest of the suite knows it."""
        return BevGrid(self.x_min, self.x_max, self.y_min, self.y_max, self.resolution)


class GoldenSpec(Strict):
    """The file of the golden input and output."""

    file: FileName
    sha256: Sha256


class Variant(Strict):
    """One ONNX file: the model in one precision, for some runtimes.

    ``calibration``: SHA-256 of the data that a quantised file was calibrated with.
    ``bf16`` names a full-precision file that the runtime shall compute in bfloat16.
    """

    file: FileName
    sha256: Sha256
    precision: Precision
    runtimes: Annotated[tuple[Runtime, ...], Field(min_length=1)]
    calibration: Sha256 | None = None


class ModelManifest(Strict):
    """A model: what it takes and gives, its files, its golden answer, and where it comes from.

    Attributes:
        classes: names of the channels (axis 1) of outputs that say a class.
        tolerance: allowed deviation from the golden output, for precisions that need another than the usual.
        training_data: what it was trained on; licence: of the weights (an SPDX identifier).
    """

    name: FileName
    licence: Annotated[str, Field(min_length=1)]
    training_data: Annotated[str, Field(min_length=1)]
    opset: int
    grid: GridSpec | None = None
    inputs: Annotated[dict[str, TensorSpec], Field(min_length=1)]
    outputs: Annotated[dict[str, TensorSpec], Field(min_length=1)]
    classes: dict[str, tuple[str, ...]] = Field({})
    golden: GoldenSpec
    tolerance: dict[Precision, Tolerance] = Field({})
    variants: Annotated[tuple[Variant, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> ModelManifest:
        for output, names in self.classes.items():
            shape = self.outputs[output].shape if output in self.outputs else None
            if shape is None or len(shape) < 2 or shape[1] != len(names):
                raise ValueError(f"classes.{output}: {len(names)} names for axis 1 of an output of the shape {shape}")
        taken = [(runtime, v.precision) for v in self.variants for runtime in v.runtimes]
        if twice := sorted({f"{r} {p}" for r, p in taken if taken.count((r, p)) > 1}):
            raise ValueError(f"variants: more than one file for {', '.join(twice)}")
        return self

    def tolerance_of(self, precision: Precision) -> Tolerance:
        """Allowed deviation from the golden output."""
        return self.tolerance.get(precision, TOLERANCES[precision])


class Model:
    """A manifest and the folder of its files."""

    def __init__(self, manifest: ModelManifest, folder: Path) -> None:
        self.manifest, self.folder = manifest, folder

    def checked(self, variant: Variant) -> Path:
        """The file of a variant, after holding it against the manifest.

        Raises:
            ModelError: missing, of another hash, no ONNX model, or of another opset, inputs or outputs; the message says which.
        """
        path = self.folder / variant.file
        _check_hash(path, variant.sha256)
        _check_contents(path, read_onnx(path), self.manifest)
        return path

    def golden(self) -> Golden:
        """The golden case. Raises ModelError: missing, of another hash, or not of the model's inputs and outputs."""
        path = self.folder / self.manifest.golden.file
        _check_hash(path, self.manifest.golden.sha256)
        golden = read_golden(path)
        for word, arrays, specs in (("in", golden.inputs, self.manifest.inputs), ("out", golden.outputs, self.manifest.outputs)):  # fmt: skip
            shapes = {name: array.shape for name, array in arrays.items()}
            if shapes != (expected := {name: spec.shape for name, spec in specs.items()}):
                raise ModelError(f"{path}: {word} holds {shapes}, expected {expected}")
        return golden


def load_manifest(path: Path) -> Model:
    """Read a manifest; its files are not looked at yet. Raises ModelError naming file and field."""
    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Model(ModelManifest.model_validate(data), path.parent)
    except OSError as e:
        raise ModelError(f"{path}: cannot be read: {e.strerror}") from e
    except ValidationError as e:
        wrong = "; ".join(sentences(e, ModelManifest, MAX_ERRORS))
        raise ModelError(f"{path}: {wrong}") from e
    except Exception as e:  # the parser raises whatever an impossible date or endless nesting leads to
        raise ModelError(f"{path}: not valid YAML: {e}") from e


def shipped() -> dict[str, Path]:
    """Manifests of the models that came with the package, by name."""
    return {path.stem: path for path in sorted((paths.share() / "models").glob("*.yaml"))}


def find_model(name: str) -> Model:
    """A model by its name among the shipped ones, or by the path of its manifest. Raises ModelError."""
    path = Path(name).expanduser()
    if path.suffix in (".yaml", ".yml"):
        return load_manifest(path)
    known = shipped()
    if name not in known:
        raise ModelError(
            f"model {name!r}: neither a manifest (.yaml) nor one of {', '.join(known) or '(none shipped)'}"
        )
    return load_manifest(known[name])


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits. Raises OSError."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _check_hash(path: Path, expected: str) -> None:
    try:
        found = file_hash(path)
    except OSError as e:
        raise ModelError(f"{path}: cannot be read: {e.strerror}") from e
    if found != expected:
        raise ModelError(f"{path}: hash (SHA-256) is {found[:12]}..., its manifest says {expected[:12]}...: not the file that was shipped")  # fmt: skip


def _check_contents(path: Path, found: OnnxFile, manifest: ModelManifest) -> None:
    if found.opset != manifest.opset:
        raise ModelError(f"{path}: opset is {found.opset}, its manifest says {manifest.opset}")
    if found.opset not in OPSETS:
        raise ModelError(f"{path}: opset is {found.opset}, expected {OPSETS[0]} to {OPSETS[-1]}")
    wrong = [f"input {t}" for t in differences(found.inputs, manifest.inputs)]
    wrong += [f"output {t}" for t in differences(found.outputs, manifest.outputs)]
    if wrong:
        raise ModelError(f"{path}: {'; '.join(wrong)}")
