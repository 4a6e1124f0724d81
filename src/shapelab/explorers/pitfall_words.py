"""What the gallery of mistakes says, as HTML. What a program did is read from its run; the rest is the record's."""

from __future__ import annotations

from html import escape

from shapelab.explorers.pitfall_picture import tensor
from shapelab.explorers.words import layout_text, shape_text
from shapelab.pitfalls.outcome import Case, Outcome, Ran
from shapelab.pitfalls.records import Pitfall, Setting, Source

# kind: a mark, and the words beside it
BADGES = {
    "error": ("✕", "fails"),
    "shape": ("◧", "wrong shape, no error"),
    "values": ("≠", "wrong values, no error"),
    "fine": ("=", "no difference here"),
}
RIGHT = ("✓", "right")


def setting(values: Setting) -> str:
    """``C = 3, features = 4``."""
    return ", ".join(f"{name} = {value}" for name, value in values.items())


def head(shown: Pitfall) -> str:
    """Title, and what goes wrong."""
    only = setting(shown.settings[0]) if len(shown.settings) == 1 else ""
    return (
        f'<h2 class="sl-pitfall-title">{escape(shown.title)}</h2><p class="sl-pitfall-why">{escape(shown.why)}</p>'
        f'<p class="sl-heading">Run with <span class="sl-mono">{escape(only)}</span></p>'
    )


def both(shown: Pitfall, case: Case | None) -> str:
    """Both versions side by side, with what came of each."""
    wrong, right = shown.sources()
    sides = (
        _side(shown, "The mistake", wrong, case, case.wrong if case else None, "wrong"),
        _side(shown, "The right way", right, case, case.right if case else None, "right"),
    )
    return f'<div class="sl-pitfall-both">{"".join(sides)}</div>'


def foot(shown: Pitfall, outcome: Outcome | None) -> str:
    """How to notice it, where it hides, and which versions ran."""
    rows = [("How to see it", shown.see), ("Where it hides", shown.hides)]
    said = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in rows if text)
    ran = f"Run with jax {outcome.jax} and flax {outcome.flax}." if outcome else "Running …"
    return f'<dl class="sl-pitfall-notes">{said}</dl><p class="sl-pitfall-ran" role="status">{escape(ran)}</p>'


def _side(shown: Pitfall, name: str, source: Source, case: Case | None, ran: Ran | None, role: str) -> str:
    parts = [f'<h3 class="sl-heading">{name}</h3>', _code(name, source, ran, role)]
    if case is None or ran is None:
        parts.append('<div class="sl-pitfall-outcome sl-quiet">running …</div>')
    else:
        parts.append(f'<div class="sl-pitfall-outcome">{_badge(ran, role)}{_answer(shown, case, ran)}')
        parts.append(f"{_numbers(case, ran, role)}{_message(ran)}{_drawn(shown, case, role)}</div>")
    return f'<section class="sl-pitfall-side sl-side-{role}">{"".join(parts)}</section>'


def _code(name: str, source: Source, ran: Ran | None, role: str) -> str:
    """A source whose lines that the other version lacks are marked, by a sign and a ground."""
    sign = "−" if role == "wrong" else "+"
    raised = ran.line - 1 if ran is not None else -1
    lines = []
    for number, line in enumerate(source.lines):
        changed = number in source.changed
        tag = "mark" if changed else "span"
        here = '  <b class="sl-raises">raises here</b>' if number == raised else ""
        gutter = "✕" if number == raised else sign if changed else " "
        text = f"<i>{gutter}</i>{escape(line) or ' '}{here}"
        lines.append(f'<{tag} class="sl-line">{text}</{tag}>')
    reach = (
        f'tabindex="0" role="region" aria-label="{name}: code"'  # to scroll what is wider than its place by keyboard
    )
    return f'<pre class="sl-code sl-pitfall-code" {reach}>{"".join(lines)}</pre>'


def _badge(ran: Ran, role: str) -> str:
    mark, words = RIGHT if role == "right" and ran.kind == "fine" else BADGES[ran.kind]
    kind = "right" if role == "right" and ran.kind == "fine" else ran.kind
    if ran.kind == "error":
        words = f"{words}: {ran.error}"
    return f'<p class="sl-badge sl-badge-{kind}"><span aria-hidden="true">{mark}</span> {escape(words)}</p>'


def _answer(shown: Pitfall, case: Case, ran: Ran) -> str:
    """Input shape, arrow, output shape."""
    before = _shape("sl-input", case.inputs[0][1], shown.reads)
    after = (
        '<span class="sl-shape sl-none">no output</span>'
        if ran.shape is None
        else _shape("sl-output" if ran.kind != "shape" else "sl-failed", ran.shape, shown.layout)
    )
    others = ", ".join(f"{name} {shape_text(shape)}" for name, shape in case.inputs[1:])
    beside = f'<p class="sl-quiet sl-mono sl-pitfall-given">with {escape(others)}</p>' if others else ""
    return f'<p class="sl-pitfall-answer">{before}<span class="sl-arrow">→</span>{after}</p>{beside}'


def _shape(css: str, shape: tuple[int, ...], layout: tuple[str, ...]) -> str:
    names = layout_text(layout) if len(layout) == len(shape) else f"{len(shape)} axes"
    below = f'<span class="sl-layout">{escape(names)}</span>'
    return f'<span class="sl-shape"><span class="{css}">{shape_text(shape)}</span>{below}</span>'


def _numbers(case: Case, ran: Ran, role: str) -> str:
    """The span of what was returned; of the wrong version also how far it is from the right one."""
    if ran.smallest is None or ran.mean is None or ran.largest is None:
        return ""
    said = f"{ran.dtype}, smallest {_short(ran.smallest)}, mean {_short(ran.mean)}, largest {_short(ran.largest)}"
    if role == "wrong" and case.difference is not None and case.differing is not None:
        said += (
            f"<br>largest difference to the right values {_short(case.difference)}; {case.differing:.0%} of them differ"
        )
    return f'<p class="sl-pitfall-numbers">{said}</p>'


def _short(number: float) -> str:
    return f"{number:.3g}".replace("-", "−")


def _drawn(shown: Pitfall, case: Case, role: str) -> str:
    """The result to the scale of the other one, where their shapes differ."""
    wrong, right = case.wrong.shape, case.right.shape
    if wrong is None or right is None or wrong == right or len(wrong) != len(right):
        return ""
    ours, theirs = (wrong, right) if role == "wrong" else (right, wrong)
    drawn = tensor(ours, theirs, shown.layout, right=role == "right")
    return f'<figure class="sl-pitfall-tensor">{drawn}</figure>'


def _message(ran: Ran) -> str:
    if not ran.error:
        return ""
    return (
        f'<details class="sl-pitfall-said"><summary>What was said</summary>'
        f"<pre>{escape(ran.error)}: {escape(ran.message)}</pre></details>"
    )
