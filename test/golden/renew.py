"""``make golden``: write the golden files of this code, and say what changed."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from golden.drives import RECORDED, SIMULATED, file_of, recorded

from autonomy_perception.metrics.golden import Golden
from autonomy_perception.metrics.golden_compare import compare
from autonomy_perception.metrics.golden_file import GoldenError, load, save
from autonomy_perception.report.golden_picture import write_picture

SHOWN = 15
PICTURES = Path("out/golden")


def renew(name: str, new: Golden) -> None:
    """Write one file, if anything is outside tolerance; print what changed and draw the first of it."""
    path = file_of(name)
    try:
        old = load(path)
    except GoldenError as e:
        save(new, path)
        print(f"{name}: written ({e})")
        return
    found = compare(old, new).differences
    if not found:
        print(f"{name}: the same, left as it is")
        return
    for difference in found[:SHOWN]:
        print(f"{name}: {difference}")
    picture = write_picture(old, new, found, PICTURES / f"{name}.png")
    save(new, path)
    print(f"{name}: {len(found)} differences, file renewed, picture {picture}; the commit says why they are meant")


def main() -> None:
    """Renew all drives, those of recordings where AUTONOMY_PERCEPTION_DATA names them."""
    for name, make in SIMULATED.items():
        renew(name, make())
    data = os.environ.get("AUTONOMY_PERCEPTION_DATA")
    for name, (kind, folder) in RECORDED.items():
        if not data:
            print(f"{name}: AUTONOMY_PERCEPTION_DATA is not set, left as it is")
            continue
        with tempfile.TemporaryDirectory() as work:
            renew(name, recorded(kind, folder, Path(data), Path(work)))


if __name__ == "__main__":
    main()
