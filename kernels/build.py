#!/usr/bin/env python3
"""Build the kernel libraries: ``build.py cpu`` -> libap_cpu.so (g++), ``build.py cuda`` -> libap_cuda.so (nvcc).

``build.py sanitize`` -> build/kernels/libap_sanitize.so: the CPU library that stops at the first access out of bounds and at
undefined behaviour (AddressSanitizer, UBSan), for tests.

Standard library only, so that setup.py, make and CI can call it before anything is installed. Objects are
rebuilt when a source, a header or the command changes; libraries are written beside and renamed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent
LIB_DIR = ROOT.parent / "autonomy_perception" / "ops" / "_lib"
OBJ_DIR = ROOT.parent / "build" / "kernels"
# -O3 makes some loops 3-4x slower with gcc 12; without errno and traps (which change no value) loops with sqrtf or
# comparisons become vector loops; FMA contraction would let binning differ between machines.
# -Wmissing-declarations refuses a launcher that kernels/launchers.h does not know.
MARCH = {"x86_64": "x86-64-v3", "aarch64": "armv8.2-a"}
CXX_FLAGS = ["-std=c++17", "-O2", "-ftree-vectorize", f"-march={MARCH.get(platform.machine(), 'native')}", "-ffp-contract=off",
             "-fno-math-errno", "-fno-trapping-math", "-fopenmp", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra",
             "-Wmissing-declarations", "-Werror"]  # fmt: skip
SANITIZE_FLAGS = ["-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined,float-cast-overflow",
                  "-fno-sanitize-recover=all"]  # fmt: skip
CUDA_ARCHS = ("87", "89", "90", "110", "120")
NVCC_FLAGS = [
    "-std=c++17",
    "-O3",
    "--fmad=false",
    "-Xcompiler",
    "-fPIC,-fvisibility=hidden,-Wall",
    "--Werror",
    "all-warnings",
]


class BuildError(RuntimeError):
    """A compiler is missing or refused a source; the message says which and how to mend it."""


def find_nvcc() -> str | None:
    """Path of nvcc, from PATH or /usr/local/cuda/bin."""
    return shutil.which("nvcc") or shutil.which("nvcc", path="/usr/local/cuda/bin")


def cuda_archs(nvcc: str) -> list[str]:
    """Architectures of our list that this nvcc can compile for."""
    known = subprocess.run([nvcc, "--list-gpu-arch"], capture_output=True, text=True, check=True).stdout
    return [a for a in CUDA_ARCHS if f"compute_{a}" in known.split()]


def sources_of(source: Path, seen: set[Path] | None = None) -> set[Path]:
    """The file and the project's headers that it includes, and those that they include."""
    seen = set() if seen is None else seen
    seen.add(source)
    for name in re.findall(r'^#include "(.+)"', source.read_text(), re.M):
        for header in (ROOT / name, source.parent / name):
            if header.exists() and header not in seen:
                sources_of(header, seen)
    return seen


def _compile(cmd: list[str], source: Path, obj: Path) -> None:
    """Compile unless nothing that the object depends on has changed."""
    texts = b"".join(p.read_bytes() for p in sorted(sources_of(source)))
    key = hashlib.sha256(" ".join(cmd).encode() + texts).hexdigest()
    stamp = obj.with_suffix(".key")
    if obj.exists() and stamp.exists() and stamp.read_text() == key:
        return
    done = subprocess.run([*cmd, "-c", str(source), "-o", str(obj)], capture_output=True, text=True)
    if done.returncode:
        raise BuildError(f"{source.name}: {Path(cmd[0]).name} failed\n{done.stderr}{done.stdout}")
    if done.stderr.strip():
        print(done.stderr, file=sys.stderr)
    stamp.write_text(key)


def build(target: str) -> Path:
    """Build ``cpu``, ``cuda`` or ``sanitize``; returns the library's path. Raises BuildError."""
    if target not in ("cpu", "cuda", "sanitize"):
        raise BuildError(f"target: expected cpu, cuda or sanitize, found {target!r}")
    if target in ("cpu", "sanitize"):
        cxx = shutil.which("g++")
        if not cxx:
            raise BuildError("g++ not found: apt install g++")
        extra = SANITIZE_FLAGS if target == "sanitize" else []
        cmd, sources = [cxx, *CXX_FLAGS, *extra], sorted((ROOT / "cpu").glob("*.cpp"))
        link = [cxx, "-shared", "-fopenmp", *extra]
    else:
        nvcc = find_nvcc()
        if not nvcc:
            raise BuildError("nvcc not found: install the CUDA toolkit or put it on PATH")
        archs = cuda_archs(nvcc)
        gencode = [f for a in archs for f in ("-gencode", f"arch=compute_{a},code=sm_{a}")]
        gencode += ["-gencode", f"arch=compute_{archs[-1]},code=compute_{archs[-1]}"]
        cmd, sources = [nvcc, *NVCC_FLAGS, *gencode], sorted((ROOT / "cuda").glob("*.cu"))
        link = [nvcc, "-shared", *gencode]
    LIB_DIR.mkdir(parents=True, exist_ok=True)
    OBJ_DIR.mkdir(parents=True, exist_ok=True)
    library = (OBJ_DIR if target == "sanitize" else LIB_DIR) / f"libap_{target}.so"
    with (OBJ_DIR / f"{target}.lock").open("w") as lock:  # two builds at once must not mix their objects
        fcntl.flock(lock, fcntl.LOCK_EX)
        cmd.append(f"-I{ROOT}")
        objs = [OBJ_DIR / f"{s.stem}.{target}.o" for s in sources]
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            list(pool.map(lambda so: _compile(cmd, so[0], so[1]), zip(sources, objs, strict=True)))
        linked, stamp = (
            "\n".join(f"{o.name} {o.with_suffix('.key').read_text()}" for o in objs),
            OBJ_DIR / f"{library.name}.key",
        )
        if not library.exists() or not stamp.exists() or stamp.read_text() != linked:
            part = library.with_suffix(".part")
            done = subprocess.run([*link, *map(str, objs), "-o", str(part)], capture_output=True, text=True)
            if done.returncode:
                raise BuildError(f"{library.name}: link failed\n{done.stderr}")
            part.replace(library)
            stamp.write_text(linked)
    return library


if __name__ == "__main__":
    try:
        print(build(sys.argv[1] if len(sys.argv) > 1 else "cpu"))
    except BuildError as error:
        sys.exit(str(error))
