"""The canonical head: where the points that no expression moves lie on an average neutral face.

Unit: one eye-corner distance (landmarks 33 to 263). Axes as in a picture: x right, y down, z away from the camera;
origin midway between the eyes' outer corners; turned so that forehead (10) and chin (152) have the same depth.
Made by symmetric generalised Procrustes analysis (medians) of the MediaPipe landmarks of about 700 faces labelled
neutral in muxspace/facial_expressions (Apache-2.0).
"""

from __future__ import annotations

import numpy as np

_POINTS: dict[int, tuple[float, float, float]] = {
    10: (0.000, -0.589, -0.144),
    168: (0.000, -0.058, -0.240),
    6: (0.000, 0.027, -0.295),
    197: (0.000, 0.103, -0.357),
    195: (0.000, 0.173, -0.423),
    5: (0.000, 0.248, -0.491),
    33: (-0.500, 0.000, 0.000),
    133: (-0.201, 0.010, -0.060),
    362: (0.201, 0.010, -0.060),
    263: (0.500, 0.000, 0.000),
    127: (-0.795, 0.083, 0.550),
    356: (0.795, 0.083, 0.550),
    234: (-0.787, 0.247, 0.587),
    454: (0.787, 0.247, 0.587),
}

#: Landmark numbers and their (n, 3) canonical places: eye corners, nose bridge, temples and forehead.
RIGID = np.array(list(_POINTS), dtype=np.intp)
RIGID_POINTS = np.array(list(_POINTS.values()), dtype=np.float64)
