"""The pictures of a network, as specs. Chosen by what the trace holds, not by which lesson it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from shapelab.engine.answers import Activations, Field
from shapelab.explorers.pictures import one_convolution
from shapelab.figures.failure import failure
from shapelab.figures.feature_maps import Maps, feature_maps
from shapelab.figures.folding import fold
from shapelab.figures.pipeline import pipeline
from shapelab.figures.receptive import Heat, Seen
from shapelab.figures.tower import tower
from shapelab.tracing.records import SPATIAL, Stage, Trace, numbered

Array = np.ndarray[Any, Any]
Spec = dict[str, Any]

MOST_IN_A_ROW = 10


def shown_stages(trace: Trace, selected: int | None) -> tuple[int, ...]:
    """The stages whose values the pictures of a trace need."""
    lone = one_convolution(trace, None)
    if lone is not None:
        return lone.stages
    if trace.error is not None or selected is None or not _is_image(trace.stages[selected]):
        return ()
    return (selected,)


def network_picture(trace: Trace, selected: int | None, narrow: bool) -> Spec:
    """The picture of everything else: its blocks in a row, or below one another where a row has no room for them."""
    if narrow:
        return tower(trace, selected=selected)
    if len(fold(trace).blocks) > MOST_IN_A_ROW:
        return tower(trace, selected=selected, columns=2)
    return pipeline(trace, selected=selected)


def failure_picture(trace: Trace, narrow: bool) -> Spec | None:
    """The two tensors that do not fit, side by side; None where nothing failed, or not over two shapes."""
    return failure(trace, narrow=narrow)


def maps_picture(
    trace: Trace,
    selected: int | None,
    values: Activations | None,
    narrow: bool,
    *,
    scale: str = "shared",
    cell: tuple[int, int] | None = None,
    field: Field | None = None,
) -> Spec | None:
    """The feature maps of the selected stage beside the image that went in; None where the stage holds no image.

    Args:
      trace: what was traced.
      selected: the stage.
      values: of the run; None, or without this stage, while they are on their way.
      narrow: whether the page is a phone's.
      scale: "shared" by all maps, or one for each "channel".
      cell: the pinned cell of the stage's output, kept within it.
      field: what that cell depends on by gradient, once it has come.
    """
    if selected is None or not _is_image(trace.stages[selected]):
        return None
    stage = trace.stages[selected]
    if cell is not None:
        cell = (min(max(cell[0], 0), stage.out_shape[-3] - 1), min(max(cell[1], 0), stage.out_shape[-2] - 1))
    name = numbered(trace.stages)[selected]
    found = None if values is None else _plane_of(values.stages.get(selected))
    shown = Maps(name, found, stage.out_shape, each=scale == "channel", cell=cell)
    return feature_maps(shown, seen=_seen(trace, stage, name, values, cell, field), narrow=narrow)


def _seen(
    trace: Trace,
    stage: Stage,
    name: str,
    values: Activations | None,
    cell: tuple[int, int] | None,
    field: Field | None,
) -> Seen | None:
    """The image and what the cell sees of it; None where the input is no image."""
    given = trace.inputs[trace.main]
    if len([axis for axis in given.layout if axis in SPATIAL]) != 2 or given.layout[-1:] != ("C",):
        return None
    fields = stage.receptive_field
    heat = None if field is None or cell is None else Heat(field.heat, field.cells, field.explanation)
    return Seen(
        name=given.name,
        shape=given.shape,
        values=None if values is None else _plane_of(values.input),
        stage=name,
        cell=cell,
        fields=(fields[0], fields[1]) if fields is not None and len(fields) == 2 else None,
        heat=heat,
    )


def _plane_of(values: Array | None) -> Array | None:
    """(H, W, C) of the first of a batch."""
    return None if values is None else values.reshape(-1, *values.shape[-3:])[0]


def _is_image(stage: Stage) -> bool:
    return len([name for name in stage.layout if name in SPATIAL]) == 2 and stage.layout[-1:] == ("C",)
