"""Every CUDA launcher compiles without a warning for every architecture of the list, and mirrors the CPU library."""

import ctypes
import re
import subprocess
import sys
from pathlib import Path

import pytest

KERNELS = Path(__file__).parents[2] / "kernels"
sys.path.insert(0, str(KERNELS))
import build

NVCC = build.find_nvcc()
LAUNCHER = re.compile(r"AP_API int32_t (ap_\w+)\((.*?)\)\s*\{", re.S)


def launchers(folder: str) -> dict[str, str]:
    """Signature of every launcher of a folder, without names and spaces."""
    out = {}
    for source in sorted((KERNELS / folder).iterdir()):
        for name, arguments in LAUNCHER.findall(source.read_text()):
            types = [
                re.sub(r"\w+$", "", re.sub(r"\s+", " ", a.strip())).replace(" ", "") or a.strip()
                for a in arguments.split(",")
            ]
            out[name] = ",".join(types)
    return out


def test_cuda_launchers_have_the_signatures_of_the_cpu_launchers() -> None:
    cpu, cuda = launchers("cpu"), launchers("cuda")
    assert len(cuda) >= 10
    assert {n: cuda[n] for n in sorted(cuda)} == {n: cpu.get(n, "missing") for n in sorted(cuda)}
    assert sorted(set(cpu) - set(cuda)) == [], "launchers without a CUDA build"


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
    for name in launchers("cuda"):
        assert hasattr(library, name)
