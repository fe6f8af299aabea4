"""One person's neutral face: what a stranger's is taken to be until enough calm moments were seen, then more and more
their own, over minutes.

Normalising by a person's own neutral beats absolute readings (one-frame neutral calibration, arXiv 2409.00240), if it
is neutral: the first face seen may be crying or laughing. So only calm moments count, and the population's neutral
gives way as evidence for the own one adds up (shrinkage of a mean toward its prior).
"""

from __future__ import annotations

from collections import deque

import numpy as np

from perception.baseline import MAD_TO_SD, Vector

#: One calm moment is kept each STEP_S; MAX_MOMENTS of them reach back five calm minutes.
STEP_S = 0.5
MAX_MOMENTS = 600
#: So many calm moments (ten seconds) make a person half known: their spread counts as much as that between people.
PRIOR_MOMENTS = 20
#: The centre moves sooner: after four calm seconds it is half their own.
CENTRE_MOMENTS = 8
#: With this weight a person is known well enough to be compared with themselves.
ACQUAINTED = 0.5
#: The spread within a person is never taken to be less than this share of the spread between people.
SPREAD_FLOOR = 0.35
#: A face that was never calm for this long without a break (seconds) is the person's usual one: anatomy, not a mood.
PATIENCE_S = 180.0


class NeutralFace:
    """Centre and spread of each signal for one person. Not thread-safe.

    `centre` is the population's, pulled toward the median of the calm moments; `spread` is how far a calm reading may
    lie from it: what is left of the spread between people, and the spread within this one. `weight` says how well the
    person is known.
    """

    def __init__(self, prior_centre: Vector, prior_spread: Vector) -> None:
        if prior_centre.shape != prior_spread.shape or not (prior_spread > 0).all():
            raise ValueError("the prior needs a centre and a positive spread of the same shape")
        self._prior_centre, self._prior_spread = prior_centre, prior_spread
        self._moments: deque[Vector] = deque(maxlen=MAX_MOMENTS)
        self._last_s: float | None = None
        self._restless_since_s: float | None = None
        self.centre: Vector = prior_centre
        self.spread: Vector = prior_spread

    @property
    def weight(self) -> float:
        """How well the person is known, in [0, 1): the share of what is theirs in the spread."""
        return len(self._moments) / (len(self._moments) + PRIOR_MOMENTS)

    @property
    def acquainted(self) -> bool:
        return self.weight >= ACQUAINTED

    def update(self, t_s: float, values: Vector, calm: bool) -> None:
        """Take one reading (same shape as the prior) at `t_s` seconds where it is calm, or where none was for
        PATIENCE_S. Readings that are not finite raise ValueError: an error never becomes data."""
        if values.shape != self._prior_centre.shape or not np.isfinite(values).all():
            raise ValueError(f"a reading is {self._prior_centre.shape} finite numbers, got {values.shape}")
        if self._last_s is not None and t_s < self._last_s:  # the clock jumped back
            self._last_s = self._restless_since_s = None
        if calm:
            self._restless_since_s = None
        else:
            self._restless_since_s = t_s if self._restless_since_s is None else self._restless_since_s
            if not 0 <= PATIENCE_S <= t_s - self._restless_since_s:
                return
        if self._last_s is not None and t_s - self._last_s < STEP_S - 1e-6:  # frame times are rounded
            return
        self._last_s = t_s
        self._moments.append(values.copy())
        self._refresh()

    def _refresh(self) -> None:
        seen, own = np.stack(self._moments), self.weight
        median = np.median(seen, axis=0)
        within = np.maximum(MAD_TO_SD * np.median(np.abs(seen - median), axis=0), SPREAD_FLOOR * self._prior_spread)
        moved = len(seen) / (len(seen) + CENTRE_MOMENTS)
        self.centre = moved * median + (1 - moved) * self._prior_centre
        self.spread = np.sqrt(within**2 + ((1 - own) * self._prior_spread) ** 2)
