"""What does not fit where a forward fails over two shapes: which tensors, on which axes, and who dropped the cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shapelab.tracing.records import SPATIAL, Failure, Shape, Trace, numbered

MOST_NAMED = 2  # rows or columns that are told one by one
NAMES = {"H": "row", "W": "column", "L": "place", "C": "channel", "D": "plane"}
CONVOLVING = ("conv", "conv_transpose")


@dataclass(frozen=True)
class Side:
    """One of the two tensors: what it is called, and its counts along the axes drawn, down and across."""

    name: str
    shape: Shape
    counts: tuple[int, int]


@dataclass(frozen=True)
class Mismatch:
    """Two tensors and the axes of theirs that are drawn; ``axes`` names them, "" for one that has no extent here."""

    sides: tuple[Side, Side]
    axes: tuple[str, str]

    @property
    def surplus(self) -> list[tuple[int, int, tuple[int, ...]]]:
        """For each axis that differs: the axis, the larger side, and the indices that only it has."""
        found = []
        for axis in (0, 1):
            first, second = (side.counts[axis] for side in self.sides)
            if first != second:
                larger = 0 if first > second else 1
                found.append((axis, larger, tuple(range(min(first, second), max(first, second)))))
        return found

    def words(self) -> list[str]:
        """``row 14: in enc2 relu (15 rows), not in up2 (14)``, a line for each axis that differs."""
        lines = []
        for axis, larger, extra in self.surplus:
            big, small = self.sides[larger], self.sides[1 - larger]
            name = NAMES.get(self.axes[axis], "index")
            lines.append(
                f"{listed(name, extra)}: in {big.name} ({big.counts[axis]} {name}s), "
                f"not in {small.name} ({small.counts[axis]})"
            )
        return lines


def mismatch(trace: Trace) -> Mismatch | None:
    """The two tensors of a failure and where they differ; None where it is not about two shapes."""
    error = trace.error
    if error is None or len(error.in_shapes) < 2:
        return None
    if error.op in CONVOLVING:
        return _kernel_and_input(trace, error)
    names = [_name(trace, error, i) for i in (0, 1)]
    first, second = error.in_shapes[:2]
    if len(first) != len(second):
        return None
    layout = _layout(trace, error)
    spatial = [axis for axis, name in enumerate(layout) if name in SPATIAL][-2:]
    differing = [axis for axis, (a, b) in enumerate(zip(first, second, strict=True)) if a != b]
    if not differing:
        return None
    if any(axis in spatial for axis in differing) and spatial:
        down, across = spatial if len(spatial) == 2 else (None, spatial[0])
    else:
        down, across = None, error.axis if error.axis in differing else differing[-1]
    sides = tuple(
        Side(name, shape, (1 if down is None else shape[down], shape[across]))
        for name, shape in zip(names, (first, second), strict=True)
    )
    return Mismatch((sides[0], sides[1]), ("" if down is None else layout[down], layout[across]))


def _kernel_and_input(trace: Trace, error: Failure) -> Mismatch | None:
    """The input's channels against those that the kernel (…, I, O) of a layer takes."""
    own = {p.shape for p in trace.parameters if p.path.startswith(f"{error.path}.") and len(p.shape) >= 3}
    kernels = [shape for shape in error.in_shapes if shape in own]
    inputs = [shape for shape in error.in_shapes if len(shape) >= 3 and shape not in own]
    if len(kernels) != 1 or len(inputs) != 1 or inputs[0][-1] == kernels[0][-2]:
        return None
    given, kernel = inputs[0], kernels[0]
    sides = Side(f"input of {error.path}", given, (1, given[-1])), Side(f"{error.path}.kernel", kernel, (1, kernel[-2]))
    return Mismatch(sides, ("", "C"))


def droppings(trace: Trace) -> list[str]:
    """Which stage lost cells on the way: ``max_pool #2 dropped row 14 of 15``; or how sizes shrank, where none did."""
    error, found = trace.error, mismatch(trace)
    if error is None or found is None:
        return []
    names, lines = numbered(trace.stages), []
    stage = None if error.dropped_by is None else trace.stages[error.dropped_by]
    if stage is not None and error.dropped_by is not None and stage.unread is not None:
        axes = [name for name in stage.layout if name in SPATIAL]
        wrong = {found.axes[place] for place, _, _ in found.surplus}
        for axis, size, lost in zip(axes, stage.slides_over or (), stage.unread, strict=False):
            if lost and axis in wrong:
                lines.append(f"{names[error.dropped_by]} dropped {listed(NAMES[axis], lost)} of {size}")
        return lines
    for place, larger, _ in found.surplus:
        letter = found.axes[place]
        if letter in SPATIAL and (steps := _changes(trace, letter, 1 - larger)):
            lines.append(f"{letter}: " + ", ".join(steps))
    return lines


def listed(name: str, indices: Sequence[int]) -> str:
    """``row 14``, ``rows 12, 13``, ``channels 8 to 15``."""
    if len(indices) == 1:
        return f"{name} {indices[0]}"
    if len(indices) <= MOST_NAMED:
        return f"{name}s {', '.join(map(str, indices))}"
    return f"{name}s {indices[0]} to {indices[-1]}"


def _name(trace: Trace, error: Failure, number: int) -> str:
    """What gave an operand: a stage, an input of that shape, or nobody who is known."""
    stage = error.operands[number] if number < len(error.operands) else None
    if stage is not None:
        return numbered(trace.stages)[stage]
    found = [tensor.name for tensor in trace.inputs if tensor.shape == error.in_shapes[number]]
    return found[0] if found else f"operand {number + 1}"


def _layout(trace: Trace, error: Failure) -> tuple[str, ...]:
    """The names of the operands' axes, as far as a stage or an input that gave one tells them."""
    rank = len(error.in_shapes[0])
    for stage in error.operands:
        if stage is not None and any(trace.stages[stage].layout):
            return trace.stages[stage].layout
    for tensor in trace.inputs:
        if len(tensor.shape) == rank and any(tensor.layout):
            return tensor.layout
    return ("",) * rank


def _changes(trace: Trace, axis: str, side: int) -> list[str]:
    """How the size along an axis changed on the way to an operand: ``conv1 took 16 to 14``."""
    error = trace.error
    at = None if error is None else error.operands[side]
    if at is None:
        return []
    names, steps = numbered(trace.stages), []
    pending, passed = [at], {at}
    while pending:
        stage = pending.pop()
        pending += [e.source for e in trace.edges if e.target == stage and e.source >= 0 and e.source not in passed]
        passed.update(pending)
    for index in sorted(passed):
        record = trace.stages[index]
        if record.slides_over is None or axis not in record.layout:
            continue
        axes = [name for name in record.layout if name in SPATIAL]
        before, after = record.slides_over[axes.index(axis)], record.out_shape[record.layout.index(axis)]
        if before != after:
            steps.append(f"{names[index]} took {before} to {after}")
    return steps
