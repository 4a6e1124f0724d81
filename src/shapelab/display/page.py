"""The whole: what goes in and comes out, the totals, the picture, the table."""

from __future__ import annotations

from shapelab.display.joining import drawing
from shapelab.display.markup import in_bytes, in_short, place, shape_of, text
from shapelab.display.picture import picture
from shapelab.display.style import STYLE
from shapelab.display.table import table
from shapelab.display.tree import rooted
from shapelab.report import text_table
from shapelab.tracing.records import Failure, Tensor, Trace

LINES = 60  # of the plain text beside the HTML: IPython in a terminal prints it


def mimebundle(trace: Trace) -> dict[str, str]:
    """A trace for a notebook, and for a front end that shows no HTML as plain text."""
    return {"text/html": to_html(trace), "text/plain": to_text(trace)}


def to_text(trace: Trace) -> str:
    """``text_table``, folded into modules until it has few enough lines; ``repr`` where that does not help."""
    if len(trace.stages) <= LINES:
        return text_table(trace)
    for depth in range(max(len(stage.calls) for stage in trace.stages), 0, -1):
        if len(trace.at(depth).stages) <= LINES:
            return text_table(trace, depth)
    return repr(trace)


def to_html(trace: Trace) -> str:
    """A self-contained piece of HTML: no script, nothing fetched, both themes.

    Every text that comes from the traced program is escaped. Of thousands of stages the outermost rows are written.
    """
    nodes = rooted(trace)
    parts = [
        f"<style>{STYLE}</style>",
        '<div class="shapelab-trace">',
        _heading(trace),
        _totals(trace),
        *([_failure(trace.error)] if trace.error else []),
        picture(trace, drawing(trace, nodes)),
        table(trace, nodes),
        _notes(trace),
        "</div>",
    ]
    return "\n".join(part for part in parts if part)


def _heading(trace: Trace) -> str:
    given = ", ".join(f"{text(tensor.name, 60)} {_tensor(tensor, 'sl-in')}" for tensor in trace.inputs)
    made = ", ".join(_tensor(tensor, "sl-out") for tensor in trace.outputs)
    if trace.error:
        made = f'<span class="sl-failed">fails in {text(_where(trace.error), 60)}</span>'
    return f'<div class="sl-title"><b>{text(trace.name, 80)}:</b> {given} → {made or "no output"}</div>'


def _tensor(tensor: Tensor, colour: str) -> str:
    axes = ", ".join(axis or "·" for axis in tensor.layout) if any(tensor.layout) else ""
    title = " ".join(filter(None, (axes, tensor.dtype)))
    return f'<span class="{colour}" title="{text(title)}">{shape_of(tensor.shape)}</span>'


def _totals(trace: Trace) -> str:
    fixed = f", and {trace.params_fixed:,} numbers that are not trained" if trace.params_fixed else ""
    stages, peak = len(trace.stages), trace.peak_activation_bytes
    words = [
        _total(f"{stages:,}", "stage" if stages == 1 else "stages", ""),
        _total(in_short(trace.params), "parameters", f"{trace.params:,} trainable parameters{fixed}"),
        _total(in_short(trace.macs), "MACs", f"{trace.macs:,} multiply-accumulates, taps on padding included"),
        _total(in_short(trace.flops), "FLOPs", f"{trace.flops:,} floating-point operations"),
        _total(in_bytes(peak), "peak activations", f"{peak:,} bytes: {PEAK}"),
    ]
    return f'<div class="sl-totals">{" · ".join(words)}</div>'


PEAK = "inputs and stage outputs alive at once, parameters not counted"


def _total(number: str, unit: str, title: str) -> str:
    return (
        f'<span title="{text(title)}"><b>{number}</b> {unit}</span>'
        if title
        else f"<span><b>{number}</b> {unit}</span>"
    )


def _failure(error: Failure) -> str:
    """What failed, the shapes that met there, why, and what would work."""
    shapes = " and ".join(f"<code>{shape_of(shape)}</code>" for shape in error.in_shapes)
    said = text(error.message, 600)
    lines = [
        f"<div><b>{text(_where(error))}</b>{' was given ' * bool(shapes)}{shapes}</div>",
        f"<div>{text(error.explanation, 600)}</div>" if error.explanation else "",
        f'<div class="sl-remedy">{text(error.remedy, 600)}</div>' if error.remedy else "",
        f'<div class="sl-said">{said}</div>' if said else "",
        f"<div><code>{text(place(error.source), 240)}</code></div>" if error.source else "",
    ]
    return '<div class="sl-failure">' + "\n".join(filter(None, lines)) + "</div>"


def _notes(trace: Trace) -> str:
    """The signs that the table uses and does not explain."""
    starred = any(stage.couples_all for stage in trace.stages) and any(stage.windows for stage in trace.stages)
    if not starred:
        return ""
    return '<div class="sl-note">* through batch or global statistics it also depends on the whole input</div>'


def _where(error: Failure) -> str:
    return " ".join(filter(None, (error.path, error.op.replace("_", " ")))) or "the forward"
