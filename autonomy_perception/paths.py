"""Where the files that travel with the package lie: launch, config, rviz, models (floor 0)."""

from __future__ import annotations

from pathlib import Path

PACKAGE = "autonomy_perception"


def share() -> Path:
    """Folder with config/, launch/, rviz/ and models/: the checkout, or ``share/autonomy_perception`` of the installation.

    Raises:
        FileNotFoundError: neither is there.
    """
    here = Path(__file__).resolve().parent
    if (here.parent / "package.xml").exists():
        return here.parent
    for parent in here.parents:
        if (parent / "share" / PACKAGE / "package.xml").exists():
            return parent / "share" / PACKAGE
    raise FileNotFoundError(f"share/{PACKAGE} not found above {here}: install the package with pip or colcon")


def vehicle_file(vehicle: str) -> Path:
    """Vehicle YAML of a path, or of a bare name under config/.

    Raises:
        FileNotFoundError: there is no such file; the message lists the names that exist.
    """
    path = Path(vehicle).expanduser()
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        if path.is_file():
            return path.resolve()
        raise FileNotFoundError(f"vehicle {vehicle}: no such file")
    named = share() / "config" / f"{vehicle}.yaml"
    if vehicle and named.is_file():
        return named
    names = sorted(p.stem for p in (share() / "config").glob("*.yaml") if p.stem != "perception")
    raise FileNotFoundError(f"vehicle {vehicle!r}: neither a file nor one of {', '.join(names) or '(none installed)'}")
