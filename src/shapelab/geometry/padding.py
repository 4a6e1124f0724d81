"""How many cells a layer adds before and after one axis, and what it fills them with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from shapelab.errors import ShapeError


class Fill(Enum):
    """What padding cells hold."""

    CONSTANT = "constant"  # zeros for a convolution, -inf for a max pool
    CIRCULAR = "circular"  # the other end of the axis, wrapped round
    REFLECT = "reflect"  # mirrored, without repeating the edge cell


@dataclass(frozen=True)
class Padding:
    """Padding of one axis: ``lo`` cells before the first, ``hi`` cells after the last.

    Negative amounts crop, as they do in ``lax.conv_general_dilated``.
    """

    lo: int
    hi: int
    fill: Fill = Fill.CONSTANT

    @property
    def total(self) -> int:
        """``lo + hi``, in cells."""
        return self.lo + self.hi

    def source(self, position: int, input_size: int) -> int | None:
        """The input cell that the padded axis shows at ``position`` (0 is the first input cell).

        None where the cell holds a constant. Circular and reflected cells answer with the cell that they repeat.
        """
        if 0 <= position < input_size:
            return position
        if self.fill is Fill.CIRCULAR:
            return position % input_size
        if self.fill is Fill.REFLECT:
            turn = max(2 * (input_size - 1), 1)  # a single cell has nothing to mirror and is repeated
            offset = position % turn
            return min(offset, turn - offset)
        return None


NO_PADDING = Padding(0, 0)


def span(kernel_size: int, dilation: int = 1) -> int:
    """Cells from a window's first tap to its last, both included: ``(k - 1)·d + 1``."""
    return (kernel_size - 1) * dilation + 1


def same_output_size(input_size: int, stride: int) -> int:
    """``ceil(n / s)``: the output size under SAME, whatever the kernel.

    Source: TensorFlow's definition of SAME, which ``lax.padtype_to_pads`` follows.
    """
    return -(-input_size // stride)


def same(input_size: int, kernel_size: int, stride: int = 1, dilation: int = 1) -> Padding:
    """SAME: ``max((ceil(n/s) - 1)·s + span - n, 0)`` cells in all; the odd one goes last."""
    total = _same_total(input_size, kernel_size, stride, dilation)
    return Padding(total // 2, total - total // 2)


def same_lower(input_size: int, kernel_size: int, stride: int = 1, dilation: int = 1) -> Padding:
    """SAME_LOWER: as many cells as SAME; the odd one goes first."""
    total = _same_total(input_size, kernel_size, stride, dilation)
    return Padding(total - total // 2, total // 2)


def valid() -> Padding:
    """VALID: none."""
    return NO_PADDING


def causal(kernel_size: int, dilation: int = 1) -> Padding:
    """CAUSAL: ``(k - 1)·d`` zeros before, none after, so that no output sees a later input.

    Source: ``flax.linen.Conv`` and ``flax.nnx.Conv``, one spatial axis only.
    """
    return Padding(span(kernel_size, dilation) - 1, 0)


def circular(kernel_size: int, dilation: int = 1) -> Padding:
    """CIRCULAR: ``(span - 1) // 2`` wrapped cells before and ``span // 2`` after (``flax.nnx.Conv``)."""
    reach = span(kernel_size, dilation)
    return Padding((reach - 1) // 2, reach // 2, Fill.CIRCULAR)


def reflect(kernel_size: int, dilation: int = 1) -> Padding:
    """REFLECT: ``(span - 1) // 2`` mirrored cells before and ``span // 2`` after (``flax.nnx.Conv``)."""
    reach = span(kernel_size, dilation)
    return Padding((reach - 1) // 2, reach // 2, Fill.REFLECT)


def resolve(
    declared: str | int | tuple[int, int], input_size: int, kernel_size: int, stride: int = 1, dilation: int = 1
) -> Padding:
    """The padding of one axis that flax makes of ``padding=declared``.

    Raises:
      ShapeError: for a name that flax does not know.
    """
    if isinstance(declared, int):
        return Padding(declared, declared)
    if isinstance(declared, tuple):
        return Padding(*declared)
    window = (input_size, kernel_size, stride, dilation)
    match declared:
        case "SAME":
            return same(*window)
        case "SAME_LOWER":
            return same_lower(*window)
        case "VALID":
            return valid()
        case "CAUSAL":
            return causal(kernel_size, dilation)
        case "CIRCULAR":
            return circular(kernel_size, dilation)
        case "REFLECT":
            return reflect(kernel_size, dilation)
    raise ShapeError(
        f"padding {declared!r} is not known: use SAME, SAME_LOWER, VALID, CAUSAL, CIRCULAR, REFLECT, an int or (lo, hi)"
    )


def _same_total(input_size: int, kernel_size: int, stride: int, dilation: int) -> int:
    reach = (same_output_size(input_size, stride) - 1) * stride + span(kernel_size, dilation)
    return max(reach - input_size, 0)
