"""What one explorer is showing. Observers only assign here; functions compute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import traitlets as t

from shapelab.engine.answers import Activations, Field, Statistics
from shapelab.engine.spec import Spec
from shapelab.tracing.records import Trace


@dataclass(frozen=True)
class Answer:
    """What the engine says of one specification.

    Attributes:
      spec: what was asked.
      trace: of its module; it may hold an error of the forward.
    """

    spec: Spec
    trace: Trace


class ExplorerState(t.HasTraits):
    """The state of one explorer.

    Attributes:
      spec: what is asked for: lesson and configuration in one frozen value.
      answer: the latest answer (``Answer``); it trails ``spec`` while the engine works. None before the first.
      values: (spec, activations) of the latest run, or None.
      ways: where the forward fails: (spec, sets of changes at which it does not, the nearest first), or None.
      field: (spec, stage, cell, what that cell depends on) of the latest cell felt, or None.
      statistics: (spec, stage, what it measured) of the latest batch normalisation selected, or None.
      pinned: the answer that later ones are compared with, or None.
      awaited: the setting that a link pins (``links.Compared``) until its answer has come, or None.
      pinned_values: its values, as far as they were known when it was pinned, or None.
      refused: why the last value typed was not taken; ``""`` once one is.
      trouble: what went wrong that is nobody's setting (the engine raised); ``""`` if nothing did.
      valueless: why this setting has shapes and no values; ``""`` where it has both.
      stage: the selected stage, or None for the lesson's first convolution.
      cell: the selected output cell, or None for one at the edge.
      pinned_cell: the output cell that was selected then, or None.
      pinned_channels: the channels that were shown then.
      channels: the input and the output channel that the picture of a convolution shows.
      view: what that picture shows of each cell: its value, or how often it is read ("values", "coverage").
      map_scale: whether feature maps are drawn on one scale or each on its own ("shared", "channel").
      apart: the fields that could move together and do not, see ``kept.Kept``.
      narrow: whether the page is a phone's.
    """

    spec = t.Instance(Spec)
    answer = t.Instance(Answer, allow_none=True)
    values = t.Tuple(t.Instance(Spec), t.Instance(Activations), default_value=None, allow_none=True)
    ways = t.Tuple(t.Instance(Spec), t.Tuple(), default_value=None, allow_none=True)
    field = t.Tuple(t.Instance(Spec), t.Int(), t.Tuple(), t.Instance(Field), default_value=None, allow_none=True)
    statistics = t.Tuple(t.Instance(Spec), t.Int(), t.Instance(Statistics), default_value=None, allow_none=True)
    pinned = t.Instance(Answer, allow_none=True)
    pinned_values = t.Instance(Activations, allow_none=True)
    awaited = t.Any(None)
    pinned_cell = t.Tuple(t.Int(), t.Int(), default_value=None, allow_none=True)
    pinned_channels = t.Tuple(t.Int(), t.Int(), default_value=(0, 0))
    refused = t.Unicode("")
    trouble = t.Unicode("")
    valueless = t.Unicode("")
    stage = t.Int(None, allow_none=True)
    cell = t.Tuple(t.Int(), t.Int(), default_value=None, allow_none=True)
    channels = t.Tuple(t.Int(), t.Int(), default_value=(0, 0))
    view = t.Enum(("values", "coverage"), "values")
    map_scale = t.Enum(("shared", "channel"), "shared")
    apart = t.Instance(frozenset, ())
    narrow = t.Bool(False)

    def __init__(self, **kwargs: Any) -> None:
        unknown = set(kwargs) - set(self.trait_names())
        if unknown:
            raise TypeError(f"no such trait: {', '.join(sorted(unknown))}")
        super().__init__(**kwargs)

    @property
    def activations(self) -> Activations | None:
        """The values of the answer on screen, if they have arrived; perhaps of other stages than the selected one."""
        if self.values is None or self.answer is None or self.values[0] != self.answer.spec:
            return None
        found: Activations = self.values[1]
        return found

    @property
    def ways_out(self) -> tuple[Mapping[str, Any], ...] | None:
        """Where the answer on screen is a failure, what would work; None while it is not known."""
        if self.ways is None or self.answer is None or self.ways[0] != self.answer.spec:
            return None
        return tuple(self.ways[1])

    @property
    def felt(self) -> Field | None:
        """What the pinned cell of the selected stage on screen depends on, if it has come."""
        if self.field is None or self.answer is None or self.cell is None:
            return None
        here = (self.answer.spec, self.selected_stage, tuple(self.cell))
        found: Field = self.field[3]
        return found if self.field[:3] == here else None

    @property
    def measured(self) -> Statistics | None:
        """What the selected stage on screen measured, if it is a batch normalisation and it has come."""
        if self.statistics is None or self.answer is None:
            return None
        found: Statistics = self.statistics[2]
        return found if self.statistics[:2] == (self.answer.spec, self.selected_stage) else None

    @property
    def selected_stage(self) -> int | None:
        """The selected stage of the answer on screen."""
        return None if self.answer is None else self.selected_in(self.answer.trace)

    def selected_in(self, trace: Trace) -> int | None:
        """The selected stage, kept within a trace; its first convolution while none is selected."""
        stages = trace.stages
        if self.stage is not None and 0 <= self.stage < len(stages):
            return int(self.stage)
        return next((i for i, stage in enumerate(stages) if stage.op == "conv"), 0 if stages else None)
