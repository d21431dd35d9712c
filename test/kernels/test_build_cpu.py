"""The kernel build: what is rebuilt when, and how a failure is told."""

import shutil
import sys
from pathlib import Path

import pytest

KERNELS = Path(__file__).parents[2] / "kernels"
sys.path.insert(0, str(KERNELS))
import build


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small kernel tree of its own: two launchers, one header of which only the first takes."""
    root = tmp_path / "kernels"
    (root / "cpu").mkdir(parents=True)
    for header in ("port.h", "launchers.h"):
        shutil.copy(KERNELS / header, root / header)
    (root / "one.cuh").write_text('#pragma once\n#include "port.h"\nnamespace ap { AP_HD int one() { return 1; } }\n')
    (root / "cpu" / "one.cpp").write_text(
        '#include "one.cuh"\nAP_API int32_t ap_iou_bev(const ap::IouBevArgs&, void*) { return ap::one(); }\n'
    )
    (root / "cpu" / "two.cpp").write_text(
        '#include "port.h"\nAP_API int32_t ap_iou_3d(const ap::Iou3dArgs&, void*) { return 2; }\n'
    )
    monkeypatch.setattr(build, "ROOT", root)
    monkeypatch.setattr(build, "LIB_DIR", tmp_path / "lib")
    monkeypatch.setattr(build, "OBJ_DIR", tmp_path / "obj")
    return tmp_path


def times(folder: Path) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in [*(folder / "obj").glob("*.o"), *(folder / "lib").glob("*.so")]}


def changed(before: dict[str, int], after: dict[str, int]) -> set[str]:
    return {name for name in after if before.get(name) != after[name]}


def test_only_what_depends_on_a_change_is_compiled_again(tree: Path) -> None:
    build.build("cpu")
    first = times(tree)
    assert set(first) == {"one.cpu.o", "two.cpu.o", "libap_cpu.so"}
    build.build("cpu")
    assert changed(first, times(tree)) == set()
    header = tree / "kernels" / "one.cuh"
    header.write_text(header.read_text().replace("return 1", "return 3"))
    build.build("cpu")
    assert changed(first, times(tree)) == {"one.cpu.o", "libap_cpu.so"}
    second = times(tree)
    (tree / "kernels" / "cpu" / "two.cpp").unlink()
    build.build("cpu")
    assert changed(second, times(tree)) == {"libap_cpu.so"}  # a launcher that is gone leaves the library


def test_a_compiler_error_names_the_source_and_keeps_the_old_library(tree: Path) -> None:
    library = build.build("cpu")
    before = library.read_bytes()
    (tree / "kernels" / "cpu" / "two.cpp").write_text(
        '#include "port.h"\nAP_API int32_t ap_iou_3d(const ap::Iou3dArgs&, void*) { int unused; return 2; }\n'
    )
    with pytest.raises(build.BuildError, match=r"two\.cpp: g\+\+ failed[\s\S]*unused"):
        build.build("cpu")
    assert library.read_bytes() == before


def test_missing_compilers_are_one_line(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build.shutil, "which", lambda *args, **kwargs: None)
    with pytest.raises(build.BuildError, match=r"^g\+\+ not found: apt install g\+\+$"):
        build.build("cpu")
    with pytest.raises(build.BuildError, match=r"^nvcc not found"):
        build.build("cuda")


@pytest.mark.parametrize(
    ("launcher", "complaint"),
    [
        ("ap_iou_bev(const float*, void*)", "conflicting declaration"),
        ("ap_iou_bev(const ap::Iou3dArgs&, void*)", "conflicting declaration"),
        ("ap_unheard_of(const ap::IouBevArgs&, void*)", "no previous declaration"),
    ],
)
def test_a_launcher_that_is_not_in_the_table_does_not_compile(tree: Path, launcher: str, complaint: str) -> None:
    (tree / "kernels" / "cpu" / "two.cpp").write_text(f'#include "port.h"\nAP_API int32_t {launcher} {{ return 0; }}\n')
    with pytest.raises(build.BuildError, match=rf"two\.cpp: g\+\+ failed[\s\S]*{complaint}"):
        build.build("cpu")
