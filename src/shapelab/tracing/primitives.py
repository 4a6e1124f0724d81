"""What each primitive of a jaxpr does to the axes of its operands: a table from primitive name to reader.

A reader takes the equation, the values it reads and the names of axes, and answers with a ``Reading``. A primitive
that is not listed still becomes a stage: its outputs get new axes, nothing slides, and it costs one operation per
element.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from shapelab.geometry import Padding, Window
from shapelab.geometry.cost import convolution_macs, matmul_macs
from shapelab.tracing.axes import AxisNames, Dim, Shown, Value, as_padding, unpadded, view
from shapelab.tracing.records import Shape

SPATIAL_NAMES = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}
KERNEL_NAMES = {1: ("W",), 2: ("H", "W"), 3: ("D", "H", "W")}

Dims = tuple[Dim, ...]


@dataclass
class Reading:
    """What an equation did.

    Attributes:
      op: name of the operation for a reader.
      outs: the axes of each output.
      windows: for each axis of the output that something slides along, the window.
      slides_over: for each of these axes, its cells before any padding.
      macs: multiply-accumulates, dense count.
      flops: floating-point operations that are not part of a MAC.
      reduced: axes summed over.
      shown: set where the output only shows cells of an operand, moved along one axis.
    """

    op: str
    outs: tuple[Dims, ...]
    windows: dict[int, Window] = field(default_factory=dict)
    slides_over: dict[int, int] = field(default_factory=dict)
    macs: int = 0
    flops: int = 0
    reduced: frozenset[int] = frozenset()
    shown: Shown | None = None


Reader = Callable[[Any, Sequence[Value], AxisNames], Reading]
SlidingReader = Callable[[Any, Sequence[Value], AxisNames, dict[int, Padding]], Reading]


def read(eqn: Any, values: Sequence[Value], names: AxisNames, stage: int = -1) -> Reading:
    """Read one equation that has no jaxpr inside.

    Args:
      eqn: the equation.
      values: what it reads.
      names: the axes' names.
      stage: the stage it belongs to. A window that slides over what the same stage has padded slides, for a reader,
        over the unpadded input: its padding then holds both.
    """
    sliding = SLIDING.get(eqn.primitive.name)
    if sliding is not None:
        inner, paddings = unpadded(values[0], stage)
        return sliding(eqn, [inner, *values[1:]], names, paddings)
    return READERS.get(eqn.primitive.name, _unlisted)(eqn, values, names)


def _out_shape(eqn: Any, index: int = 0) -> Shape:
    return tuple(getattr(eqn.outvars[index].aval, "shape", ()))


def _is_float(eqn: Any) -> bool:
    return _is_float_type(eqn.outvars[0].aval)


def _is_float_type(aval: Any) -> bool:
    kind: str = getattr(getattr(aval, "dtype", None), "kind", "-")
    return kind in "fcV"  # V: bfloat16 and the 8-bit floats; random keys have no kind


def _name(eqn: Any) -> str:
    name: str = eqn.primitive.name
    return OP_NAMES.get(name, name)


def _unlisted(eqn: Any, values: Sequence[Value], names: AxisNames) -> Reading:
    """Nothing is known: an axis that keeps its size and place keeps its name, and sees nobody knows what."""
    outs = []
    for i in range(len(eqn.outvars)):
        shape = _out_shape(eqn, i)
        like = next((value for value in values if value.shape == shape and not value.constant), None)
        outs.append(tuple(dim.seeing(None) for dim in like.dims) if like else names.fresh(shape))
    return Reading(_name(eqn), tuple(outs), flops=prod(_out_shape(eqn)) if _is_float(eqn) else 0)


def _elementwise(eqn: Any, values: Sequence[Value], names: AxisNames) -> Reading:
    """Each axis from the operands that have it: those of size 1 are stretched along it and have it not."""
    shape = _out_shape(eqn)
    ranked = [value for value in values if len(value.shape) == len(shape)]
    out = []
    for axis, size in enumerate(shape):
        having = [value for value in ranked if value.shape[axis] == size]
        dim = names.merge([(value, axis) for value in having]) if having else names.fresh((size,))[0]
        one_for_all = (v.dims[axis] for v in ranked if v.shape[axis] != size and v.from_main)
        if any(stretched.sees is not None for stretched in one_for_all):
            dim = dim.seeing(None)  # one place of an image for all: no window tells that
        out.append(dim)
    return Reading(_name(eqn), (tuple(out),) * len(eqn.outvars), flops=prod(shape) if _is_float(eqn) else 0)


def _moved(eqn: Any, values: Sequence[Value], names: AxisNames) -> Reading:
    """Elementwise, but no arithmetic: conversions, copies, selections."""
    reading = _elementwise(eqn, values, names)
    reading.flops = 0
    return reading


def _passive(eqn: Any, values: Sequence[Value], names: AxisNames) -> Reading:
    """Nothing is known but that no arithmetic is done."""
    reading = _unlisted(eqn, values, names)
    reading.flops = 0
    return reading


def _stack(eqn: Any, values: Sequence[Value], names: AxisNames) -> Reading:
    rank = len(values[0].shape)
    dims = [names.merge([(value, axis) for value in values]) for axis in range(rank)]
    dims.insert(eqn.params["axis"] % (rank + 1), names.fresh((len(values),))[0])
    return Reading("stack", (tuple(dims),))


def _unstack(eqn: Any, values: Sequence[Value], names: AxisNames) -> Reading:
    along = eqn.params["axis"] % len(values[0].shape)
    kept = tuple(dim for axis, dim in enumerate(values[0].dims) if axis != along)
    return Reading("unstack", (kept,) * len(eqn.outvars))


def _split(eqn: Any, values: Sequence[Value], names: AxisNames) -> Reading:
    along, start, outs = eqn.params["axis"], 0, []
    for size in eqn.params["sizes"]:
        taken = Window(1, padding=Padding(-start, start + size - values[0].shape[along]))
        outs.append(_slid(values[0].dims, {along: taken}))
        start += size
    return Reading("split", tuple(outs))


def _gather(eqn: Any, values: Sequence[Value], names: AxisNames) -> Reading:
    """Source: ``lax.gather``: offset axes are slices of the operand, the others follow the indices.

    What is looked up in a table of parameters lies where its indices lie. Where an image is indexed, the axis keeps its
    name, and which cells are taken is the indices' secret.
    """
    operand, indices = values
    numbers, shape = eqn.params["dimension_numbers"], _out_shape(eqn)
    dims = list(names.fresh(shape))
    batching = getattr(numbers, "operand_batching_dims", ())
    kept = [axis for axis in range(len(operand.shape)) if axis not in (*numbers.collapsed_slice_dims, *batching)]
    for place, axis in zip(numbers.offset_dims, kept, strict=True):
        whole = shape[place] == operand.shape[axis]
        dims[place] = operand.dims[axis] if whole else operand.dims[axis].seeing(None)
    places = [place for place in range(len(shape)) if place not in numbers.offset_dims]
    looked_up = [axis for axis in numbers.collapsed_slice_dims if axis in numbers.start_index_map]
    for place, dim in zip(places, indices.dims[:-1], strict=True):
        if not indices.constant:
            dims[place] = dim
        elif len(places) == len(looked_up) == 1:
            dims[place] = operand.dims[looked_up[0]].seeing(None)
    return Reading("gather", (tuple(dims),))


def _window_of(eqn: Any, values: Sequence[Value], names: AxisNames) -> Reading:
    """Slices at places that only the run tells, and updates there: axes stay, whole ones see what they saw."""
    shape, like = _out_shape(eqn), values[0]
    dims = tuple(
        dim if size == like.shape[axis] and eqn.primitive.name == "dynamic_slice" else dim.seeing(None)
        for axis, (dim, size) in enumerate(zip(like.dims, shape, strict=True))
    )
    return Reading(_name(eqn), (dims,))


def _along(eqn: Any, values: Sequence[Value], names: AxisNames) -> Reading:
    """Sorting and running sums: each cell depends on others along one axis."""
    axis = eqn.params.get("axis", eqn.params.get("dimension", -1)) % max(len(values[0].shape), 1)
    outs = tuple(
        tuple(dim.seeing(None) if i == axis else dim for i, dim in enumerate(value.dims))
        for value, _ in zip(values, eqn.outvars, strict=False)
    )
    flops = prod(_out_shape(eqn)) if _is_float(eqn) and eqn.primitive.name.startswith("cum") else 0
    return Reading(_name(eqn), outs, flops=flops, reduced=frozenset({values[0].dims[axis].axis}))


def _broadcast(eqn: Any, values: Sequence[Value], names: AxisNames) -> Reading:
    shape, (value, *_) = _out_shape(eqn), values
    dims = [dim.put_in() for dim in names.fresh(shape)]
    for axis, target in enumerate(eqn.params["broadcast_dimensions"]):
        if value.shape[axis] == shape[target]:
            dims[target] = value.dims[axis]
    added = prod(shape) == prod(value.shape)
    return Reading("expand_dims" if added else "broadcast", (tuple(dims),))


def _squeeze(eqn: Any, values: Sequence[Value], names: AxisNames) -> Reading:
    gone = {axis % len(values[0].shape) for axis in eqn.params["dimensions"]}
    return Reading("squeeze", (tuple(dim for axis, dim in enumerate(values[0].dims) if axis not in gone),))


def _reshape(eqn: Any, values: Sequence[Value], names: AxisNames) -> Reading:
    """Axes that keep their size and their place among the others stay; split and merged ones are new.

    Matched from the last axis on: where sizes of 1 leave a choice, it is a batch axis in front that comes or goes. An
    axis split in two keeps its name in front, with cells as wide as the part behind (space to depth); with a part or a
    repetition merged behind it, it shows each cell so many times (depth to space, upsampling by repeat).
    """
    old, new = values[0].shape[::-1], _out_shape(eqn)[::-1]
    dims = list(names.fresh(new))
    i = j = 0
    while i < len(old) and j < len(new):
        if old[i] == new[j]:
            dims[j] = values[0].dims[len(old) - 1 - i]
            i, j = i + 1, j + 1
        elif old[i] == 1:
            i += 1
        elif new[j] == 1:
            dims[j] = dims[j].put_in()
            j += 1
        else:
            after = _next_boundary(old, new, i, j)
            before = [values[0].dims[len(old) - 1 - k] for k in range(i, after[0])][::-1]
            made = _regrouped(before, old[i : after[0]][::-1], new[j : after[1]][::-1], names)
            if made:
                dims[j : after[1]] = made[::-1]
            i, j = after
    dims[j:] = [dim.put_in() if size == 1 else dim for dim, size in zip(dims[j:], new[j:], strict=True)]
    return Reading("reshape", (tuple(reversed(dims)),))


def _regrouped(before: list[Dim], old: Shape, new: Shape, names: AxisNames) -> list[Dim]:
    """The axes of a run that a reshape regroups, first one first; empty where nothing is known of them."""
    if len(old) == 1 and len(new) >= 2:
        (whole,) = before
        if names.name(whole.axis) == "C":
            return [*(Dim(names.new(), part=True) for _ in new[:-1]), whole.seeing(None)]
        behind = prod(new[1:])
        sees = whole.sees.then(Window(behind, behind)) if whole.sees else None
        front = replace(whole, axis=names.new(names.name(whole.axis))).seeing(sees)
        return [front, *(Dim(names.new(), part=True) for _ in new[1:])]
    if len(new) == 1 and len(old) >= 2 and all(dim.inserted or dim.part for dim in before[1:]):
        repeated = before[0].sees.repeated(prod(old[1:])) if before[0].sees else None
        return [replace(before[0], axis=names.new(names.name(before[0].axis))).seeing(repeated)]
    return []


def _next_boundary(old: Shape, new: Shape, i: int, j: int) -> tuple[int, int]:
    """The first places after a run of split or merged axes where both shapes hold equally many elements."""
    left, right = old[i], new[j]
    i, j = i + 1, j + 1
    while left != right:
        if left < right and i < len(old):
            left, i = left * old[i], i + 1
        elif j < len(new):
            right, j = right * new[j], j + 1
        else:
            return len(old), len(new)
    return i, j


def _transpose(eqn: Any, values: Sequence[Value], names: AxisNames) -> Reading:
    return Reading("transpose", (tuple(values[0].dims[axis] for axis in eqn.params["permutation"]),))


def _reduce(eqn: Any, values: Sequence[Value], names: AxisNames) -> Reading:
    axes = set(eqn.params["axes"])
    kept = tuple(dim for axis, dim in enumerate(values[0].dims) if axis not in axes)
    summed = frozenset(dim.axis for axis, dim in enumerate(values[0].dims) if axis in axes)
    flops = prod(values[0].shape) if _is_float_type(eqn.invars[0].aval) else 0
    return Reading(_name(eqn), (kept,) * len(eqn.outvars), flops=flops, reduced=summed)


def _concatenate(eqn: Any, values: Sequence[Value], names: AxisNames) -> Reading:
    along, shape = eqn.params["dimension"], _out_shape(eqn)
    dims = [names.merge([(value, axis) for value in values]) for axis in range(len(shape))]
    dims[along] = dims[along].seeing(None)
    views = [view(value, along) for value in values]
    if any(v.of is not views[0].of for v in views) or views[0].of.constant:
        return Reading("concatenate", (tuple(dims),))
    shown = Shown(views[0].of, along, tuple(cell for v in views for cell in v.cells))
    padding = as_padding(shown)
    if padding is None:
        return Reading("concatenate", (tuple(dims),), shown=shown)
    window = Window(1, padding=padding)  # wrapped or mirrored cells stand where they are padded
    before = shown.of.dims[along]
    dims[along] = dims[along] if before.sees is None else replace(before, sees=before.sees.then(window))
    return Reading("concatenate", (tuple(dims),), shown=shown)


def _pad(eqn: Any, values: Sequence[Value], names: AxisNames) -> Reading:
    config = [(int(lo), int(hi), int(interior)) for lo, hi, interior in eqn.params["padding_config"]]
    windows = {
        axis: Window(1, base_dilation=interior + 1, padding=Padding(lo, hi))
        for axis, (lo, hi, interior) in enumerate(config)
        if lo or hi or interior
    }
    shown = None
    if len(windows) == 1:
        ((axis, window),) = windows.items()
        seen, size = view(values[0], axis), values[0].shape[axis]
        taps = (window.taps(i, size)[0] for i in range(window.output_size(size)))
        shown = Shown(seen.of, axis, tuple(None if tap is None else seen.cells[tap] for tap in taps))
    return Reading("pad", (_slid(values[0].dims, windows),), windows, _sizes(values[0], windows), shown=shown)


def _slice(eqn: Any, values: Sequence[Value], names: AxisNames) -> Reading:
    starts, limits = eqn.params["start_indices"], eqn.params["limit_indices"]
    strides = eqn.params["strides"] or (1,) * len(starts)
    windows, moved = {}, []
    for axis, (start, limit, stride, size) in enumerate(zip(starts, limits, strides, values[0].shape, strict=True)):
        if (start, limit, stride) != (0, size, 1):
            windows[axis] = Window(1, int(stride), padding=Padding(-int(start), int(limit) - size))
            seen = view(values[0], axis)
            moved.append(Shown(seen.of, axis, seen.cells[start:limit:stride]))
    dims = _slid(values[0].dims, windows)
    shown = moved[0] if len(moved) == 1 else None
    if not moved and starts:
        shown = Shown(values[0], 0, tuple(range(values[0].shape[0])))
    return Reading("slice", (dims,), windows, _sizes(values[0], windows), shown=shown)


def _rev(eqn: Any, values: Sequence[Value], names: AxisNames) -> Reading:
    turned = set(eqn.params["dimensions"])
    dims = tuple(dim.seeing(None) if axis in turned else dim for axis, dim in enumerate(values[0].dims))
    shown = None
    if len(turned) == 1:
        seen = view(values[0], next(iter(turned)))
        shown = Shown(seen.of, seen.axis, seen.cells[::-1])
    return Reading("rev", (dims,), shown=shown)


def _slid(dims: Dims, windows: dict[int, Window]) -> Dims:
    return tuple(
        dim.seeing(dim.sees.then(windows[axis])) if axis in windows and dim.sees else dim
        for axis, dim in enumerate(dims)
    )


def _sizes(value: Value, windows: dict[int, Window]) -> dict[int, int]:
    return {axis: value.shape[axis] for axis in windows}


def _joined(before: Padding | None, lo: int, hi: int) -> Padding:
    """The padding that a stage made beforehand and that of the window itself, as one."""
    if before is None:
        return Padding(int(lo), int(hi))
    return Padding(before.lo + int(lo), before.hi + int(hi), before.fill)


def _reduce_window(eqn: Any, values: Sequence[Value], names: AxisNames, paddings: dict[int, Padding]) -> Reading:
    """Source: ``lax.reduce_window``'s window_dimensions, window_strides, padding, base_dilation, window_dilation."""
    p = eqn.params
    columns = zip(
        p["window_dimensions"],
        p["window_strides"],
        p["padding"],
        p["base_dilation"],
        p["window_dilation"],
        strict=True,
    )
    windows = {
        axis: Window(size, stride, dilation, base, _joined(paddings.get(axis), *pad))
        for axis, (size, stride, pad, base, dilation) in enumerate(columns)
    }
    dims = _slid(values[0].dims, windows)
    flops = prod(_out_shape(eqn)) * prod(p["window_dimensions"])
    return Reading(_name(eqn), (dims,), windows, _sizes(values[0], windows), flops=flops)


def _convolution(eqn: Any, values: Sequence[Value], names: AxisNames, paddings: dict[int, Padding]) -> Reading:
    """Source: ``lax.conv_general_dilated``; its specs list batch, feature and then the spatial axes."""
    p, (lhs, rhs, *_) = eqn.params, values
    numbers = p["dimension_numbers"]
    spatial = len(numbers.lhs_spec) - 2
    shape = _out_shape(eqn)
    _name_axes(lhs, numbers.lhs_spec, ("N", "C", *SPATIAL_NAMES.get(spatial, ())), names)
    _name_axes(rhs, numbers.rhs_spec, ("O", "I", *KERNEL_NAMES.get(spatial, ())), names)
    batch, channels, *places = numbers.out_spec
    dims = list(names.fresh(shape))
    dims[batch] = lhs.dims[numbers.lhs_spec[0]]
    names.call(dims[channels].axis, "C")
    windows = {}
    for k, place in enumerate(places):
        window = Window(
            size=rhs.shape[numbers.rhs_spec[2 + k]],
            stride=p["window_strides"][k],
            dilation=p["rhs_dilation"][k],
            base_dilation=p["lhs_dilation"][k],
            padding=_joined(paddings.get(numbers.lhs_spec[2 + k]), *p["padding"][k]),
        )
        before = lhs.dims[numbers.lhs_spec[2 + k]]
        dims[place] = before.seeing(before.sees.then(window) if before.sees else None)
        windows[place] = window
    sizes = [lhs.shape[axis] for axis in numbers.lhs_spec[2:]]
    pairs = rhs.shape[numbers.rhs_spec[1]] * shape[channels]
    macs = convolution_macs(list(windows.values()), sizes, pairs, batch=shape[batch])
    op = "conv_transpose" if max(p["lhs_dilation"], default=1) > 1 else "conv"
    return Reading(op, (tuple(dims),), windows, dict(zip(places, sizes, strict=True)), macs=macs)


def _name_axes(value: Value, spec: Sequence[int], called: Sequence[str], names: AxisNames) -> None:
    for axis, name in zip(spec, called, strict=False):
        names.call(value.dims[axis].axis, name)


def _dot(eqn: Any, values: Sequence[Value], names: AxisNames) -> Reading:
    """Source: ``lax.dot_general``: batch axes first, then the free axes of the left and of the right operand."""
    (left_summed, right_summed), (left_batch, right_batch) = eqn.params["dimension_numbers"]
    left, right = values[0], values[1]
    batch = [names.merge([(left, i), (right, j)]) for i, j in zip(left_batch, right_batch, strict=True)]
    free_left = [d for i, d in enumerate(left.dims) if i not in (*left_summed, *left_batch)]
    free_right = [d for j, d in enumerate(right.dims) if j not in (*right_summed, *right_batch)]
    summed = frozenset(
        value.dims[axis].axis
        for value, axes in ((left, left_summed), (right, right_summed))
        for axis in axes
        if not value.constant
    )
    if [names.name(left.dims[i].axis) for i in left_summed] == ["C"] and right.constant and len(free_right) == 1:
        names.call(free_right[0].axis, "C")  # a Linear takes channels to channels
    contracted = prod(left.shape[axis] for axis in left_summed)
    macs = matmul_macs(_out_shape(eqn), contracted)
    return Reading(_name(eqn), ((*batch, *free_left, *free_right),), macs=macs, reduced=summed)


OP_NAMES = {
    "reduce_window_max": "max_pool",
    "reduce_window_min": "min_pool",
    "reduce_window_sum": "sum_pool",
    "reduce_max": "max",
    "reduce_min": "min",
    "reduce_sum": "sum",
    "reduce_prod": "prod",
    "select_n": "where",
    "add_any": "add",
    "integer_pow": "power",
    "dot_general": "matmul",
    "logistic": "sigmoid",
    "scatter-add": "scatter_add",
}

_ARITHMETIC = (
    "abs add add_any and atan2 cbrt ceil clamp cos cosh div erf erf_inv erfc exp exp2 expm1 floor "
    "integer_pow is_finite lgamma log log1p logistic max min mul neg nextafter pow rem round rsqrt sign sin sinh sqrt "
    "square sub tan tanh"
)
_MOVES = (
    "convert_element_type copy copy_p eq ge gt le lt ne not or xor optimization_barrier reduce_precision select_n "
    "shift_left shift_right_arithmetic shift_right_logical stop_gradient sharding_constraint bitcast_convert_type "
    "pvary real imag conj"
)
_REDUCTIONS = "argmax argmin reduce_and reduce_max reduce_min reduce_or reduce_prod reduce_sum"
_REDUCE_WINDOWS = "reduce_window_max reduce_window_min reduce_window_sum reduce_window"

READERS: dict[str, Reader] = {
    **dict.fromkeys(_ARITHMETIC.split(), _elementwise),
    **dict.fromkeys(_MOVES.split(), _moved),
    **dict.fromkeys(_REDUCTIONS.split(), _reduce),
    "broadcast_in_dim": _broadcast,
    **dict.fromkeys(["argsort", "cumlogsumexp", "cummax", "cummin", "cumprod", "cumsum", "sort"], _along),
    **dict.fromkeys(["dynamic_slice", "dynamic_update_slice", "scatter", "scatter-add"], _window_of),
    **dict.fromkeys(["iota", "random_bits", "random_wrap", "random_unwrap", "tile"], _passive),
    "concatenate": _concatenate,
    "dot_general": _dot,
    "gather": _gather,
    "pad": _pad,
    "reshape": _reshape,
    "rev": _rev,
    "slice": _slice,
    "split": _split,
    "squeeze": _squeeze,
    "stack": _stack,
    "transpose": _transpose,
    "unstack": _unstack,
}
SLIDING: dict[str, SlidingReader] = {
    **dict.fromkeys(_REDUCE_WINDOWS.split(), _reduce_window),
    "conv_general_dilated": _convolution,
}
