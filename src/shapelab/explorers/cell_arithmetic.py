"""One output number taken apart, as HTML: its products, summed per input channel, and its bias, beside the module's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapelab.engine.answers import Activations
from shapelab.explorers.pictures import OneConvolution
from shapelab.explorers.words import axes_of
from shapelab.geometry import Window
from shapelab.geometry.pooling import MOST, MOST_CHANNELS

Array = np.ndarray[Any, Any]
LISTED = 12  # products of a channel that are seen without unfolding
SUMS = 4  # channels whose sums stand in the first line
EPSILON = 2.0**-23  # of float32


@dataclass(frozen=True)
class Tap:
    """One place of the window.

    Attributes:
      at: which tap, one index an axis.
      source: the input cell that it meets, or None where it meets a zero.
      tag: how its value is marked: ``i`` of the input, ``u`` of padding, ``s`` a zero between spread cells.
    """

    at: tuple[int, ...]
    source: tuple[int, ...] | None
    tag: str


def arithmetic(lone: OneConvolution, values: Activations | None, *, channels: tuple[int, int] = (0, 0)) -> str:
    """The selected output cell of an output channel in numbers.

    Sums are float64; the module's own are float32, whose rounding the stated tolerance covers. Without values the
    place for them is kept.
    """
    inner = "" if values is None else _whole(lone, values, lone.channels(channels)[1])
    return f'<div class="sl-cell" role="region" aria-label="One output in numbers" tabindex="0">{inner}</div>'


def _whole(lone: OneConvolution, values: Activations, made: int) -> str:
    kernel = values.parameters.get(lone.kernel.path)
    sizes = [before for _, _, before, _ in axes_of(lone.stage)]
    if any(n < before for n, before in zip(values.input.shape, sizes, strict=False)):
        return f'<div class="sl-quiet">One output in numbers: for inputs of up to {MOST} cells a side.</div>'
    if kernel is None or values.input.shape[-1] < lone.stage.in_shapes[0][-1]:
        return f'<div class="sl-quiet">One output in numbers: for inputs of up to {MOST_CHANNELS} channels.</div>'
    taps, reads = _taps(lone), lone.reads(made)
    weights = np.asarray(kernel, np.float64)[..., made]
    lines = [_products(values.input.astype(np.float64), weights, taps, channel, i) for i, channel in enumerate(reads)]
    biases = [float(array[made]) for path, array in values.parameters.items() if path.endswith("bias")]
    sums = [sum(x * weight for _, x, weight in products) for products in lines]
    total, terms = sum(sums) + sum(biases), sum(len(products) for products in lines)
    said = float(values.stages[max(values.stages)][(*lone.cell, made)])
    size = sum(abs(x * weight) for products in lines for _, x, weight in products) + abs(sum(biases))
    head = _head(lone, made, sums, biases, total, said, agrees := _agrees(total - said, terms, size))
    body = "".join(_line(channel, products, s) for channel, products, s in zip(reads, lines, sums, strict=True))
    return f"{head}{_difference(total - said, _tolerance(terms, size), agrees)}{body}"


def _taps(lone: OneConvolution) -> list[Tap]:
    axes = axes_of(lone.stage)
    windows = [window for _, window, _, _ in axes]
    sources = [window.taps(at, before) for (_, window, before, _), at in zip(axes, lone.cell, strict=True)]
    inside = [
        [_inside(window, at, tap, before) for tap in range(window.size)]
        for (_, window, before, _), at in zip(axes, lone.cell, strict=True)
    ]
    found = []
    for tap in np.ndindex(*(window.size for window in windows)):
        met = [axis[t] for axis, t in zip(sources, tap, strict=True)]
        source = None if None in met else tuple(cell for cell in met if cell is not None)
        within = all(axis[t] for axis, t in zip(inside, tap, strict=True))
        found.append(Tap(tap, source, "u" if not within else "s" if source is None else "i"))
    return found


def _inside(window: Window, output: int, tap: int, size: int) -> bool:
    """Whether a tap lies on the input, or on a zero between its cells, rather than on padding."""
    return 0 <= window.start(output) + tap * window.dilation < window.spread_size(size)


Product = tuple[str, float, float]
"""How the value is marked, the value, the weight."""


def _products(read: Array, weights: Array, taps: Sequence[Tap], channel: int, plane: int) -> list[Product]:
    """The products of one input channel; ``plane`` is its place in the kernel."""
    return [
        (tap.tag, 0.0 if tap.source is None else float(read[(*tap.source, channel)]), float(weights[(*tap.at, plane)]))
        for tap in taps
    ]


def _tolerance(terms: int, size: float) -> float:
    """How far a float32 sum of ``terms`` products may be off, whatever their order; ``size`` sums their amounts."""
    return (terms + 2) * EPSILON * max(size, EPSILON)


def _agrees(difference: float, terms: int, size: float) -> bool:
    return abs(difference) <= _tolerance(terms, size)


def _head(
    lone: OneConvolution, made: int, sums: list[float], biases: list[float], total: float, said: float, agrees: bool
) -> str:
    index = ", ".join(map(str, (*lone.cell, made)))
    parts = [_signed(each, 4) for each in sums[:SUMS]]
    if len(sums) > SUMS:
        parts.append(f"… {len(sums) - SUMS} more channels")
    parts += [f"bias {_signed(bias, 4)}" for bias in biases]
    return (
        f'<div class="sl-arithmetic">y[{index}] = {" + ".join(parts)} = '
        f'<b class="sl-output">{_signed(total, 4)}</b> <span class="sl-quiet"> &nbsp;the module says '
        f"{_signed(said, 4)} {'✓' if agrees else '✗'}</span></div>"
    )


def _difference(difference: float, tolerance: float, agrees: bool) -> str:
    verdict = "equal, as far as float32 tells" if agrees else "more than float32's rounding"
    return (
        f'<div class="sl-quiet sl-difference">|Δ| = {_power(abs(difference))}: {verdict} '
        f"(rounding can reach {_power(tolerance)})</div>"
    )


def _line(channel: int, products: Sequence[Product], total: float) -> str:
    written = [f"<{tag}>{_signed(x)}</{tag}>·<b>{_signed(weight)}</b>" for tag, x, weight in products]
    seen, folded = " + ".join(written[:LISTED]), " + ".join(written[LISTED:])
    more = f"<details><summary>+ {len(written) - LISTED} more</summary>{folded}</details>" if folded else ""
    result = f'<span class="sl-sum">= {_signed(total, 4)}</span>'
    return f'<div class="sl-products"><span class="sl-quiet">channel {channel}</span> {seen} {result}{more}</div>'


def _signed(number: float, digits: int = 2) -> str:
    return f"{number:.{digits}f}".replace("-", "−")


def _power(number: float) -> str:
    return "0" if number == 0 else f"{number:.1e}".replace("e-0", "e−").replace("-", "−").replace("e+0", "e")
