"""What an explorer shows first, as HTML without a script: for a page whose widgets are still on their way.

The words and pictures are those of the live explorer, made by the same functions from the same trace, in the same
places. Nothing of it can be operated, and a screen reader waits for the live page.
"""

from __future__ import annotations

from html import escape
from typing import Any

from shapelab.engine.answers import Activations
from shapelab.engine.spec import Spec
from shapelab.explorers import convolution_words, pictures, words
from shapelab.explorers.allowed import Allowed
from shapelab.explorers.controls import unfolding
from shapelab.explorers.fields import fits_in_a_row
from shapelab.explorers.front import style
from shapelab.explorers.gallery import TABS
from shapelab.explorers.lesson_text import written
from shapelab.explorers.links import Link
from shapelab.figures.svg import svg, variables
from shapelab.figures.theme import DARK, LIGHT
from shapelab.geometry.pooling import MOST_CHANNELS
from shapelab.lessons.base import Bounds, Choices
from shapelab.tracing.records import Trace

HOOKS = {"shapelab-output-shape": "", "shapelab-padding": ""}  # names by which scripts find the live ones


def first_view(link: Link, trace: Trace, values: Activations | None) -> str:
    """The explorer as a link begins it; "" for all but a lone convolution, which begins with another picture."""
    spec, lone = link.spec, pictures.one_convolution(trace, link.cell)
    if lone is None or link.compare is not None or link.pitfall:
        return ""
    allowed, channels = Allowed(link.show, link.lock), _channels(link, trace)

    def drawn(narrow: bool) -> dict[str, Any]:
        return pictures.convolution_picture(trace, lone, values, narrow, view=link.view, channels=channels)

    centre = [
        ("", words.answer(trace)),
        ("sl-rules", convolution_words.convolution_rule(lone.stage)),
        *((f"sl-first-figure sl-{width}", svg(drawn(width == "narrow"))) for width in ("wide", "narrow")),
        ("sl-options", _options(trace, link.view, channels)),
        ("sl-said", convolution_words.arithmetic(lone, values, channels=channels)),
        ("sl-shapes", words.heading("Shapes") + convolution_words.shapes_table(trace, lone.stage)),
    ]
    right = [
        ("", words.heading("As code") + words.code(spec.lesson.code(spec.config))),
        ("", words.heading("Size of the output")),
        ("sl-first-figure", svg(pictures.staircase(lone, trace))),
        ("shapelab-text", written(spec.lesson_name, trace, spec.config)),
    ]
    locked = " sl-first-locked" if link.lock else ""
    columns = (
        f'<div class="sl-left{locked}">{_controls(spec, allowed)}</div><div class="sl-centre">{_blocks(centre)}</div>'
        f'<div class="sl-right">{_blocks(right)}</div>'
    )
    shown = f'{_tabs(spec, allowed)}<div class="shapelab"><div class="sl-columns">{columns}</div></div>'
    for hook, nothing in HOOKS.items():
        shown = shown.replace(hook, nothing)
    return f'<div class="shapelab-gallery" data-shapelab-first aria-hidden="true" inert>{shown}</div>'


def first_view_style() -> str:
    """Its style sheet: the live explorer's, and the colours of its pictures in both themes."""
    own = style()
    first = "[data-shapelab-first]"
    return f'{own}{first}{{{variables(LIGHT)}}}[data-theme="dark"] {first}{{{variables(DARK)}}}'


def _blocks(parts: list[tuple[str, str]]) -> str:
    return "".join(f'<div class="sl-first-block {css}">{html}</div>' for css, html in parts)


def _tabs(spec: Spec, allowed: Allowed) -> str:
    """The lessons, and what can be done with a setting, where they will stand."""
    tabs = "".join(
        f'<span class="jupyter-button{" mod-active" if name == spec.lesson_name else ""}">{escape(title)}</span>'
        for title, name in TABS
    )
    tools = "".join(f'<button class="jupyter-button" disabled>{name}</button>' for name in ("Undo", "Redo", "Compare"))
    lessons = f'<div class="shapelab-lessons sl-first-tabs">{tabs}</div>' if allowed.fields is None else ""
    return f'{lessons}<div class="sl-toolbar">{tools}</div>'


def _controls(spec: Spec, allowed: Allowed) -> str:
    """The controls as they will stand: each as its name, its value, and its track."""
    parts, heading = [], ""
    rules = spec.config.rules()
    all_shown = allowed.fields is None
    folded = [name for name, rule in rules.items() if rule.more and all_shown]
    unfolded = [name for name in folded if getattr(spec.config, name) != getattr(type(spec.config), name)]
    groups = {rule.group for name, rule in rules.items() if allowed.shows(name)}
    for name, rule in rules.items():
        if rule.group != heading and rule.group in groups:
            heading = rule.group
            parts.append(f'<div class="sl-first-block">{words.heading(heading)}</div>')
        if folded and name == folded[0]:
            active = " mod-active" if unfolded else ""
            parts.append(f'<div class="sl-unfold{active}">{escape(unfolding(folded))}</div>')
        group = spec.lesson.group_of(name)
        equal = len({getattr(spec.config, linked) for linked in group}) == 1
        tied = len(group) > 1 and equal and isinstance(rule, Bounds) and rule.apart
        if spec.config.counts(name) and not tied and (name not in folded or unfolded) and allowed.shows(name):
            parts.append(_control(name, rule, getattr(spec.config, name)))
        if len(group) > 1 and name == group[-1] and all(map(allowed.shows, group)):
            box = f'<input type="checkbox"{" checked" if equal else ""}{" disabled" if allowed.locked else ""}>'
            parts.append(f'<div class="sl-first-link">{box}{escape(" = ".join(group))}</div>')
    if spec.lesson.presets and all_shown:
        parts.append(f'<div class="sl-first-block">{words.heading("Try")}</div>')
        parts += [f'<div class="sl-first-preset">{escape(preset)}</div>' for preset in spec.lesson.presets]
    return "".join(parts)


def _channels(link: Link, trace: Trace) -> tuple[int, int]:
    """The channels that the link chooses, within those that there are."""
    counts = (trace.inputs[0].shape[-1], trace.outputs[0].shape[-1])
    given, made = (min(at, n - 1, MOST_CHANNELS - 1) for at, n in zip(link.channels, counts, strict=True))
    return given, made


def _options(trace: Trace, view: str, channels: tuple[int, int]) -> str:
    """What the picture can show, where it can be chosen."""
    lists = "".join(
        f'<div class="widget-dropdown"><span class="widget-label">{name} channel</span>'
        f"<select><option>{channel}</option></select></div>"
        for name, channel in zip(("input", "output"), channels, strict=True)
        if name == "output" or len(trace.outputs[0].shape) > 2
    )
    views = "".join(
        f'<button class="jupyter-button{" mod-active" if name == view else ""}">{name}</button>'
        for name in ("values", "coverage")
    )
    return f'<div class="widget-toggle-buttons"><span class="widget-label">show</span>{views}</div>{lists}'


def _control(name: str, rule: Bounds | Choices, value: int | str) -> str:
    title = f"<span>{escape(name)}</span>"
    if isinstance(rule, Choices) and not fits_in_a_row(rule):
        return f'<div class="sl-first-control sl-list">{title}<u>{escape(str(value))}</u></div>'
    if isinstance(rule, Choices):
        words_of = (f"<b{' class=mod-active' if each == value else ''}>{escape(each)}</b>" for each in rule.values)
        return f'<div class="sl-first-control sl-first-choice">{title}{"".join(words_of)}</div>'
    share = min((int(value) - rule.low) / (rule.slide - rule.low), 1.0)
    return (
        f'<div class="sl-first-control sl-role-{rule.role}">{title}<b>{value}</b>'
        f'<i style="--share:{share:.4f}"></i></div>'
    )
