"""Shapes and values of traced layers, against PyTorch doing what their windows say.

PyTorch gets the windows that the trace tells, and nothing else. Padding is done by ``F.pad``, whose amounts count cells
before and after as ours do; the convolution or pooling that follows has none of its own.

A transposed convolution of JAX slides its kernel unflipped over the spread input, unless ``transpose_kernel`` is set.
PyTorch's is the gradient of a convolution, which flips it: there the kernel is turned on every axis of space.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from oracles.support import LETTERS, Complaints, at_once, draw, layer, numbers_for, strata, told_windows, traced_call
from shapelab import Window
from shapelab.geometry import Fill
from shapelab.tracing.tracer import program

AT_ONCE = 60  # layers in one compiled program
CLOSE = {"rtol": 1e-4, "atol": 1e-4}
FAMILIES = {
    "nnx.Conv": 200,
    "lax.conv_general_dilated": 120,
    "nnx.ConvTranspose": 48,
    "lax.conv_transpose": 60,
    "nnx.avg_pool": 24,
    "nnx.max_pool": 24,
    "nnx.min_pool": 24,
    "lax.reduce_window max": 44,
}
"""For each way to say a layer, how many are drawn: one of each stratum, but poolings of a spread input."""

CHUNKS = [
    pytest.param(family, start, id=f"{family}-{start}")
    for family, count in FAMILIES.items()
    for start in range(0, count, AT_ONCE)
]


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch", reason="no PyTorch here: python tools/torch_cpu.py PYTHON installs it")


def drawn(family):
    """One layer of each stratum that PyTorch has; of what is folded onto itself no window need be told."""
    cases = [
        replace(draw(stratum, 0), batch=(2,))
        for stratum in strata(family)
        if (family, stratum.mode) != ("nnx.ConvTranspose", "CIRCULAR")
    ]
    return [case for case in cases if max(case.base) == 1 or not case.is_pooling]


class Torch:
    """One layer as PyTorch computes it from the windows told; arrays are (N, C, *space)."""

    def __init__(self, torch, case, windows):
        self.torch, self.case = torch, case
        self.windows = [windows.get(letter, Window(1)) for letter in LETTERS[case.dims]]

    def each(self, name):
        return [getattr(window, name) for window in self.windows]

    def function(self, name):
        return getattr(self.torch.nn.functional, f"{name}{self.case.dims}d")

    def pad(self, x, amounts, fill=Fill.CONSTANT, value=0.0):
        """Pad every axis of space; PyTorch lists the last axis first."""
        flat = [cells for pair in reversed(amounts) for cells in pair]
        more = {"value": value} if fill is Fill.CONSTANT else {}
        return self.torch.nn.functional.pad(x, flat, mode=fill.value, **more)

    def padded(self, x, value=0.0):
        for fill in Fill:
            pairs = [(p.lo, p.hi) if p.fill is fill else (0, 0) for p in self.each("padding")]
            if any(map(any, pairs)):
                x = self.pad(x, pairs, fill, value)
        return x

    def spread(self, x):
        """Zeros between the cells, from a transposed convolution whose kernel is a single one."""
        ones = self.torch.ones((x.shape[1], 1, *[1] * self.case.dims))
        return self.function("conv_transpose")(x, ones, stride=self.each("base_dilation"), groups=x.shape[1])

    def conv(self, x, kernel):
        inner = range(self.case.dims)
        laid_out = kernel.permute(-1, -2, *inner)  # (*space, I, O) -> (O, I, *space)
        return self.function("conv")(
            self.padded(self.spread(x)),
            laid_out,
            stride=self.each("stride"),
            dilation=self.each("dilation"),
            groups=self.case.groups,
        )

    def conv_transpose(self, x, kernel):
        """PyTorch's padding takes cells from the full answer, in which each input cell meets every tap.

        The full answer is the one of ``span - 1`` cells of padding on both sides, so ours has so many fewer: as
        ``padding`` and ``output_padding`` where PyTorch can say them, otherwise cut off or added afterwards.
        """
        assert self.each("stride") == [1] * self.case.dims
        inner = range(self.case.dims)
        laid_out = kernel.flip(*inner).permute(-2, -1, *inner)  # (*space, I, O) -> (I, O, *space), turned round
        spread, dilation = self.each("base_dilation"), self.each("dilation")
        fewer = [(w.span - 1 - w.padding.lo, w.span - 1 - w.padding.hi) for w in self.windows]
        more_behind = [lo - hi for lo, hi in fewer]
        given = {"stride": spread, "dilation": dilation}
        if min(lo for lo, _ in fewer) >= 0 and all(
            0 <= more < max(s, d) for more, s, d in zip(more_behind, spread, dilation, strict=True)
        ):
            given |= {"padding": [lo for lo, _ in fewer], "output_padding": more_behind}
            return self.function("conv_transpose")(x, laid_out, **given)
        full = self.function("conv_transpose")(x, laid_out, **given)
        return self.pad(full, [(-lo, -hi) for lo, hi in fewer])

    def max_pool(self, x):
        return self.function("max_pool")(
            self.padded(x, value=-np.inf), self.each("size"), stride=self.each("stride"), dilation=self.each("dilation")
        )

    def avg_pool(self, x):
        def averages(of):
            return self.function("avg_pool")(self.padded(of), self.each("size"), stride=self.each("stride"))

        if self.case.count_padding:
            return averages(x)
        pairs = [(p.lo, p.hi) for p in self.each("padding")]
        if all(lo == hi <= size // 2 for (lo, hi), size in zip(pairs, self.each("size"), strict=True)):
            return self.function("avg_pool")(
                x,
                self.each("size"),
                stride=self.each("stride"),
                padding=[lo for lo, _ in pairs],
                count_include_pad=False,
            )
        return averages(x) / averages(self.torch.ones_like(x))


def takes(case, windows):
    """Whether PyTorch pads so far: round at most once, and mirrored by less than the axis holds."""
    for letter, size in zip(LETTERS[case.dims], case.sizes, strict=True):
        padding = windows.get(letter, Window(1)).padding
        most = {Fill.CONSTANT: None, Fill.CIRCULAR: size, Fill.REFLECT: size - 1}[padding.fill]
        if most is not None and max(padding.lo, padding.hi) > most:
            return False
    return True


def as_torch_says(torch, case, windows, x, kernel, bias):
    first = f"NC{LETTERS[case.dims]}"
    theirs = Torch(torch, case, windows)
    given = torch.from_numpy(np.einsum(f"{case.numbers[0]}->{first}", x).copy())
    match case.family.split(".")[-1].split():
        case ["Conv"] | ["conv_general_dilated"]:
            y = theirs.conv(given, torch.from_numpy(kernel))
        case ["ConvTranspose"] | ["conv_transpose"]:
            y = theirs.conv_transpose(given, torch.from_numpy(kernel))
        case ["avg_pool"]:
            y = theirs.avg_pool(given)
        case ["max_pool"] | ["reduce_window", "max"]:
            y = theirs.max_pool(given)
        case ["min_pool"]:
            y = -theirs.max_pool(-given)
    y = np.einsum(f"{first}->{case.numbers[2]}", y.numpy())
    return y + bias if case.has_bias else y


@pytest.mark.parametrize(("family", "start"), CHUNKS)
def test_windows_make_pytorch_compute_the_same(torch, family, start):
    cases = drawn(family)
    assert len(cases) == FAMILIES[family]
    cases = cases[start : start + AT_ONCE]
    numbers = numbers_for(cases, seed=start)
    programs = [program(layer(case, kernel, bias), x) for case, (x, kernel, bias) in zip(cases, numbers, strict=True)]
    answers = at_once([traced_call(made) for made in programs], [x for x, _, _ in numbers])
    complaints, compared = Complaints(), 0
    for case, made, given, ours in zip(cases, programs, numbers, answers, strict=True):
        with complaints.about(case):
            windows = told_windows(case, made.trace)
            if takes(case, windows):
                theirs = as_torch_says(torch, case, windows, *given)
                assert theirs.shape == ours.shape
                np.testing.assert_allclose(theirs, ours, **CLOSE)
                compared += 1
    complaints.none_of(len(cases))
    assert compared >= len(cases) // 2
