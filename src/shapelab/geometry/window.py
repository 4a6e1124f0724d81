"""A window that slides along one axis: which input cells each output cell reads."""

from __future__ import annotations

from dataclasses import dataclass

from shapelab.errors import ShapeError
from shapelab.geometry.padding import NO_PADDING, Fill, Padding, span


@dataclass(frozen=True)
class Window:
    """One axis of a convolution or a pooling, in the terms of ``lax.conv_general_dilated``.

    Attributes:
      size: taps of the window (``kernel_size``).
      stride: cells between the starts of two neighbouring windows (``window_strides``).
      dilation: cells between two taps (``rhs_dilation``, flax's ``kernel_dilation``).
      base_dilation: 1, or more where a transposed convolution spreads its input (``lhs_dilation``).
      padding: cells added to the spread input, before and after.
    """

    size: int
    stride: int = 1
    dilation: int = 1
    base_dilation: int = 1
    padding: Padding = NO_PADDING

    @property
    def span(self) -> int:
        """Cells from the first tap to the last, both included: ``(size - 1)·dilation + 1``."""
        return span(self.size, self.dilation)

    def spread_size(self, input_size: int) -> int:
        """Cells of the input once ``base_dilation - 1`` zeros stand between neighbours: ``(n - 1)·b + 1``."""
        return (input_size - 1) * self.base_dilation + 1 if input_size else 0

    def padded_size(self, input_size: int) -> int:
        """Cells that the window slides over: the spread input and its padding."""
        return self.spread_size(input_size) + self.padding.total

    def fits(self, input_size: int) -> bool:
        """Whether the padded input has as many cells as the window spans. JAX gives an empty axis where it has not."""
        return self.padded_size(input_size) >= self.span

    def output_size(self, input_size: int) -> int:
        """``floor((padded - span) / stride) + 1``.

        Source: ``lax.conv_general_dilated``'s shape rule; with base_dilation 1 it is the usual
        ``floor((n + lo + hi - (k - 1)·d - 1) / s) + 1``.

        Raises:
          ShapeError: when the window spans more cells than the padded input has.
        """
        padded = self.padded_size(input_size)
        if not self.fits(input_size):
            raise ShapeError(
                f"kernel spans {self.span} cells, the padded input has {padded}: at least {self.span} needed"
            )
        return (padded - self.span) // self.stride + 1

    def start(self, output_index: int) -> int:
        """Where the window of an output cell begins, counted from the first input cell; negative in the padding."""
        return output_index * self.stride - self.padding.lo

    def taps(self, output_index: int, input_size: int) -> tuple[int | None, ...]:
        """The input cell under each tap of the window of one output cell.

        None where a tap meets no input: constant padding, or a zero between the cells of a spread input.
        """
        first = self.start(output_index)
        return tuple(self._cell(first + tap * self.dilation, input_size) for tap in range(self.size))

    def sources(self, input_size: int) -> tuple[int | None, ...]:
        """The input cell that each place of the padded axis shows; None where it shows a constant or a zero between."""
        lo = self.padding.lo
        return tuple(self._cell(place - lo, input_size) for place in range(self.padded_size(input_size)))

    def unread(self, input_size: int) -> tuple[int, ...]:
        """The input cells that no window reads, in order: gaps between windows and the rest at the end."""
        if not self.fits(input_size):
            return tuple(range(input_size))
        outputs, padded = self.output_size(input_size), self.padded_size(input_size)
        met = bytearray(padded)  # which cells of the padded axis lie under a tap
        for tap in range(self.size):
            first = tap * self.dilation
            met[first : first + (outputs - 1) * self.stride + 1 : self.stride] = b"\1" * outputs
        lo = self.padding.lo
        if self.padding.fill is not Fill.CONSTANT:
            read = {self.padding.source(position - lo, input_size) for position in range(padded) if met[position]}
            return tuple(cell for cell in range(input_size) if cell not in read)
        places = range(lo, lo + self.spread_size(input_size), self.base_dilation)
        return tuple(cell for cell, place in enumerate(places) if not (0 <= place < padded and met[place]))

    def _cell(self, position: int, input_size: int) -> int | None:
        if self.padding.fill is not Fill.CONSTANT:
            return self.padding.source(position, input_size)  # flax pads before it convolves: nothing is spread
        cell, between = divmod(position, self.base_dilation)
        return cell if not between and 0 <= cell < input_size else None
