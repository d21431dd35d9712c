"""What the border cannot see, an index inside an array: the sanitizer must end this process."""

import os
from pathlib import Path

import numpy as np

from autonomy_perception.grid import BevGrid
from autonomy_perception.ops.cells import CellIndex
from autonomy_perception.ops.library import CpuLibrary
from autonomy_perception.ops.pillarise import Pillars, pillarise

lib, grid = CpuLibrary(Path(os.environ["AP_SANITIZED_LIBRARY"])), BevGrid.square(2.0, 1.0)
starts = np.ones(grid.nx * grid.ny + 1, np.int32)
starts[0] = 0
beyond = CellIndex(np.array([1], np.int32), starts)  # there is one point: 0
pillarise(lib, np.zeros((1, 3), np.float32), np.zeros(1, np.float32), grid, Pillars(lib, 2, 2), beyond)
