"""The pictures of a network, as specs. Chosen by what the trace holds, not by which lesson it is."""

from __future__ import annotations

from typing import Any

from shapelab.engine.answers import Activations
from shapelab.explorers.pictures import one_convolution
from shapelab.figures.feature_maps import feature_maps
from shapelab.figures.folding import fold
from shapelab.figures.pipeline import pipeline
from shapelab.figures.tower import tower
from shapelab.tracing.records import SPATIAL, Stage, Trace

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


def maps_picture(trace: Trace, selected: int | None, values: Activations | None, narrow: bool) -> Spec | None:
    """The feature maps of the selected stage, or None where it holds no image."""
    if selected is None:
        return None
    stage = trace.stages[selected]
    if not _is_image(stage):
        return None
    found = None if values is None else values.stages.get(selected)
    if found is not None:
        found = found.reshape(-1, *found.shape[-3:])[0]
    return feature_maps(stage.name, found, stage.out_shape, role="output", narrow=narrow)


def _is_image(stage: Stage) -> bool:
    return len([name for name in stage.layout if name in SPATIAL]) == 2 and len(stage.out_shape) >= 3
