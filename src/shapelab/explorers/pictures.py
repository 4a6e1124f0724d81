"""The pictures of a lone convolution, as specs, and how one is recognised in a trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shapelab.engine.answers import Activations
from shapelab.figures.sweep import sweep
from shapelab.figures.window_grid import Convolution, window_grid
from shapelab.figures.window_strip import Strip, window_strip
from shapelab.geometry.padding import same_output_size
from shapelab.geometry.pooling import MOST_CHANNELS
from shapelab.tracing.records import SPATIAL, Stage, Trace

Spec = dict[str, Any]


@dataclass(frozen=True)
class OneConvolution:
    """A trace that is one convolution of one unbatched input, and nothing else that slides.

    Attributes:
      stage: the convolution.
      kernel_path: of its kernel among the parameters.
      cell: the selected output cell.
      stages: numbers of the stages whose values its picture needs: the convolution, and the output's.
    """

    stage: Stage
    kernel_path: str
    cell: tuple[int, ...]
    stages: tuple[int, ...]


def one_convolution(trace: Trace, chosen: tuple[int, ...] | None) -> OneConvolution | None:
    """Recognise a lone convolution; ``chosen`` is the selected output cell, kept within the output."""
    sliding = [stage for stage in trace.stages if stage.windows is not None]
    if len(sliding) != 1 or sliding[0].op != "conv" or trace.error is not None or len(trace.inputs) != 1:
        return None
    stage, rank = sliding[0], len(trace.inputs[0].shape)
    windows = stage.windows or ()
    kernels = [p for p in stage.parameters if len(p.shape) == len(windows) + 2]
    if rank != len(windows) + 1 or len(windows) > 2 or len(kernels) != 1 or not trace.outputs:
        return None
    sizes = trace.outputs[0].shape[: len(windows)]
    if chosen is None:
        chosen = (0, min(2, sizes[-1] - 1))  # at the edge, where its window meets padding
    cell = tuple(min(at, size - 1) for at, size in zip(chosen[-len(windows) :], sizes, strict=True))
    stages = tuple(sorted({trace.stages.index(stage), len(trace.stages) - 1}))
    return OneConvolution(stage, kernels[0].path, cell, stages)


def convolution_picture(trace: Trace, lone: OneConvolution, values: Activations | None, narrow: bool) -> Spec:
    """The picture of a lone convolution in one or two dimensions."""
    kernel = None if values is None else values.parameters[lone.kernel_path]
    output = None if values is None else values.stages[max(values.stages)]
    given = None if values is None else values.input
    input_shape, output_shape = trace.inputs[0].shape, trace.outputs[0].shape
    kernel_shape = next(p.shape for p in lone.stage.parameters if p.path == lone.kernel_path)
    windows = lone.stage.windows or ()
    if len(windows) == 1:
        strip = Strip(
            window=windows[0],
            input_shape=input_shape,
            output_shape=output_shape,
            kernel_shape=kernel_shape,
            input=given,
            kernel=None if kernel is None else kernel[:, :MOST_CHANNELS, 0],
            output=output,
            cell=lone.cell[0],
        )
        return window_strip(strip, narrow=narrow)
    grid = Convolution(
        windows=(windows[0], windows[1]),
        input_shape=input_shape,
        output_shape=output_shape,
        kernel_shape=kernel_shape,
        input=_channel(given),
        kernel=None if kernel is None else kernel[..., 0, 0],
        output=_channel(output),
        cell=(lone.cell[0], lone.cell[1]),
    )
    return window_grid(grid, narrow=narrow)


def staircase(lone: OneConvolution, trace: Trace) -> Spec:
    """Output size over input size along the first axis, under SAME."""
    layout, shape = trace.inputs[0].layout, trace.inputs[0].shape
    axis = next(i for i, name in enumerate(layout) if name in SPATIAL)
    current = shape[axis]
    first = max(1, current - 15) if current > 16 else 1
    sizes = range(first, first + 16)
    stride = (lone.stage.windows or ())[0].stride
    return sweep(layout[axis], sizes, [same_output_size(n, stride) for n in sizes], current)


def _channel(values: np.ndarray[Any, Any] | None) -> np.ndarray[Any, Any] | None:
    return None if values is None else values[..., 0]
