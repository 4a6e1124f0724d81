"""The nearest settings at which a forward that failed runs: found by tracing it there, never by a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from shapelab.engine.spec import Spec
from shapelab.errors import ShapeError
from shapelab.lessons.base import Bounds
from shapelab.tracing.records import Failure

MOST, MOST_OF_A_FIELD = 6, 2
MOST_TRIED = 16  # values of one field: a size that halves four times has one that does within eight cells

Changes = dict[str, int | str]
FailureOf = Callable[[Spec], Failure | None]


def ways_out(failure_of: FailureOf, spec: Spec) -> tuple[Changes, ...]:
    """Changes after which the forward runs, the least first: one field each, or two where each axis needs its own.

    Numbers are tried at the stops of their sliders, outwards; of a field that has no say in what failed one stop is
    tried. A change that moves the failure to another axis is tried with changes of that one.

    Args:
      failure_of: traces a specification, and gives what stops its forward.
      spec: of a forward that fails; one that does not has no ways out.

    Returns:
      At most six sets of changes, at most two of them with the same fields.
    """
    failed = failure_of(spec)
    if failed is None:
        return ()
    alone, halfway = _singles(failure_of, spec, failed)
    found = [{name: value} for name, value in alone]
    for name, value in halfway:
        changed = spec.changed({name: value})
        other = failure_of(changed)
        if other is not None:
            done = frozenset({name, *(field for field, _ in alone)})
            also = _singles(failure_of, changed, other, done)[0]
            found += [_ordered(spec, {name: value, field: mended}) for field, mended in also]
    ranked = sorted(found, key=lambda changes: _cost(spec, changes))
    kept: list[Changes] = []
    for changes in ranked:
        alike = sum(set(changes) == set(other) for other in kept)
        if changes not in kept and alike < MOST_OF_A_FIELD:
            kept.append(changes)
    return tuple(kept[:MOST])


def _singles(
    failure_of: FailureOf, spec: Spec, failed: Failure, skip: frozenset[str] = frozenset()
) -> tuple[list[tuple[str, Any]], list[tuple[str, Any]]]:
    """The changes of one field that let the forward run, and those that let it get to another failure."""
    runs: list[tuple[str, Any]] = []
    moves: list[tuple[str, Any]] = []
    for name, rule in spec.config.rules().items():
        if rule.group != "Values" and name not in skip and spec.config.counts(name):
            found, moved = _tried(failure_of, spec, name, failed)
            runs += [(name, value) for value in found]
            moves += [(name, value) for value in moved]
    return runs, moves


def _tried(failure_of: FailureOf, spec: Spec, name: str, failed: Failure) -> tuple[list[Any], list[Any]]:
    """The values of one field that let the forward run, and those that let it get to another failure."""
    runs: list[Any] = []
    moves: list[Any] = []
    for number, value in enumerate(islice(_candidates(spec, name), MOST_TRIED)):
        changed = _changed(spec, name, value)
        error = None if changed is None else failure_of(changed)
        if changed is not None and error is None:
            runs.append(value)
        elif error is not None and error.axis != failed.axis:
            moves.append(value)
        if MOST_OF_A_FIELD in (len(runs), len(moves)):
            break
        if number == 0 and not runs and not moves and (error is None or _same(error, failed)):
            break  # it has no say in what failed
    return runs, moves


def _changed(spec: Spec, name: str, value: Any) -> Spec | None:
    try:
        return spec.changed({name: value})
    except ShapeError:
        return None


def _same(error: Failure, failed: Failure) -> bool:
    """Whether two failures are one: the same operation refuses the same sizes along the same axis."""
    if error.axis is None or failed.axis is None or error.axis != failed.axis:
        return error.message == failed.message
    return [shape[error.axis :][:1] for shape in error.in_shapes] == [
        shape[failed.axis :][:1] for shape in failed.in_shapes
    ]


def _candidates(spec: Spec, name: str) -> Iterator[int | str]:
    """The other values of a field, the nearest first."""
    rule, present = spec.config.rules()[name], getattr(spec.config, name)
    if not isinstance(rule, Bounds):
        yield from (value for value in rule.values if value != present)
        return
    others = [stop for stop in spec.config.limits(name).stops if stop != present]
    yield from sorted(others, key=lambda stop: (abs(stop - present), stop))


def _ordered(spec: Spec, changes: Changes) -> Changes:
    return {name: changes[name] for name in spec.config.rules() if name in changes}


def _cost(spec: Spec, changes: Changes) -> tuple[int, bool, int]:
    """How far a change goes: fewer fields before more, the input before the model, small steps before large ones."""
    rules = spec.config.rules()
    steps = [
        abs(value - getattr(spec.config, name)) if isinstance(value, int) else 1 for name, value in changes.items()
    ]
    return len(changes), any(rules[name].group != "Input" for name in changes), sum(steps)
