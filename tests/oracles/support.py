"""Convolutions and poolings drawn by chance, and what their gradient says: which input cells each output cell reads.

A kernel's taps weigh powers of two, axis by axis, so that an entry of the Jacobian tells not only whether an input
cell is read but by which taps: sums of different powers of two tell their terms, and float32 holds them all exactly.
"""

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from flax import nnx
from jax import lax

Ints = tuple[int, ...]
Array = npt.NDArray[Any]
Call = Callable[[Any], Any]

LETTERS = {1: "L", 2: "HW", 3: "DHW"}
QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
MOST_ENTRIES = 60_000  # of one Jacobian

FAMILIES = {
    "nnx.Conv": ("SAME", "SAME_LOWER", "VALID", "CIRCULAR", "REFLECT", "CAUSAL", "int", "pairs", "cropped"),
    "lax.conv_general_dilated": ("SAME", "SAME_LOWER", "VALID", "pairs", "cropped"),
    "nnx.ConvTranspose": ("SAME", "VALID", "CIRCULAR", "int", "pairs"),
    "lax.conv_transpose": ("SAME", "VALID", "pairs", "cropped", "consistent"),
    "nnx.avg_pool": ("SAME", "SAME_LOWER", "VALID", "pairs"),
    "nnx.max_pool": ("SAME", "SAME_LOWER", "VALID", "pairs"),
    "nnx.min_pool": ("SAME", "SAME_LOWER", "VALID", "pairs"),
    "lax.reduce_window add": ("SAME", "SAME_LOWER", "VALID", "pairs", "cropped"),
    "lax.reduce_window max": ("SAME", "SAME_LOWER", "VALID", "pairs", "cropped"),
    "lax.reduce_window min": ("SAME", "SAME_LOWER", "VALID", "pairs", "cropped"),
}
"""For each way to say a layer, the paddings it takes."""

GROUPED = ("nnx.Conv", "lax.conv_general_dilated")
TRANSPOSED = ("nnx.ConvTranspose", "lax.conv_transpose")
UNDILATED = ("nnx.avg_pool", "nnx.max_pool", "nnx.min_pool")
LARGEST = {"nnx.max_pool": 1, "nnx.min_pool": -1, "lax.reduce_window max": 1, "lax.reduce_window min": -1}
"""Poolings that keep one cell of each window: the largest, or (-1) the smallest."""


@dataclass(frozen=True)
class Stratum:
    """What a drawn layer must have; what it leaves open is drawn."""

    family: str
    mode: str
    dims: int
    strided: bool
    dilated: bool
    grouped: bool


@dataclass(frozen=True)
class Case:
    """One drawn layer and the input it gets.

    ``stride`` is what the layer's author writes: of a transposed convolution it spreads the input. ``numbers`` are the
    layouts of input, kernel and output. ``batch`` holds the batch axes that the traced input has.
    """

    stratum: Stratum
    batch: Ints
    sizes: Ints
    kernel: Ints
    stride: Ints
    dilation: Ints
    padding: Any
    channels: int
    features: int
    groups: int
    base: Ints
    numbers: tuple[str, str, str]
    flipped: bool
    count_padding: bool

    @property
    def family(self) -> str:
        return self.stratum.family

    @property
    def dims(self) -> int:
        return len(self.sizes)

    @property
    def is_pooling(self) -> bool:
        return "pool" in self.family or "reduce_window" in self.family

    def shape(self, *batch: int) -> Ints:
        """The input's shape with these batch axes, which take the place of N."""
        sizes = {"C": (self.channels,), "N": batch}
        sizes |= {letter: (size,) for letter, size in zip(LETTERS[self.dims], self.sizes, strict=True)}
        return tuple(size for letter in self.numbers[0] for size in sizes[letter])

    @property
    def has_bias(self) -> bool:
        return self.family in ("nnx.Conv", "nnx.ConvTranspose")

    @property
    def kernel_shape(self) -> Ints:
        """(*taps, input channels of a group, output channels)."""
        return (*self.kernel, self.channels // self.groups, self.features)

    def axis(self, letter: str) -> int:
        """Which of ``sizes``, ``kernel``, … belongs to an axis of space."""
        return LETTERS[self.dims].index(letter)

    def places(self, which: int) -> dict[str, int]:
        """Where the input (0) or output (2) has its axes of space, with the traced batch axes in place of N."""
        letters = self.numbers[which]
        return {letter: letters.index(letter) - 1 + len(self.batch) for letter in LETTERS[self.dims]}

    def weights(self, per_axis: Callable[[int], Array]) -> Array:
        """A kernel of ``kernel_shape``, in which each tap weighs the product of one number per axis."""
        taps = np.ones((1,) * self.dims, np.float32)
        for axis, size in enumerate(self.kernel):
            taps = taps * per_axis(size).reshape([-1 if other == axis else 1 for other in range(self.dims)])
        return np.broadcast_to(taps[..., None, None], self.kernel_shape).astype(np.float32)


def powers_of_two(size: int) -> Array:
    """1, 2, 4, … for the taps of one axis."""
    return (2.0 ** np.arange(size)).astype(np.float32)


# -- drawing ----------------------------------------------------------------------------------------------------------


def strata(*families: str) -> list[Stratum]:
    """Every family × padding × dimension × stride 1 or more × dilation 1 or more × groups 1 or more that there is."""
    found = []
    for family in families or FAMILIES:
        flags = itertools.product(
            FAMILIES[family],
            LETTERS,
            (False, True),
            (False,) if family in UNDILATED else (False, True),
            (False, True) if family in GROUPED else (False,),
        )
        found += [Stratum(family, mode, *rest) for mode, *rest in flags if mode != "CAUSAL" or rest[0] == 1]
    return found


@cache
def draw(stratum: Stratum, number: int) -> Case:
    """The case of this number; the same one every time."""
    rng = random.Random(f"{stratum} {number}")
    while True:
        case = _draw(stratum, rng)
        if 0 < prod(made(case)) * prod(case.shape()) <= MOST_ENTRIES and not _wrongly_compiled(case):
            return case


def _wrongly_compiled(case: Case) -> bool:
    """Whether XLA compiles the oracle wrongly: it forgets the dilation of a window over a single padded cell.

    ``jit(lambda x: reduce_window(pad(x, 0.0, [(3, 3, 0)]), 0.0, add, (4,), (1,), "VALID", window_dilation=(2,)))`` of
    one cell gives that cell, where without jit it gives 0. The derivative of a sum onto one cell is just that.
    """
    return case.family == "lax.reduce_window add" and max(case.dilation) > 1 and 1 in made(case)[:-1]


def _draw(stratum: Stratum, rng: random.Random) -> Case:
    family, mode, dims = stratum.family, stratum.mode, stratum.dims
    longest = {1: 5, 2: 4, 3: 3}[dims]
    crops = family.startswith("lax.reduce_window") and mode == "cropped"
    kernel = _some(rng, dims, 2 if crops else 1, longest)  # XLA aborts on a window of one cell that crops
    stride = _some(rng, dims, 1, longest, at_least_one=2) if stratum.strided else (1,) * dims
    dilation = (1,) * dims
    if stratum.dilated:
        at = rng.randrange(dims)  # a dilation counts only between two taps
        kernel = tuple(max(size, 2) if axis == at else size for axis, size in enumerate(kernel))
        dilation = tuple(rng.randint(2, 3) if axis == at else rng.randint(1, 2) for axis in range(dims))
    spans = [(size - 1) * apart + 1 for size, apart in zip(kernel, dilation, strict=True)]
    padding, amounts = _padding(mode, spans, rng)
    # So that a window fits, most sizes start where it does; the paddings that adapt themselves may be smaller.
    fits = mode in ("SAME", "SAME_LOWER", "CIRCULAR", "REFLECT", "CAUSAL") or family in TRANSPOSED
    least = [1 if fits else max(span - sum(pair), 1) for span, pair in zip(spans, amounts, strict=True)]
    if mode in ("cropped", "consistent"):
        least = [max(low, 4) for low in least]  # something must be left
    extra = {1: 9, 2: 5, 3: 2}[dims] // (2 if family in TRANSPOSED else 1)
    sizes = tuple(rng.randint(low, low + extra) for low in least)
    groups = rng.randint(2, 3) if stratum.grouped else 1
    channels = groups * rng.randint(1, 2)
    letters = LETTERS[dims]
    last = f"N{letters}C", f"{letters}IO", f"N{letters}C"
    layouts = [last]
    if family == "lax.conv_general_dilated":
        turned = letters[::-1]
        layouts += [(f"NC{letters}", f"OI{letters}", f"NC{letters}"), (f"N{turned}C", f"IO{letters}", f"N{letters}C")]
    # Of the paddings only numbers go with a spread input.
    spread = mode in ("int", "pairs", "cropped") and family not in (*TRANSPOSED, *UNDILATED)
    return Case(
        stratum=stratum,
        batch=rng.choice(_batches(family)),
        sizes=sizes,
        kernel=kernel,
        stride=stride,
        dilation=dilation,
        padding=padding,
        channels=channels,
        features=groups * rng.randint(1, 2),
        groups=groups,
        base=_some(rng, dims, 1, 2) if spread else (1,) * dims,
        numbers=rng.choice(layouts),
        flipped=family in TRANSPOSED and rng.random() < 0.4,
        count_padding=rng.random() < 0.6,
    )


def _batches(family: str) -> list[Ints]:
    """The batch axes that a layer takes: flax's convolutions any, its poolings with padding pairs not two."""
    if family.startswith("nnx.Conv"):
        return [(), (1,), (2,), (2, 3)]
    return [(), (2,)] if family.startswith("nnx") else [(2,)]


def _some(rng: random.Random, count: int, low: int, high: int, at_least_one: int | None = None) -> Ints:
    drawn = [rng.randint(low, high) for _ in range(count)]
    if at_least_one is not None:
        at = rng.randrange(count)
        drawn[at] = rng.randint(at_least_one, high)
    return tuple(drawn)


def _padding(mode: str, spans: Sequence[int], rng: random.Random) -> tuple[Any, list[tuple[int, int]]]:
    """What the layer's author writes, and how many cells that surely adds to each axis (negative: takes away)."""
    match mode:
        case "int":
            each = [rng.randint(0, 3) for _ in spans]
            if rng.random() < 0.5:
                return each[0], [(each[0],) * 2 for _ in spans]
            return tuple(rng.choice([n, (n, n)]) for n in each), [(n, n) for n in each]
        case "pairs" | "cropped":
            pairs = [(rng.randint(0, 3), rng.randint(0, 3)) for _ in spans]
            if mode == "cropped":
                pairs[rng.randrange(len(pairs))] = rng.choice([(-1, 0), (0, -2), (-2, -1), (-1, 2)])
            return tuple(pairs), pairs
        case "consistent":  # the padding of the convolution that this one undoes: more of it, fewer cells here
            pairs = [(rng.randint(0, span), rng.randint(0, span)) for span in spans]
            return tuple(pairs), [(span - 1 - lo, span - 1 - hi) for span, (lo, hi) in zip(spans, pairs, strict=True)]
    return mode, [(0, 0) for _ in spans]


# -- the layers -------------------------------------------------------------------------------------------------------


def layer(case: Case, kernel: Array | None = None, bias: Array | None = None) -> Call:
    """The real thing: a flax module or a function of lax, with this kernel (*taps, I, O); ones by default.

    Functions of lax add no bias, and poolings have neither.
    Of a transposed convolution that flips its kernel the one given is what it is after flipping.
    """
    if case.is_pooling:
        return _pooling(case)
    kernel = case.weights(np.ones) if kernel is None else kernel
    if case.flipped:
        kernel = np.flip(kernel, range(case.dims)).swapaxes(-1, -2)
    if case.family.startswith("nnx"):
        return _module(case, kernel, bias)
    return _function(case, kernel)


def _module(case: Case, kernel: Array, bias: Array | None) -> nnx.Module:
    taken: dict[str, Any] = {
        "in_features": case.channels,
        "out_features": case.features,
        "kernel_size": case.kernel,
        "strides": _one_or_all(case.stride),
        "padding": case.padding,
        "kernel_dilation": _one_or_all(case.dilation),
        "use_bias": bias is not None,
        "kernel_init": lambda key, shape, dtype: _as_declared(kernel, shape),
        "bias_init": lambda key, shape, dtype: _as_declared(bias, shape),
        "rngs": _rngs(),
    }
    if case.family == "nnx.ConvTranspose":
        return nnx.ConvTranspose(**taken, transpose_kernel=case.flipped)
    return nnx.Conv(**taken, feature_group_count=case.groups, input_dilation=_one_or_all(case.base))


def _function(case: Case, kernel: Array) -> Call:
    where = {letter: axis for axis, letter in enumerate(f"{LETTERS[case.dims]}IO")}
    laid_out = kernel.transpose([where[letter] for letter in case.numbers[1]])
    if case.family == "lax.conv_transpose":
        return lambda x: lax.conv_transpose(
            x,
            laid_out,
            case.stride,
            case.padding,
            rhs_dilation=case.dilation,
            dimension_numbers=case.numbers,
            transpose_kernel=case.flipped,
            use_consistent_padding=case.stratum.mode == "consistent",
        )
    return lambda x: lax.conv_general_dilated(
        x,
        laid_out,
        case.stride,
        case.padding,
        lhs_dilation=case.base,
        rhs_dilation=case.dilation,
        dimension_numbers=case.numbers,
        feature_group_count=case.groups,
    )


def _pooling(case: Case) -> Call:
    padding = case.padding
    match case.family:
        case "nnx.avg_pool":
            return lambda x: nnx.avg_pool(x, case.kernel, case.stride, padding, count_include_pad=case.count_padding)
        case "nnx.max_pool":
            return lambda x: nnx.max_pool(x, case.kernel, case.stride, padding)
        case "nnx.min_pool":
            return lambda x: nnx.min_pool(x, case.kernel, case.stride, padding)
    start, keep = {"add": (0.0, lax.add), "max": (-jnp.inf, lax.max), "min": (jnp.inf, lax.min)}[case.family[-3:]]

    def every(inner: Ints) -> Ints:
        return (1, *inner, 1)

    if not isinstance(padding, str):
        padding = ((0, 0), *padding, (0, 0))
    return lambda x: lax.reduce_window(
        x,
        start,
        keep,
        every(case.kernel),
        every(case.stride),
        padding,
        base_dilation=every(case.base),
        window_dilation=every(case.dilation),
    )


def _one_or_all(values: Ints) -> int | Ints:
    """The one number that flax takes for all axes, where it is one."""
    return values[0] if len(set(values)) == 1 else values


def _as_declared(values: Array | None, shape: Sequence[int]) -> jax.Array:
    assert values is not None
    assert values.shape == tuple(shape)  # the layer would silently take any other
    return jax.device_put(values)  # unlike jnp.asarray it compiles nothing


@cache
def _rngs() -> nnx.Rngs:
    return nnx.Rngs(0)  # asked for keys that nothing uses


def numbers_for(cases: Sequence[Case], seed: int) -> list[tuple[Array, Array, Array]]:
    """For each case a batch of two inputs, a kernel and a bias, all different."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> Array:
        return rng.normal(size=shape).astype(np.float32)

    return [(normal(*case.shape(2)), normal(*case.kernel_shape), normal(case.features)) for case in cases]


def traced_call(program: Any) -> Call:
    """A traced program as a function of its one array: the very jaxpr that was read."""
    jaxpr = program.jaxpr
    return lambda x: jax.core.eval_jaxpr(jaxpr.jaxpr, jaxpr.consts, *program.state, x)[0]


# -- what a trace says of a layer -------------------------------------------------------------------------------------


def told_windows(case: Case, traced: Any) -> dict[str, Any] | None:
    """The windows of the one stage of a layer's trace, by the letters of the axes; None where the trace tells none."""
    assert traced.error is None
    (stage,) = traced.stages
    assert stage.out_shape == (*case.batch, *made(case))
    if stage.windows is None:
        return {} if case.is_pooling else None  # nothing slides in a pooling of single cells
    found = _places_of_space(stage.layout)
    assert len(stage.windows) == len(found)
    if case.is_pooling:
        # Only what slides tells that an axis is one of space: where nothing does, each cell reads itself.
        letters = {axis: letter for letter, axis in case.places(2).items()}
        return {letters[axis]: window for axis, window in zip(sorted(found.values()), stage.windows, strict=True)}
    assert found == case.places(2)
    assert _places_of_space(traced.inputs[0].layout) == case.places(0)
    return dict(zip(sorted(found, key=found.__getitem__), stage.windows, strict=True))


def _places_of_space(layout: Sequence[str]) -> dict[str, int]:
    return {name: axis for axis, name in enumerate(layout) if name in "LDHW" and name}


# -- the oracle -------------------------------------------------------------------------------------------------------


@cache
def made(case: Case) -> Ints:
    """The shape of what the layer makes, without N, as JAX says it."""
    call, given = layer(case), jax.ShapeDtypeStruct(case.shape(1), jnp.float32)
    shape = jax.eval_shape(lambda x: call(x), given).shape
    return tuple(size for size, letter in zip(shape, case.numbers[2], strict=True) if letter != "N")


def at_once(programs: Sequence[Callable[[Any], Any]], arguments: Sequence[Any]) -> list[Array]:
    """Run many small programs as one: compiling is dear for each program, and hardly for each convolution in it."""

    def run(every: Sequence[Any]) -> list[Any]:
        return [program(argument) for program, argument in zip(programs, every, strict=True)]

    return [np.asarray(array) for array in jax.jit(run, compiler_options=QUICK)(list(arguments))]


def jacobians(cases: Sequence[Case], calls: Sequence[Call]) -> list[Array]:
    """For each call, the derivative of every output element by every input element, as JAX differentiates it.

    The elements of a batch do not meet, so one backward pass over a batch of one-hot cotangents, one for each output
    element, holds the whole Jacobian. Its axes are those of the output without N, then those of the input without N.
    """
    one_hot = [np.eye(prod(made(case)), dtype=np.float32).reshape(-1, *made(case)) for case in cases]
    programs = [_backward(call, case.shape(len(rows))) for case, call, rows in zip(cases, calls, one_hot, strict=True)]
    found = at_once(programs, one_hot)
    return [rows.reshape(*made(case), *case.shape()) for case, rows in zip(cases, found, strict=True)]


def influences(cases: Sequence[Case], calls: Sequence[Call]) -> list[Array]:
    """For each call that keeps one cell of a window: which input elements can change which output.

    The derivative of a maximum shows that one cell alone. So each input element in turn is raised above all others,
    which are equal; exactly the outputs that read it then change. Axes as those of ``jacobians``.
    """
    inputs = []
    for case in cases:
        inside = case.shape()
        one_hot = LARGEST[case.family] * np.eye(prod(inside), dtype=np.float32).reshape(-1, *inside)
        inputs.append(np.concatenate([np.zeros((1, *inside), np.float32), one_hot]))
    shaped = []
    for case, array in zip(cases, at_once(calls, inputs), strict=True):
        changed = array[1:] != array[:1]
        shaped.append(np.moveaxis(changed, 0, -1).reshape(*changed.shape[1:], *case.shape()))
    return shaped


def _backward(call: Call, shape: Ints) -> Callable[[Any], Any]:
    return lambda cotangents: jax.vjp(call, jnp.zeros(shape, jnp.float32))[1](cotangents)[0]


class Complaints(list[str]):
    """What went wrong with which case: one test looks at many, and all that fail are told together."""

    @contextmanager
    def about(self, case: Case) -> Iterator[None]:
        """Note what the body raises, be it an assertion or a refusal of wrong numbers."""
        try:
            yield
        except Exception as error:
            self.append(f"{case}\n{error!r}")

    def none_of(self, count: int) -> None:
        """Fail if there are any."""
        assert not self, f"{len(self)} of {count}:\n\n" + "\n\n".join(self)
