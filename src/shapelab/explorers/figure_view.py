"""A picture: a plain Plotly specification, drawn by the one small ES module of this package."""

from __future__ import annotations

import gzip
import importlib.util
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import traitlets as t

from shapelab.explorers.fronted import Fronted, is_switch, is_whole
from shapelab.figures.marks import marks
from shapelab.figures.theme import DARK_FOR_LIGHT

NO_STAGE = -2


class FigureView(Fronted):
    """Shows a specification of ``shapelab.figures``.

    Attributes:
      spec: the picture, packed by ``pack``; set it with ``show``.
      dark: the dark colour for each light one.
      dimmed: whether the picture is of an older state than the controls.
      narrow: whether the page is narrow, as the browser last said.
      cell: the output cell just clicked, (row, column), or nothing.
      stage: the stage just clicked, or ``NO_STAGE``.
    """

    _part = "default"
    hears: ClassVar = {"cell": lambda self, value: _is_cell(value), "stage": is_whole, "narrow": is_switch}
    always = frozenset({"narrow"})

    spec = t.Dict().tag(sync=True)
    dark = t.Dict(DARK_FOR_LIGHT).tag(sync=True)
    dimmed = t.Bool(False).tag(sync=True)
    narrow = t.Bool(False).tag(sync=True)
    cell = t.List(t.Int(), default_value=[]).tag(sync=True)
    stage = t.Int(NO_STAGE).tag(sync=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._ready: list[Callable[[], None]] = []
        self._keys: list[Callable[[str], None]] = []

    def on_ready(self, call: Callable[[], None]) -> None:
        """Call a function each time a page has begun to show the picture."""
        self._ready.append(call)

    def on_key(self, call: Callable[[str], None]) -> None:
        """Call a function with "undo" or "redo" when the keys for it were pressed anywhere in the explorer."""
        self._keys.append(call)

    def show(self, spec: dict[str, Any]) -> None:
        """Draw a specification; nothing is sent when it is the one already shown."""
        self.spec = to_send(spec)

    def serves(self, content: dict[str, Any]) -> str:
        """A page asks for plotly.js, or says that it has begun to show the picture."""
        asked = "plotly" if content.get("ask") == "plotly" else "ready" if content.get("say") == "ready" else ""
        return asked or super().serves(content)

    def heard(self, content: dict[str, Any], buffers: list[Any]) -> None:
        """Send plotly.js to a page that has no address for it, once a page: the browser remembers it."""
        if content.get("ask") == "plotly":
            self.send({"give": "plotly"}, buffers=[_plotly_bundle()])
        elif content.get("say") == "ready":
            for call in self._ready:
                call()
        elif content.get("do") in ("undo", "redo"):
            for press in self._keys:
                press(content["do"])


def _is_cell(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(is_whole(None, each) for each in value)


def to_send(spec: dict[str, Any]) -> dict[str, Any]:
    """A specification as the page takes it: its data and layout packed, its shapes and annotations as SVG."""
    layout = {key: value for key, value in spec["layout"].items() if key not in ("shapes", "annotations")}
    sent: dict[str, Any] = pack({"data": spec["data"], "layout": layout, "marks": marks(spec["layout"], pinned=False)})
    return sent


def pack(value: Any) -> Any:
    """A specification with each numpy array as its shape and its bytes, which travel beside the JSON."""
    if isinstance(value, np.ndarray):
        numbers = np.ascontiguousarray(value, dtype=np.float32)
        return {"shape": list(numbers.shape), "float32": numbers.tobytes()}
    if isinstance(value, dict):
        return {key: pack(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [pack(item) for item in value]
    return value


@lru_cache(maxsize=1)
def _plotly_bundle() -> bytes:
    found = importlib.util.find_spec("plotly")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("plotly is not installed: pip install plotly")
    bundle = Path(found.submodule_search_locations[0]) / "package_data" / "plotly.min.js"
    return gzip.compress(bundle.read_bytes(), 6)
