"""What a run may cost, judged from its trace: nothing has been allocated yet."""

from __future__ import annotations

from collections.abc import Sequence

from shapelab.errors import TooLargeError
from shapelab.tracing.records import Trace

MOST_BYTES = 96 * 2**20
MOST_ELEMENTS = MOST_BYTES // 4  # of float32, as the lessons compute
MOST_MACS = 4 * 10**9


def refuse_too_large(trace: Trace, stages: Sequence[int]) -> None:
    """Refuse a run that would hold too much at once, or compute for too long.

    Counted are the most activations alive at once (``Trace.peak_activation_bytes``), the stages that are kept to be
    shown, and the parameters.

    Raises:
      TooLargeError: with what the run needs, what it may have, and what still holds.
    """
    kept = [trace.stages[i] for i in stages]
    held = trace.peak_activation_bytes + sum(s.bytes for s in kept) + sum(p.bytes for p in trace.parameters)
    if held > MOST_BYTES:
        raise TooLargeError(
            f"The values would take {held // 4:,} numbers ({held / 2**20:,.0f} MiB) at once, up to {MOST_ELEMENTS:,} "
            f"({MOST_BYTES // 2**20} MiB) are computed here: the shapes are exact all the same; a smaller input or "
            "fewer channels bring the values back"
        )
    if trace.macs > MOST_MACS:
        raise TooLargeError(
            f"The values would take {trace.macs / 1e9:,.1f} G multiply-accumulates, up to {MOST_MACS / 1e9:.0f} G are "
            "computed here: the shapes are exact all the same; a smaller input, kernel or fewer channels bring the "
            "values back"
        )
