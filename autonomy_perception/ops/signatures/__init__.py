"""The kernels' border: one table of what every launcher takes and why it may refuse.

``kernels/launchers.h`` (:mod:`.header`) and the checks of every call (:mod:`autonomy_perception.ops.border`) are made
from it. Standard library only.
"""

from autonomy_perception.ops.signatures.bev import BEV
from autonomy_perception.ops.signatures.cameras import CAMERAS
from autonomy_perception.ops.signatures.maps import MAPS
from autonomy_perception.ops.signatures.model import Signature
from autonomy_perception.ops.signatures.objects import OBJECTS
from autonomy_perception.ops.signatures.points import POINTS

SIGNATURES: dict[str, Signature] = {s.name: s for s in (*POINTS, *MAPS, *CAMERAS, *OBJECTS, *BEV)}

REFUSALS = (
    ("EmptyGrid", "the grid holds no cell"),
    ("Resolution", "the edge of a cell must be above 0 m"),
    ("Layout", "width must be at least 1 and no step, offset or number of edges below 0"),
    ("ShortData", "data is shorter than its layout says"),
    ("NoPose", "poses must hold at least one"),
    ("SmallWork", "work is shorter than ap_ground_work says"),
    ("MinPoints", "min_points must be at least 1"),
    ("Side", "side must be 1 to 16384 cells"),
    ("Smallest", "smallest must be above 0 m"),
    ("NoSector", "n_azimuth must be at least 1"),
    ("ImageSize", "image and out must hold a pixel"),
    ("ImageRows", "pixel must be 3 or 4 bytes and step hold a row"),
    ("SmallMap", "map must be at least 2 x 2"),
    ("MinDepth", "min_depth must be above 0 m"),
    ("NoPillars", "features must hold at least one pillar of one point"),
    ("TimeBackwards", "dt must not be below 0 s"),
    ("NoRow", "rows names a track that does not exist"),
    ("NoHistory", "history must hold at least 2 frames"),
    ("NoFeature", "features must have at least one bin, pixel and channel, and at most 512 channels"),
    ("NoTerrain", "terrain must hold 1 to 254 classes"),
    ("NoBox", "heat must hold at least one class and fewer than 2^31 values, and rows at least one box"),
)
"""Why a launcher returned -1, -2, ...: name in C++ (``ap::k...``) and sentence."""

CUDA_ERROR = -1000
"""A launcher that met CUDA error ``e`` returns ``CUDA_ERROR - e``."""
