"""What an explorer's widgets show, from its state. What did not change is not sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as w

from shapelab.engine.answers import Activations
from shapelab.explorers import convolution_words, network_pictures, network_words, pictures, words
from shapelab.explorers.comparison import comparison, title_of
from shapelab.explorers.history import History
from shapelab.explorers.parts import Parts
from shapelab.explorers.source_view import source_html
from shapelab.explorers.state import Answer, ExplorerState
from shapelab.figures.canvas import Spec as Figure
from shapelab.geometry.pooling import MOST_CHANNELS

Widgets = tuple[w.Widget, ...]


def draw(parts: Parts, state: ExplorerState, settled: Any, history: History) -> None:
    """Draw everything.

    Args:
      parts: the widgets.
      state: what they show.
      settled: the last (spec, stages) whose values have come, or will not.
      history: what can be undone.
    """
    answer = state.answer
    parts.toolbar.show(
        can_undo=history.can_undo and not parts.allowed.locked,
        can_redo=history.can_redo and not parts.allowed.locked,
        can_pin=answer is not None and not parts.allowed.locked,
        pinned=state.pinned is not None,
    )
    parts.code.value = words.heading("As code") + words.code(_shown_spec(state).lesson.code(_shown_spec(state).config))
    if answer is None:
        parts.answer.value = words.waiting(state.spec.input_shape, state.spec.lesson.input_layout)
        parts.right.children = (parts.code,)
        _show(parts.options, False)
        _show(parts.map_options, False)
        _show(parts.below, False)
        return
    parts.answer.value = words.answer(answer.trace)
    with parts.text.hold_sync():
        parts.text.show(answer.spec.lesson_name)
        parts.text.tell(answer.trace, answer.spec.config)
    parts.offer(state.ways_out or ())
    lone = pictures.one_convolution(answer.trace, state.cell)
    _show(parts.options, lone is not None)
    if lone is not None:
        right = _draw_convolution(parts, state, answer, lone)
    else:
        right = _draw_network(parts, state, answer, settled)
    _draw_comparison(parts, state, answer)
    compared = (parts.comparison,) if state.pinned is not None else ()
    told = (parts.text,) if parts.text.html else ()
    parts.right.children = (*compared, parts.code, *right, *told)


def _shown_spec(state: ExplorerState) -> Any:
    return state.spec if state.answer is None else state.answer.spec


def _draw_convolution(parts: Parts, state: ExplorerState, answer: Answer, lone: pictures.OneConvolution) -> Widgets:
    trace, values = answer.trace, state.activations
    channels = _channels(parts, state, answer)
    parts.rule.value = convolution_words.convolution_rule(lone.stage)
    parts.picture.show(_convolution(answer, lone, values, state, channels))
    parts.shapes.value = words.heading("Shapes") + convolution_words.shapes_table(trace, lone.stage)
    parts.said.value = convolution_words.arithmetic(lone, values, channels=channels)
    parts.steps.show(pictures.staircase(lone, trace))
    for widget in (parts.maps, parts.map_options, parts.failure, parts.below):
        _show(widget, False)
    return parts.steps_heading, parts.steps


def _convolution(
    answer: Answer,
    lone: pictures.OneConvolution,
    values: Activations | None,
    state: ExplorerState,
    channels: tuple[int, int],
) -> Figure:
    return pictures.convolution_picture(
        answer.trace, lone, values, _is_narrow(state), view=state.view, channels=channels
    )


def _channels(parts: Parts, state: ExplorerState, answer: Answer) -> tuple[int, int]:
    """The channels to show, kept within the tensors; the lists offer those that there are."""
    shapes = (answer.trace.inputs[0].shape, answer.trace.outputs[0].shape)
    chosen = []
    for widget, shape, wanted in zip((parts.input_channel, parts.output_channel), shapes, state.channels, strict=True):
        count = min(shape[-1], MOST_CHANNELS)
        if len(widget.options) != count:
            widget.options = list(range(count))
        widget.value = min(wanted, count - 1)
        chosen.append(min(wanted, count - 1))
    _show(parts.input_channel, len(shapes[0]) > 2)  # of a sequence all channels are rows
    return chosen[0], chosen[1]


def _draw_network(parts: Parts, state: ExplorerState, answer: Answer, settled: Any) -> Widgets:
    trace, selected = answer.trace, state.selected_stage
    parts.rule.value = (network_words.network_rule if trace.error is None else network_words.failure_rule)(trace)
    parts.picture.show(network_pictures.network_picture(trace, selected, _is_narrow(state)))
    parts.shapes.value = ""
    failure = network_pictures.failure_picture(trace, state.narrow)
    _show(parts.failure, failure is not None)
    if failure is not None:
        parts.failure.show(failure)
    parts.said.value = network_words.failure_said(trace, _near(state.ways_out))
    _draw_maps(parts, state, answer, settled)
    options = network_words.stage_options(trace)
    if dict(parts.stages.options) != options:
        parts.stages.options = list(options.items())
    parts.stages.value = selected
    parts.stages.rows = min(max(len(options), 5), 14)
    parts.facts.value = (
        network_words.stage_details(trace.stages[selected], state.measured) if selected is not None else ""
    )
    parts.source.value = source_html(trace, selected)
    _show(parts.below, bool(trace.stages))
    return (parts.facts,)


def _near(ways: Sequence[Mapping[str, Any]] | None) -> dict[str, tuple[Any, ...]] | None:
    """The values of each field that works when it alone is changed; None while they are not known."""
    if ways is None:
        return None
    found: dict[str, tuple[Any, ...]] = {}
    for way in ways:
        if len(way) == 1:
            for field, value in way.items():
                found[field] = (*found.get(field, ()), value)
    return found


def _draw_maps(parts: Parts, state: ExplorerState, answer: Answer, settled: Any) -> None:
    """The feature maps. While values are on their way the last ones stay, dimmed: empty ones would flicker."""
    trace, selected, values = answer.trace, state.selected_stage, state.activations
    wanted = network_pictures.shown_stages(trace, selected)
    _show(parts.maps, bool(wanted))
    _show(parts.map_options, bool(wanted))
    come = values is not None and set(wanted) <= set(values.stages)
    lesson = answer.spec.lesson_name
    waits = not come and settled != (answer.spec, wanted) and parts.maps_of == lesson
    parts.maps.dimmed = waits
    if waits or not wanted:
        return
    parts.maps_of = lesson if come else None
    maps = network_pictures.maps_picture(
        trace, selected, values, state.narrow, scale=state.map_scale, cell=state.cell, field=state.felt
    )
    if maps is not None:
        parts.maps.show(maps)


def _draw_comparison(parts: Parts, state: ExplorerState, answer: Answer) -> None:
    """The pinned setting's picture and the table of differences, where one is pinned."""
    pinned = state.pinned
    parts.compare(pinned is not None)
    if pinned is None:
        parts.comparison.value = ""
        return
    parts.comparison.value = comparison(pinned, answer)
    parts.pinned_title.value = words.heading(f"pinned: {title_of(pinned)}")
    parts.present_title.value = words.heading(f"now: {title_of(answer)}")
    lone = pictures.one_convolution(pinned.trace, state.pinned_cell)
    if lone is not None:
        parts.pinned_picture.show(_convolution(pinned, lone, state.pinned_values, state, state.pinned_channels))
    else:
        parts.pinned_picture.show(network_pictures.network_picture(pinned.trace, None, _is_narrow(state)))


def _is_narrow(state: ExplorerState) -> bool:
    """Whether a picture stands upright: on a phone, and beside another."""
    return state.narrow or state.pinned is not None


def _show(widget: Any, shown: bool) -> None:
    widget.layout.display = None if shown else "none"
