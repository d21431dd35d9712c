"""Every CUDA launcher compiles without a warning for every architecture of the list, and mirrors the CPU library."""

import ctypes
import re
import subprocess
import sys
from pathlib import Path

import pytest

from autonomy_perception.ops.signatures import SIGNATURES

KERNELS = Path(__file__).parents[2] / "kernels"
sys.path.insert(0, str(KERNELS))
import build

NVCC = build.find_nvcc()


@pytest.mark.parametrize("folder", ["cpu", "cuda"])
def test_every_launcher_of_the_table_is_there(folder: str) -> None:
    text = "".join(p.read_text() for p in sorted((KERNELS / folder).iterdir()))
    assert sorted(re.findall(r"AP_API int32_t (ap_\w+)\(", text)) == sorted(SIGNATURES)


@pytest.mark.skipif(NVCC is None, reason="nvcc is not installed: CUDA kernels are not compiled here")
def test_all_architectures_compile_without_a_warning() -> None:
    assert NVCC is not None
    release = subprocess.run([NVCC, "--version"], capture_output=True, text=True, check=True).stdout
    archs = build.cuda_archs(NVCC)
    if int(re.findall(r"release (\d+)\.", release)[0]) >= 13:
        assert "110" in archs
    assert "--Werror" in build.NVCC_FLAGS and "all-warnings" in build.NVCC_FLAGS
    done = subprocess.run([sys.executable, KERNELS / "build.py", "cuda"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    library = ctypes.CDLL(done.stdout.splitlines()[-1])
    for name in SIGNATURES:
        assert hasattr(library, name)
