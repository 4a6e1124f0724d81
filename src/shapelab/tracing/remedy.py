"""Sizes at which a forward that failed gets past the point where it did: found by tracing it again."""

from __future__ import annotations

from collections.abc import Callable

from shapelab.tracing.records import Failure

REACH = 8  # how far from the present size one looks where no multiple of the strides works


def working_sizes(error: Failure, size: int, factor: int, error_at: Callable[[int], Failure | None]) -> list[int]:
    """The nearest sizes below and above at which the forward does not fail on that account.

    Args:
      error: how it failed.
      size: the size at which it did.
      factor: input cells from one cell to the next where the image is smallest: its multiples are tried first.
      error_at: traces the call at another size.
    """

    def works(other: int) -> bool:
        again = error_at(other)
        return again is None or (again.axis is not None and again.axis != error.axis)

    below, above = size - size % factor, size - size % factor + factor
    multiples = [s for s in (below if below != size else size - factor, above) if s > 0]
    found = [s for s in multiples if works(s)]
    if found or factor == 1:
        near: list[int] = []
    else:
        near = [s for d in range(1, REACH + 1) for s in (size - d, size + d) if s > 0 and s not in multiples]
    for other in near:
        if len(found) < 1 and works(other):
            found.append(other)
    return sorted(found)
