"""What stopped a forward, and, where the cause is arithmetic, which stage lost the cells."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

import jax

from shapelab.tracing.frames import FORWARDERS, is_library, is_tracer
from shapelab.tracing.records import SPATIAL, Edge, Failure, Shape, Source, Stage, numbered


@dataclass(frozen=True)
class Contraction:
    """The operands of a convolution or matrix product that was refused.

    Attributes:
      kind: "conv" or "dot".
      lhs: shape of the input.
      rhs: shape of the kernel.
      numbers: the dimension numbers as the call gave them.
      groups: ``feature_group_count`` of a convolution.
    """

    kind: str
    lhs: Shape
    rhs: Shape
    numbers: Any
    groups: int = 1


@dataclass(frozen=True)
class Caught:
    """An exception of the caller's forward, reduced to what a record can hold."""

    op: str
    message: str
    in_shapes: tuple[Shape, ...]
    source: Source | None
    contraction: Contraction | None = None

    @classmethod
    def of(cls, error: Exception) -> Caught:
        """Read the exception's frames: the caller's last line, and the operands of what it called there."""
        frames = [(frame, line) for frame, line in _frames(error) if not is_tracer(frame.f_code.co_filename)]
        last_own = max((i for i, (frame, _) in enumerate(frames) if _is_own(frame)), default=None)
        source = None
        if last_own is not None:
            own, line = frames[last_own]
            source = Source(own.f_code.co_filename, line)
        called = [frame for frame, _ in frames[0 if last_own is None else last_own + 1 :]]
        names = [frame.f_code.co_name for frame in called if frame.f_code.co_name not in (*FORWARDERS, "__call__")]
        op = names[0].strip("_").removeprefix("operator_") if names else ""
        shapes = next((found for found in map(_argument_shapes, called) if len(found) >= 2), ())
        return cls(op, _first_lines(error), shapes, source, _contraction(called))


def explain(caught: Caught, path: str, layer: str | None, stages: Sequence[Stage], edges: Sequence[Edge]) -> Failure:
    """Find which axis differs and the stage that left cells of it unread, or what the operands are mistaken for.

    Args:
      caught: what was raised.
      path: the module that was running.
      layer: what that module does, where it is a layer of flax.
      stages: those completed.
      edges: between them.
    """
    axis = _differing_axis(caught.op, caught.in_shapes)
    operands = tuple(_last_with_shape(stages, shape) for shape in caught.in_shapes)
    dropped_by, explanation, remedy = None, "", ""
    if axis is not None:
        sizes = [shape[axis] for shape in caught.in_shapes]
        maker, other = operands[sizes.index(min(sizes))], operands[sizes.index(max(sizes))]
        if maker is not None:
            candidates = _ancestors(maker, edges) - (_ancestors(other, edges) if other is not None else set())
            dropped_by, explanation = _dropping_stage(stages, candidates, axis - len(caught.in_shapes[0]))
    elif caught.contraction is not None:
        explanation, remedy = mistaken(caught.contraction, path, layer, stages)
    elif "trace level" in caught.message:
        remedy = "trace the module itself, or hand it to the function as an argument: trace(function, module, x)"
    return Failure(
        path=path,
        op=layer or caught.op,
        message=caught.message,
        in_shapes=caught.in_shapes,
        operands=operands,
        axis=axis,
        dropped_by=dropped_by,
        explanation=explanation,
        remedy=remedy,
        source=caught.source,
    )


def mistaken(refused: Contraction, path: str, layer: str | None, stages: Sequence[Stage]) -> tuple[str, str]:
    """What is wrong with the operands of a convolution or matrix product, and a change that would work."""
    lhs, rhs = refused.lhs, refused.rhs
    if refused.kind == "dot":
        (left, right), _ = refused.numbers
        if len(left) != 1 or len(right) != 1 or lhs[left[0]] == rhs[right[0]]:
            return "", ""
        return _features(lhs, lhs[left[0]], rhs[right[0]], "the kernel", rhs, path if layer else None, stages)
    if len(lhs) == len(rhs) - 1:
        batched = (1, *lhs)
        return (
            f"the input {lhs} has {len(lhs)} axes and the kernel {rhs} {len(rhs)}: the batch axis is missing",
            f"add one: x[None] has the shape {batched}",
        )
    if len(lhs) != len(rhs):
        return (
            f"the input {lhs} has {len(lhs)} axes, the kernel {rhs} {len(rhs)}: both need batch, channels and space",
            "",
        )
    channels, inputs, layout, kernel_layout = _channels(refused)
    given, wanted = lhs[channels], rhs[inputs] * refused.groups
    if given == wanted:
        return "", ""
    if kernel_layout[-2:] == "IO" and rhs[1] * refused.groups == given and not layer:
        order = (*range(2, len(rhs)), 1, 0)
        turned = tuple(rhs[axis] for axis in order)
        return (
            f"read as {kernel_layout} the kernel {rhs} takes {wanted} channels, the input {lhs} has {given}; "
            f"as OI{kernel_layout[:-2]} it would fit",
            f"kernel.transpose{order} has the shape {turned}, {kernel_layout}",
        )
    if layout[-1:] == "C" and lhs[1] == wanted:
        order = (0, *range(2, len(lhs)), 1)
        turned = tuple(lhs[axis] for axis in order)
        return (
            f"read as {layout} the input {lhs} has {given} channels, the kernel takes {wanted}; "
            f"as NC{layout[1:-1]} it would fit",
            f"x.transpose{order} has the shape {turned}, {layout}",
        )
    return _features(lhs, given, wanted, "the kernel", rhs, path if layer else None, stages)


def _features(
    lhs: Shape, given: int, wanted: int, what: str, rhs: Shape, layer: str | None, stages: Sequence[Stage]
) -> tuple[str, str]:
    explanation = f"the input {lhs} has {given} channels, {what} {rhs} takes {wanted}"
    maker = _last_with_shape(stages, lhs)
    joined = maker if maker is not None and stages[maker].op == "concatenate" else None
    if joined is not None:
        parts = [shape[-1] for shape in stages[joined].in_shapes]
        if sum(parts) == given:
            explanation += f": {numbered(stages)[joined]} joined {' + '.join(map(str, parts))}"
    if layer is None:
        return explanation, f"give a kernel for {given} channels"
    return explanation, f"build {layer or 'it'} with in_features={given}"


def _channels(refused: Contraction) -> tuple[int, int, str, str]:
    """Where the input's channels and the kernel's input channels lie, and both layouts in letters."""
    space = {1: "W", 2: "HW", 3: "DHW"}.get(len(refused.lhs) - 2, "")
    numbers = refused.numbers
    if isinstance(numbers, tuple) and all(isinstance(spec, str) for spec in numbers):
        return numbers[0].index("C"), numbers[1].index("I"), numbers[0], numbers[1]
    lhs_spec = getattr(numbers, "lhs_spec", (0, 1))
    rhs_spec = getattr(numbers, "rhs_spec", (0, 1))
    layouts = []
    for spec, letters in ((lhs_spec, "NC" + space), (rhs_spec, "OI" + space)):
        written = [""] * len(letters)
        for letter, axis in zip(letters, spec if len(spec) == len(letters) else range(len(letters)), strict=True):
            written[axis] = letter
        layouts.append("".join(written))
    return lhs_spec[1], rhs_spec[1], layouts[0], layouts[1]


def _contraction(called: Sequence[FrameType]) -> Contraction | None:
    """The operands of the innermost convolution or matrix product that was being called."""
    for frame in reversed(called):
        found = frame.f_locals
        kind = {"conv_general_dilated": "conv", "dot_general": "dot"}.get(frame.f_code.co_name)
        lhs, rhs = found.get("lhs"), found.get("rhs")
        if kind and isinstance(lhs, jax.Array) and isinstance(rhs, jax.Array):
            numbers, groups = found.get("dimension_numbers"), found.get("feature_group_count", 1)
            return Contraction(kind, tuple(lhs.shape), tuple(rhs.shape), numbers, int(groups))
    return None


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
