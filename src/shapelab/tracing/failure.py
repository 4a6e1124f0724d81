"""What stopped a forward, and, where the cause is arithmetic, which stage lost the cells."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import FrameType

import jax

from shapelab.tracing.frames import FORWARDERS, is_library
from shapelab.tracing.records import SPATIAL, Edge, Failure, Shape, Source, Stage, numbered


@dataclass(frozen=True)
class Caught:
    """An exception of the caller's forward, reduced to what a record can hold."""

    op: str
    message: str
    in_shapes: tuple[Shape, ...]
    source: Source | None

    @classmethod
    def of(cls, error: Exception) -> Caught:
        """Read the exception's frames: the caller's last line, and the operands of what it called there."""
        frames = list(_frames(error))
        last_own = max((i for i, (frame, _) in enumerate(frames) if _is_own(frame)), default=None)
        if last_own is None:
            return cls("", _first_lines(error), (), None)
        own, line = frames[last_own]
        source = Source(own.f_code.co_filename, line)
        called = [frame for frame, _ in frames[last_own + 1 :]]
        names = [frame.f_code.co_name for frame in called if frame.f_code.co_name not in FORWARDERS]
        op = names[0].strip("_").removeprefix("operator_") if names else ""
        shapes = next((found for found in map(_argument_shapes, called) if len(found) >= 2), ())
        return cls(op, _first_lines(error), shapes, source)


def explain(caught: Caught, path: str, stages: Sequence[Stage], edges: Sequence[Edge]) -> Failure:
    """Find which axis differs, and the stage that left cells of it unread on the way to the smaller operand."""
    axis = _differing_axis(caught.op, caught.in_shapes)
    operands = tuple(_last_with_shape(stages, shape) for shape in caught.in_shapes)
    dropped_by, explanation = None, ""
    if axis is not None:
        sizes = [shape[axis] for shape in caught.in_shapes]
        maker, other = operands[sizes.index(min(sizes))], operands[sizes.index(max(sizes))]
        if maker is not None:
            candidates = _ancestors(maker, edges) - (_ancestors(other, edges) if other is not None else set())
            dropped_by, explanation = _dropping_stage(stages, candidates, axis - len(caught.in_shapes[0]))
    return Failure(
        path=path,
        op=caught.op,
        message=caught.message,
        in_shapes=caught.in_shapes,
        operands=operands,
        axis=axis,
        dropped_by=dropped_by,
        explanation=explanation,
        source=caught.source,
    )


def _frames(error: Exception) -> Iterator[tuple[FrameType, int]]:
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next


def _is_own(frame: FrameType) -> bool:
    return not is_library(frame.f_code.co_filename)


def _argument_shapes(frame: FrameType) -> tuple[Shape, ...]:
    arguments = inspect.getargvalues(frame)
    given = [arguments.locals.get(name) for name in arguments.args]
    if arguments.varargs:
        given.append(arguments.locals.get(arguments.varargs))
    return tuple(tuple(leaf.shape) for leaf in jax.tree.leaves(given) if isinstance(leaf, jax.Array))


def _first_lines(error: Exception) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text[:2000]}"


def _differing_axis(op: str, shapes: Sequence[Shape]) -> int | None:
    """The one axis on which two operands of an elementwise step or a concatenation do not fit."""
    if len(shapes) < 2 or len({len(shape) for shape in shapes}) != 1 or op.startswith(("conv", "dot")):
        return None
    first, second = shapes[0], shapes[1]
    differing = [axis for axis, (a, b) in enumerate(zip(first, second, strict=True)) if a != b]
    if "concatenate" in op and len(differing) > 1 and differing[-1] == len(first) - 1:
        differing = differing[:-1]  # the channels, which a concatenation may join
    return differing[0] if differing else None


def _last_with_shape(stages: Sequence[Stage], shape: Shape) -> int | None:
    found = [i for i, stage in enumerate(stages) if stage.out_shape == shape]
    return found[-1] if found else None


def _ancestors(stage: int, edges: Sequence[Edge]) -> set[int]:
    found, pending = {stage}, [stage]
    while pending:
        target = pending.pop()
        for edge in edges:
            if edge.target == target and edge.source >= 0 and edge.source not in found:
                found.add(edge.source)
                pending.append(edge.source)
    return found


def _dropping_stage(stages: Sequence[Stage], candidates: set[int], from_end: int) -> tuple[int | None, str]:
    for index in sorted(candidates, reverse=True):
        stage = stages[index]
        if stage.windows is None or len(stage.in_shapes) != 1:
            continue
        spatial = [axis - len(stage.layout) for axis, name in enumerate(stage.layout) if name in SPATIAL]
        if from_end not in spatial:
            continue
        window = stage.windows[spatial.index(from_end)]
        size = stage.in_shapes[0][from_end]
        unread = window.unread(size)
        if unread:
            name = stage.layout[from_end]
            made, went = stage.out_shape[from_end], "went" if len(unread) == 1 else "each went"
            sliding = f"with windows of {window.size} every {window.stride}, " if window.size > 1 else ""
            return index, (
                f"{numbered(stages)[index]} took {size} to {made} along {name}: "
                f"{sliding}{name} index {', '.join(map(str, unread[:4]))} {went} unread"
            )
    return None, ""
