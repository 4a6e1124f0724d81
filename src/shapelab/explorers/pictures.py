"""The pictures of a lone convolution, as specs. Chosen by what the trace holds, not by which lesson it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapelab.engine.answers import Activations
from shapelab.figures.sweep import Step, sweep
from shapelab.figures.window_grid import Convolution, window_grid
from shapelab.figures.window_strip import Strip, window_strip
from shapelab.geometry import Window
from shapelab.geometry.padding import resolve
from shapelab.geometry.pooling import MOST_CHANNELS
from shapelab.tracing.records import SPATIAL, Parameter, Stage, Trace

Spec = dict[str, Any]
Array = np.ndarray[Any, Any]

RESHAPES = ("expand_dims", "squeeze", "reshape")
STAIRS = 16  # input sizes that the staircase shows


@dataclass(frozen=True)
class OneConvolution:
    """A trace that is one convolution of one unbatched input, with its bias or without, and nothing else.

    Attributes:
      stage: the convolution.
      kernel: its kernel among the parameters, (…, I, O).
      cell: the selected output cell.
      stages: numbers of the stages whose values its picture needs: the convolution, and the output's.
    """

    stage: Stage
    kernel: Parameter
    cell: tuple[int, ...]
    stages: tuple[int, ...]

    @property
    def kernel_path(self) -> str:
        """The kernel's path among the parameters."""
        return self.kernel.path

    @property
    def groups(self) -> int:
        """``feature_group_count``: how many input channels there are for each that an output channel reads."""
        return max(self.stage.in_shapes[0][-1] // self.kernel.shape[-2], 1)

    @property
    def transposed(self) -> bool:
        """Whether it is a transposed convolution, whatever its stride."""
        return self.stage.op == "conv_transpose"

    def reads(self, made: int) -> range:
        """The input channels that an output channel reads."""
        each = self.kernel.shape[-2]
        first = made // max(self.kernel.shape[-1] // self.groups, 1) * each
        return range(first, first + each)

    def channels(self, chosen: tuple[int, int] = (0, 0)) -> tuple[int, int]:
        """A choice of input and output channel, kept within those that pictures may show."""
        counts = (self.stage.in_shapes[0][-1], self.kernel.shape[-1])
        given, made = (max(0, min(at, n - 1, MOST_CHANNELS - 1)) for at, n in zip(chosen, counts, strict=True))
        return given, made


def one_convolution(trace: Trace, chosen: tuple[int, ...] | None) -> OneConvolution | None:
    """Recognise a lone convolution, transposed or not; ``chosen``, an output cell, is kept within the output."""
    sliding = [stage for stage in trace.stages if stage.windows is not None]
    if len(sliding) != 1 or sliding[0].op not in ("conv", "conv_transpose"):
        return None
    if trace.error is not None or len(trace.inputs) != 1 or not trace.outputs or not _alone(trace, sliding[0]):
        return None
    stage, rank = sliding[0], len(trace.inputs[0].shape)
    windows = stage.windows or ()
    kernels = [p for p in stage.parameters if len(p.shape) == len(windows) + 2 and p.layout[-2:] == ("I", "O")]
    if rank != len(windows) + 1 or len(windows) > 2 or len(kernels) != 1 or not _drawable(trace, windows):
        return None
    sizes = trace.outputs[0].shape[: len(windows)]
    if chosen is None:
        chosen = (0, min(2, sizes[-1] - 1))  # at the edge, where its window meets padding
    cell = tuple(max(0, min(at, size - 1)) for at, size in zip(chosen[-len(windows) :], sizes, strict=True))
    stages = tuple(sorted({trace.stages.index(stage), len(trace.stages) - 1}))
    return OneConvolution(stage, kernels[0], cell, stages)


def _alone(trace: Trace, convolution: Stage) -> bool:
    """Whether everything else only gives the batch axis and takes it away, or adds the bias."""
    others = [stage for stage in trace.stages if stage is not convolution]
    return all(stage.op in RESHAPES or (stage.op == "add" and stage.parameters) for stage in others)


def _drawable(trace: Trace, windows: Iterable[Window]) -> bool:
    """Whether there is something to slide over and something that comes out, and nothing is cropped."""
    cropped = any(min(window.padding.lo, window.padding.hi) < 0 for window in windows)
    return not cropped and min(*trace.inputs[0].shape, *trace.outputs[0].shape) > 0


def convolution_picture(
    trace: Trace,
    lone: OneConvolution,
    values: Activations | None,
    narrow: bool,
    *,
    view: str = "values",
    channels: tuple[int, int] = (0, 0),
) -> Spec:
    """The picture of a lone convolution in one or two dimensions.

    Args:
      trace: what it is of.
      lone: the convolution in it.
      values: of a run, or None while there are none.
      narrow: for a phone.
      view: ``"values"``, or ``"coverage"``: how often each input cell is read.
      channels: the input and the output channel to show; in one dimension all are shown, and the second is marked.
    """
    given, made = lone.channels(channels)
    kernel = None if values is None else values.parameters.get(lone.kernel.path)
    output = None if values is None else values.stages[max(values.stages)]
    read = None if values is None else values.input
    windows = lone.stage.windows or ()
    shapes = (trace.inputs[0].shape, trace.outputs[0].shape, lone.kernel.shape)
    if len(windows) == 1:
        weights = None if kernel is None else kernel[:, :MOST_CHANNELS, made]
        strip = Strip(windows[0], *shapes, read, weights, output, lone.cell[0], made, coverage=view == "coverage")
        return window_strip(strip, narrow=narrow)
    weights = None if kernel is None else kernel[..., given % lone.kernel.shape[-2], made]
    grid = Convolution(
        (windows[0], windows[1]),
        *shapes,
        _channel(read, given),
        weights,
        _channel(output, made),
        (lone.cell[0], lone.cell[1]),
        channels=(given, made),
        coverage=view == "coverage",
    )
    return window_grid(grid, narrow=narrow)


def staircase(lone: OneConvolution, trace: Trace) -> Spec:
    """Output size and padding over input size along the first axis."""
    layout, shape = trace.inputs[0].layout, trace.inputs[0].shape
    axis = next(i for i, name in enumerate(layout) if name in SPATIAL)
    current = shape[axis]
    first = max(1, current - STAIRS + 1) if current > STAIRS else 1
    steps = [_step(lone, n) for n in range(first, first + STAIRS)]
    window = (lone.stage.windows or ())[0]
    words = f" Padding {padding_mode(lone.stage)}, stride {window.stride}."
    floors = None if lone.transposed or window.stride == 1 else window.stride
    return sweep(layout[axis], steps, current, floors=floors, more=words)


def _step(lone: OneConvolution, size: int) -> Step:
    """What comes of one input size along the first axis."""
    window = window_at(lone.stage, 0, size)
    padding = window.padding
    return Step(size, window.output_size(size) if window.fits(size) else None, padding.lo, padding.hi)


def window_at(stage: Stage, axis: int, size: int) -> Window:
    """The window that the layer of a stage would have along one axis of another input size.

    Only SAME and SAME_LOWER look at the size, and of a transposed convolution not even those.
    """
    window = (stage.windows or ())[axis]
    declared = stage.declared
    if stage.op == "conv_transpose" or declared not in ("SAME", "SAME_LOWER"):
        return window
    padding = resolve(declared, size, window.size, window.stride, window.dilation)
    return Window(window.size, window.stride, window.dilation, window.base_dilation, padding)


def padding_mode(stage: Stage) -> str:
    """The padding as the layer was given it, in a word: ``SAME``, …, or ``explicit`` for pairs and for bare amounts."""
    return stage.declared if isinstance(stage.declared, str) else "explicit"


def _channel(values: Array | None, channel: int) -> Array | None:
    return None if values is None else values[..., channel]
