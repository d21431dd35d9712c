"""pytest plugin: tests and cases take the kernels from the library named by AP_SANITIZED_LIBRARY."""

import os
from pathlib import Path

from autonomy_perception.ops.library import CpuLibrary

CpuLibrary.__init__.__defaults__ = (Path(os.environ["AP_SANITIZED_LIBRARY"]),)
