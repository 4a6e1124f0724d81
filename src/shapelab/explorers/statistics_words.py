"""What a batch norm normalises with, channel by channel, before and after the call, as HTML."""

from __future__ import annotations

from html import escape

from shapelab.engine.answers import Statistics
from shapelab.tracing.records import Stage

MOST = 8  # channels


def statistics_table(stage: Stage, statistics: Statistics | None) -> str:
    """A row a channel: batch mean and variance, the running ones before and after the call; then what is used."""
    head = '<div class="sl-subheading">Statistics</div>'
    if statistics is None:
        return f'{head}<div class="sl-quiet">on their way …</div>'
    found = statistics
    channels = stage.out_shape[-1]
    shown = min(MOST, len(found.running_mean_before))
    rows = "".join(
        f"<tr><th scope=row>{c}</th>{_pair(found.batch_mean, found.batch_variance, c, 'sl-output')}"
        f"{_pair(found.running_mean_before, found.running_variance_before, c, 'sl-quiet')}"
        f"{_pair(found.running_mean_after, found.running_variance_after, c, 'sl-kernel')}</tr>"
        for c in range(shown)
    )
    columns = (
        "<tr><th rowspan=2>C</th><th colspan=2>batch</th><th colspan=2>running, before</th>"
        "<th colspan=2>running, after</th></tr><tr>" + "<th>mean</th><th>var</th>" * 3 + "</tr>"
    )
    few = f'<div class="sl-quiet">channels 0 to {shown - 1} of {channels}</div>' if shown < channels else ""
    table = f'<div class="sl-scrolled"><table class="sl-table sl-statistics">{columns}{rows}</table></div>'
    return f'{head}{table}{few}<div class="sl-facts">{escape(_used(found))}</div>'


def _pair(mean: object, variance: object, channel: int, css: str) -> str:
    return "".join(
        f'<td class="sl-mono {css}">{"–" if values is None else format(float(values[channel]), ".3g")}</td>'  # type: ignore[index]
        for values in (mean, variance)
    )


def _used(found: Statistics) -> str:
    """What this call normalises with, and what it does to the running values."""
    if found.batch_mean is None:
        return (
            "eval: each value is normalised with the running mean and variance, which stay as they are. "
            "No cell looks at any other."
        )
    kept, new = found.momentum, 1 - found.momentum
    return (
        "train: each value is normalised with the mean and variance of this very input; "
        f"running after = {kept:g} · before + {new:.3g} · batch. ε = {found.epsilon:g}."
    )
