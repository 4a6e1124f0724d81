"""Multiply-accumulates and bytes from shapes: the dense count, padding taps included.

XLA's own cost analysis leaves out the taps that meet padding; the count here is the one papers quote.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from shapelab.geometry.window import Window


def convolution_macs(windows: Sequence[Window], input_sizes: Sequence[int], channel_pairs: int, batch: int = 1) -> int:
    """MACs of a convolution: for every output cell and tap, one product per pair of channels that meet.

    Taps on padding count. Taps on the zeros that a transposed convolution puts between its inputs do not: there every
    input cell meets every tap once, which is how its cost is quoted.

    Args:
      windows: one per spatial axis.
      input_sizes: cells of the input, one per spatial axis.
      channel_pairs: ``C_in / groups · C_out``.
      batch: size of the batch axis.
    """
    return batch * channel_pairs * prod(_meetings(w, n) for w, n in zip(windows, input_sizes, strict=True))


def _meetings(window: Window, input_size: int) -> int:
    """How often a tap meets an input (or padding) cell along one axis."""
    if not window.fits(input_size):
        return 0
    if window.base_dilation > 1 and window.stride == 1:
        return input_size * window.size
    return -(-window.output_size(input_size) * window.size // window.base_dilation)


def matmul_macs(out_shape: tuple[int, ...], contracted: int) -> int:
    """MACs of a matrix product whose contracted axes hold ``contracted`` elements together."""
    return prod(out_shape) * contracted


def tensor_bytes(shape: tuple[int, ...], itemsize: int) -> int:
    """Bytes of a dense tensor."""
    return prod(shape) * itemsize
