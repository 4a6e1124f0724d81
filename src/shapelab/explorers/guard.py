"""What a page may say to widgets, and how often.

A page can be anything that speaks to the kernel: it may set any trait of any widget, shown or not, at any rate. Here it
is heard only where a visitor has a hand on something: the value of a slider, the click on a button. All else that a
widget holds (its ends, its words, whether it is shown) is the kernel's own word, and stays so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import comm
import ipywidgets as w

from shapelab.explorers.fronted import Fronted, Test, is_switch
from shapelab.explorers.turnstile import Turnstile

BURST, A_SECOND = 200, 40  # of what hands do: ten seconds of dragging at sixty moves a second pass unheld
HEAVY_BURST, HEAVY_A_SECOND = 24, 2  # of what is answered with much: the script, a picture's whole state


def _is_number(_widget: w.Widget, value: Any) -> bool:
    """Whether a value is a number; of its size the lesson's rules say something."""
    return type(value) is int or (type(value) is float and math.isfinite(value))


def _is_on_track(widget: Any, value: Any) -> bool:
    return type(value) is int and widget.min <= value <= widget.max


def _is_index(widget: Any, value: Any) -> bool:
    return type(value) is int and 0 <= value < len(widget.options)


_HEARD: tuple[tuple[type[w.Widget] | tuple[type[w.Widget], ...], str, Test], ...] = (
    (w.IntSlider, "value", _is_on_track),
    (w.FloatText, "value", _is_number),
    ((w.Checkbox, w.ToggleButton), "value", is_switch),
    ((w.ToggleButtons, w.Dropdown, w.Select, w.RadioButtons), "index", _is_index),
)


class Guard:
    """Stands between a page and the widgets of one tree."""

    def __init__(self, *roots: w.Widget) -> None:
        """Set up; nobody is guarded yet.

        Args:
          *roots: what is put on a page: a widget that does not stand below one of them, or is hidden, acts on nothing.
        """
        self._roots = roots
        self._hands, self._heavy = Turnstile(BURST, A_SECOND), Turnstile(HEAVY_BURST, HEAVY_A_SECOND)

    @property
    def waiting(self) -> int:
        """How much of what was said waits for its turn."""
        return self._hands.waiting + self._heavy.waiting

    def watch(self, *widgets: w.Widget) -> None:
        """Guard widgets, all below them, and their layouts and styles; once each, when they are made."""
        for widget in widgets:
            for each in _whole_of(widget):
                if each.comm is not None:
                    each.comm.on_msg(partial(self._hear, each))
                    each.comm.on_close(partial(_reopen, each))

    def _hear(self, widget: w.Widget, message: Mapping[str, Any]) -> None:
        """A message to a widget; what is no such thing is dropped."""
        data = message["content"].get("data")
        if not isinstance(data, dict):
            return
        method, state, content = data.get("method"), data.get("state"), data.get("content")
        if method == "update" and isinstance(state, dict):
            for name, test in _heard(widget).items():
                if name in state:
                    set_it = partial(self._set, widget, name, state[name], test)
                    self._hands.take((widget.model_id, name), set_it)
        elif method == "request_state":
            way = self._heavy if isinstance(widget, Fronted) else self._hands
            way.take((widget.model_id, "state"), widget.send_state)
        elif method == "custom" and isinstance(content, dict):
            self._hear_custom(widget, content, list(message.get("buffers") or ()))

    def _hear_custom(self, widget: w.Widget, content: dict[str, Any], buffers: list[Any]) -> None:
        tell = partial(_deliver, widget, {"method": "custom", "content": content}, buffers)
        served = widget.serves(content) if isinstance(widget, Fronted) else ""
        if served:
            self._heavy.take((widget.model_id, served), tell)
        elif isinstance(widget, w.Button | Fronted):
            self._hands.take((widget.model_id, "custom"), lambda: tell() if self._acts(widget) else None)

    def _set(self, widget: w.Widget, name: str, value: Any, test: Test) -> None:
        """Take a value; where it is refused the page is told what holds."""
        always = isinstance(widget, Fronted) and name in widget.always
        if test(widget, value) and (always or self._acts(widget)):
            _deliver(widget, {"method": "update", "state": {name: value}})
        else:
            widget.send_state(name)

    def _acts(self, widget: w.Widget) -> bool:
        """Whether a hand could be on a widget. What says so no page can set."""
        return not getattr(widget, "disabled", False) and any(widget in _shown(root) for root in self._roots)


def _heard(widget: w.Widget) -> Mapping[str, Test]:
    """The traits of a widget that a page may set, each with what its values must be."""
    if isinstance(widget, Fronted):
        return widget.hears
    return {name: test for kinds, name, test in _HEARD if isinstance(widget, kinds)}


def _deliver(widget: w.Widget, data: dict[str, Any], buffers: list[Any] | None = None) -> None:
    widget._handle_msg({"content": {"data": data}, "buffers": buffers or []})


def _reopen(widget: w.Widget, _message: Any) -> None:
    """A page that closes its end of a widget closes that alone: the widget lives as long as the kernel says."""
    if widget.comm is not None:
        widget.comm._closed = False
        comm.get_comm_manager().register_comm(widget.comm)


def _shown(root: Any) -> Iterator[w.Widget]:
    """What is to be seen at and below a widget."""
    if root.layout.display == "none":
        return
    yield root
    for child in getattr(root, "children", ()):
        yield from _shown(child)


def _whole_of(widget: Any) -> Iterator[w.Widget]:
    """A widget, all below it, and their layouts and styles."""
    yield widget
    for name in ("layout", "style"):
        part = getattr(widget, name, None)
        if isinstance(part, w.Widget):
            yield part
    for child in getattr(widget, "children", ()):
        yield from _whole_of(child)
