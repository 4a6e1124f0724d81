"""The nearest settings at which a forward that failed gets on: found by tracing it there, never by a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from shapelab.engine.spec import Spec
from shapelab.tracing.records import Trace

REACH = 32


def near(trace_of: Callable[[Spec], Trace], spec: Spec, field: str, most: int = 2) -> tuple[int, ...]:
    """The values of one field nearest to the present one at which the forward does not fail on that account.

    A forward that then fails along another axis says nothing yet: that axis, another field's matter, is moved too until
    the program gets past it.
    """
    failed = trace_of(spec).error
    axis = failed.axis if failed else None
    found: list[int] = []
    for value in _outwards(spec, field):
        if _passes(trace_of, replace(spec, config=spec.config.replace(**{field: value})), axis):
            found.append(value)
        if len(found) == most:
            break
    return tuple(sorted(found))


def _passes(trace_of: Callable[[Spec], Trace], spec: Spec, axis: int | None) -> bool:
    """Whether the forward gets past an axis, whatever it then says of another."""
    trace = trace_of(spec)
    if trace.error is None or trace.error.axis is None or trace.error.axis == axis:
        return trace.error is None
    layout = trace.inputs[trace.main].layout
    other = layout[trace.error.axis] if trace.error.axis < len(layout) else ""
    if other not in spec.config.rules():
        return False
    for value in _outwards(spec, other):
        error = trace_of(replace(spec, config=spec.config.replace(**{other: value}))).error
        if error is None or error.axis == axis:
            return error is None
    return False


def _outwards(spec: Spec, field: str) -> Iterator[int]:
    """Values of a field within its bounds, the nearest to the present one first."""
    rule: Any = spec.config.rules()[field]
    present = getattr(spec.config, field)
    for distance in range(1, REACH + 1):
        yield from (v for v in (present - distance, present + distance) if rule.low <= v <= rule.high)
