"""The cache of compiled plans: a plan is found again by what it was made from, and used only if it is what its manifest says."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from pydantic import ValidationError

from autonomy_perception.config.base import Strict
from autonomy_perception.inference.tensorrt_build import Compiled
from autonomy_perception.inference.tensors import TensorSpec

FORMAT = 1
"""Of the JSON manifests; others are rebuilt."""


class PlanKey(Strict):
    """What decides the contents of a plan."""

    onnx_sha256: str
    package: str
    version: str
    target: str
    precision: str
    calibration: str | None = None

    @property
    def digest(self) -> str:
        """Short name of the key."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


class PlanManifest(Strict):
    """What lies beside a plan, because a plan itself cannot be read without its GPU."""

    format: int
    key: PlanKey
    source: str
    plan_sha256: str
    plan_bytes: int
    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]
    layers: int
    build_seconds: float
    built: str


@dataclass(frozen=True)
class Plan:
    """A plan ready to load, and where it came from: ``note`` says why it was built or not stored, empty if it was found."""

    data: bytes
    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]
    path: Path | None
    note: str = ""


class PlanCache:
    """Plans in one folder: ``MODEL.TARGET.KEY.plan`` and ``.json``."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder if folder is not None else default_folder()

    def path(self, source: Path, key: PlanKey) -> Path:
        """Where the plan of a model lies."""
        return self.folder / f"{source.stem}.{key.target}.{key.digest}.plan"

    def find(self, source: Path, key: PlanKey) -> tuple[Plan | None, str]:
        """The plan of a model if it is there and sound, else why it has to be built."""
        path = self.path(source, key)
        if not path.exists():
            return None, self._stale(source, key) or "not built yet"
        try:
            manifest = PlanManifest.model_validate_json(path.with_suffix(".json").read_text(encoding="utf-8"))
            data = path.read_bytes()
        except OSError as e:
            return None, f"{e.filename}: {e.strerror}"
        except (ValidationError, UnicodeDecodeError):
            return None, f"{path.with_suffix('.json').name} is damaged"
        if manifest.format != FORMAT or manifest.key != key:
            return None, f"{path.name} belongs to another model, TensorRT or GPU"
        if len(data) != manifest.plan_bytes or hashlib.sha256(data).hexdigest() != manifest.plan_sha256:
            return None, f"{path.name} is damaged: its hash is not the one it was written with"
        return Plan(data, manifest.inputs, manifest.outputs, path), ""

    def store(self, source: Path, key: PlanKey, compiled: Compiled) -> tuple[Path | None, str]:
        """Write a plan and its manifest, each by renaming a finished file, and remove those of this model that it replaces.

        Returns:
            the plan's path, and nothing to say; or none, and why it could not be stored (it can be used all the same).
        """
        path = self.path(source, key)
        built = datetime.now(timezone.utc).isoformat(timespec="seconds")
        manifest = PlanManifest(
            format=FORMAT, key=key, source=str(source.resolve()), plan_sha256=compiled.sha256, plan_bytes=len(compiled.plan),
            inputs=compiled.inputs, outputs=compiled.outputs, layers=compiled.layers, build_seconds=round(compiled.seconds, 3),
            built=built,
        )  # fmt: skip
        replaced = [other for other, _ in self._of(manifest.source, key)]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(path, compiled.plan)
            _write(path.with_suffix(".json"), (manifest.model_dump_json(indent=1) + "\n").encode())
        except OSError as e:
            return (
                None,
                f"{self.folder} cannot be written ({e.strerror}): the plan is not kept, and built again next time",
            )
        for other in replaced:
            if other != path:
                for file in (other, other.with_suffix(".json"), other.with_suffix(".log")):
                    with contextlib.suppress(OSError):
                        file.unlink(missing_ok=True)
        return path, ""

    def _of(self, source: str, key: PlanKey) -> list[tuple[Path, PlanManifest]]:
        """Plans of one model file for one target, package and precision, whatever its contents were."""
        out = []
        for path in sorted(self.folder.glob(f"*.{key.target}.*.json")) if self.folder.is_dir() else ():
            with contextlib.suppress(OSError, ValueError):
                manifest = PlanManifest.model_validate(json.loads(path.read_text(encoding="utf-8")))
                other = manifest.key
                if manifest.source == source and (other.package, other.precision) == (key.package, key.precision):
                    out.append((path.with_suffix(".plan"), manifest))
        return out

    def _stale(self, source: Path, key: PlanKey) -> str:
        """What has changed since an earlier plan of the same model; empty if there is none."""
        words = {
            "onnx_sha256": "the model file",
            "version": f"the version of {key.package}",
            "calibration": "the calibration",
        }
        for path, manifest in self._of(str(source.resolve()), key):
            changed = [word for field, word in words.items() if getattr(manifest.key, field) != getattr(key, field)]
            if changed:
                return f"{path.name} is stale: {' and '.join(changed)} changed"
        return ""


def default_folder() -> Path:
    """``AUTONOMY_PERCEPTION_ENGINES``, else autonomy_perception/engines in the user's cache folder."""
    if given := os.environ.get("AUTONOMY_PERCEPTION_ENGINES"):
        return Path(given).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "autonomy_perception" / "engines"


def _write(path: Path, data: bytes) -> None:
    """All of a file or nothing of it."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        os.fchmod(handle, 0o644)  # other users of the machine may run what one has built
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
