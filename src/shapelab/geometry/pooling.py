"""How a large tensor is thinned for a picture: by blocks, so that no axis shows more than ``MOST`` cells."""

from __future__ import annotations

MOST = 128
"""Cells of an axis that a picture shows one by one."""

MOST_CHANNELS = 16
"""Channels of a tensor that a picture may show."""


def pooling_factor(size: int) -> int:
    """How many cells of an axis of ``size`` share one of a picture: the least f with ceil(size / f) <= ``MOST``."""
    return -(-size // MOST)
