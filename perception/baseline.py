"""What is usual for one person: a running robust centre and spread of each signal, from a bounded number of samples.

Normalising by a person's own neutral face beats absolute readings (one-frame neutral calibration, arXiv 2409.00240);
here the neutral is the median of many calm moments instead of one frame.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

#: While the baseline forms, one sample each FORMING_STEP_S until there are FORMING_SAMPLES: five seconds of being seen.
FORMING_STEP_S = 0.2
FORMING_SAMPLES = 25
#: Afterwards one calm sample each SLOW_STEP_S; with MAX_SAMPLES the memory reaches back eight calm minutes.
SLOW_STEP_S = 2.0
MAX_SAMPLES = 240
#: A "strong expression" that lasts longer than this without a break is taken for the person's usual face (seconds).
FREEZE_LIMIT_S = 60.0
#: The same while the baseline forms, when "strong" is judged by the population's neutral and may be anatomy (seconds).
FORMING_FREEZE_LIMIT_S = 10.0
#: A personal spread is never taken to be less than this share of the population's: five calm seconds understate it.
SPREAD_FLOOR = 0.25
#: Median absolute deviation to standard deviation, for a normal distribution.
MAD_TO_SD = 1.4826


class RunningBaseline:
    """Median and scaled MAD of calm samples, blended with a population prior until enough were seen. Not
    thread-safe."""

    def __init__(self, prior_centre: Vector, prior_spread: Vector) -> None:
        if prior_centre.shape != prior_spread.shape or not (prior_spread > 0).all():
            raise ValueError("the prior needs a centre and a positive spread of the same shape")
        self._prior_centre, self._prior_spread = prior_centre, prior_spread
        self._samples: deque[Vector] = deque(maxlen=MAX_SAMPLES)
        self._last_s: float | None = None
        self._frozen_since_s: float | None = None
        self.centre: Vector = prior_centre
        self.spread: Vector = prior_spread

    @property
    def weight(self) -> float:
        """How much of centre and spread is the person's own, in [0, 1]."""
        return min(1.0, len(self._samples) / FORMING_SAMPLES)

    @property
    def formed(self) -> bool:
        return len(self._samples) >= FORMING_SAMPLES

    def update(self, t_s: float, values: Vector, strong: bool = False) -> None:
        """Take one reading (same shape as the prior) at `t_s` seconds, or leave it out.

        Readings closer than the step are left out, and so are `strong` ones, unless they have gone on without a break
        for FREEZE_LIMIT_S (FORMING_FREEZE_LIMIT_S until the baseline has formed). Readings that are not finite raise
        ValueError: an error never becomes data.
        """
        if values.shape != self._prior_centre.shape or not np.isfinite(values).all():
            raise ValueError(f"a baseline reading is {self._prior_centre.shape} finite numbers, got {values.shape}")
        if self._last_s is not None and t_s < self._last_s:  # the clock jumped back
            self._last_s = self._frozen_since_s = None
        if strong:
            if self._frozen_since_s is None:
                self._frozen_since_s = t_s
            if t_s - self._frozen_since_s < (FREEZE_LIMIT_S if self.formed else FORMING_FREEZE_LIMIT_S):
                return
        else:
            self._frozen_since_s = None
        step = SLOW_STEP_S if self.formed else FORMING_STEP_S
        if self._last_s is not None and t_s - self._last_s < step - 1e-6:  # frame times are rounded
            return
        self._last_s = t_s
        self._samples.append(values.copy())
        self._refresh()

    def _refresh(self) -> None:
        seen = np.stack(self._samples)
        median = np.median(seen, axis=0)
        spread = np.maximum(MAD_TO_SD * np.median(np.abs(seen - median), axis=0), SPREAD_FLOOR * self._prior_spread)
        own = self.weight
        self.centre = own * median + (1 - own) * self._prior_centre
        self.spread = own * spread + (1 - own) * self._prior_spread
