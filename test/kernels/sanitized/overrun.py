"""Without the check of the Python face, a layout that claims one point too many: the sanitizer must end this process."""

import os
from pathlib import Path

import numpy as np

from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.ops.unpack import CloudLayout, FieldAt, unpack

layout = CloudLayout(11, 1, 12, 132, *(FieldAt(o, 7) for o in (0, 4, 8)))
object.__setattr__(layout, "check", lambda n_bytes: None)
pose = np.eye(4, dtype=np.float32)[None, :3]
unpack(CpuLibrary(Path(os.environ["AP_SANITIZED_LIBRARY"])), np.zeros(12 * 10, np.uint8), layout, pose)
