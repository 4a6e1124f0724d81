"""Two settings beside each other, as an HTML table: what differs is marked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from html import escape

from shapelab.explorers.state import Answer
from shapelab.explorers.words import SIDES, axes_of, shape_text
from shapelab.tracing.records import Trace

NOTHING = "–"


def comparison(pinned: Answer, present: Answer) -> str:
    """The table: a row for each setting that differs and for each fact, the pinned one's first."""
    rows = [_row(name, *pair, "setting") for name, pair in _settings(pinned, present).items() if pair[0] != pair[1]]
    before, after = dict(_facts(pinned.trace)), dict(_facts(present.trace))
    names = list(dict.fromkeys((*before, *after)))
    rows += [_row(name, before.get(name, NOTHING), after.get(name, NOTHING), "fact") for name in names]
    same = pinned.spec == present.spec
    said = '<div class="sl-quiet">Move a control: what then differs is marked.</div>' if same else ""
    head = "<tr><th></th><th>pinned</th><th>now</th></tr>"
    return f'<div class="sl-comparison"><table class="sl-table sl-numbers">{head}{"".join(rows)}</table>{said}</div>'


def title_of(answer: Answer) -> str:
    """``Conv2D (7, 7, 3) → (4, 4, 4)``."""
    trace = answer.trace
    after = shape_text(trace.outputs[0].shape) if trace.outputs and trace.error is None else "no output"
    return f"{answer.spec.lesson.title} {shape_text(trace.inputs[trace.main].shape)} → {after}"


def _row(name: str, before: str, after: str, kind: str) -> str:
    differs = before != after
    css = f"sl-compared-{kind}" + (" sl-differs" if differs else "")
    mark = '<span class="sl-differs-mark" title="differs" aria-label="differs">≠</span>' if differs else ""
    return (
        f'<tr class="{css}"><td>{escape(name)}</td><td class="sl-mono">{escape(before)}</td>'
        f'<td class="sl-mono">{escape(after)} {mark}</td></tr>'
    )


def _settings(pinned: Answer, present: Answer) -> dict[str, tuple[str, str]]:
    """Each field's two values; a field that one of them has not is not set there."""
    before, after = _values(pinned), _values(present)
    return {
        name: (before.get(name, NOTHING), after.get(name, NOTHING))
        for name in dict.fromkeys(("lesson", *before, *after))
    }


def _values(answer: Answer) -> dict[str, str]:
    config = answer.spec.config
    counted = {name: value for name, value in dataclasses.asdict(config).items() if config.counts(name)}
    return {"lesson": answer.spec.lesson.title, **{name: str(value) for name, value in counted.items()}}


def _facts(trace: Trace) -> Iterator[tuple[str, str]]:
    yield "input", shape_text(trace.inputs[trace.main].shape)
    failed = trace.error is not None or not trace.outputs
    yield "output", "no output" if failed else shape_text(trace.outputs[0].shape)
    sliding = [stage for stage in trace.stages if stage.windows is not None]
    if len(sliding) == 1:
        for axis, window, _, _ in axes_of(sliding[0]):
            low, high = SIDES[axis]
            yield f"padding, {low}", str(window.padding.lo)
            yield f"padding, {high}", str(window.padding.hi)
    else:
        yield "stages", f"{len(trace.stages)}"
    yield "parameters", f"{trace.params:,}"
    yield "MACs", f"{trace.macs:,}"
