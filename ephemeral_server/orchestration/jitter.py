"""Delays that differ, so that those who wait do not all come back at once."""

from __future__ import annotations

import math
import random


def jittered(mean: float, factor: float) -> float:
    """A delay drawn from an exponential law of the given mean, cut to a band around it.

    Args:
        mean: seconds, above zero.
        factor: the band reaches from ``mean * log2(2**(1+f) / (2**(1+f) - 1))`` to
            ``mean * (1 + f)``.
    """
    # Drawn for a mean of one: no mean is then too small or too large, and the lower bound is
    # written so that no factor is either.
    low, high = -math.log1p(-(2.0 ** -(1 + factor))) / math.log(2), 1 + factor
    start, stop = math.exp(-low), math.exp(-high)
    drawn = -math.log(start - random.random() * (start - stop))
    return mean * min(max(drawn, low), high)
