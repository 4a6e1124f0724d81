"""A browser made of dictionaries: it holds what a page would hold, and says what a page would say."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import comm
import ipywidgets as w
from comm.base_comm import BaseComm
from ipywidgets.widgets.widget import _instances, _put_buffers

VOID = {"br", "img", "hr", "input", "meta", "link"}


class Elements(HTMLParser):
    """The text of each element, by CSS class."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[list[str]] = []
        self.found: list[tuple[list[str], list[str]]] = []
        self.stack: list[list[str]] = []
        self.unbalanced = 0
        self.tags: list[str] = []
        self.feed(html)
        self.close()
        self.unbalanced += len(self.tags)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            return
        self.tags.append(tag)
        text: list[str] = []
        self.found.append(((dict(attrs).get("class") or "").split(), text))
        self.stack.append(text)

    def handle_endtag(self, tag: str) -> None:
        if not self.tags or self.tags[-1] != tag:
            self.unbalanced += 1
            return
        self.tags.pop()
        self.stack.pop()

    def handle_data(self, data: str) -> None:
        for text in self.stack:
            text.append(data)

    def of_class(self, css: str) -> list[str]:
        """The text of every element with this class."""
        return ["".join(text) for classes, text in self.found if css in classes]


class Page:
    """All that the kernel opened, sent and closed; what a handler raises is kept."""

    def __init__(self) -> None:
        self.models: dict[str, dict[str, Any]] = {}
        self.updates: list[tuple[str, dict[str, Any]]] = []
        self.errors: list[Exception] = []
        self.sent: list[tuple[str, Any, list[Any]]] = []

    @property
    def widgets(self) -> dict[str, w.Widget]:
        """All widgets that this page was sent and that live, shown or not, by the name of their model."""
        return {name: _instances[name] for name in self.models if name in _instances}

    def create_comm(self, *args: Any, **kwargs: Any) -> BaseComm:
        """What ``comm.create_comm`` is replaced by."""
        return Recording(self, *args, **kwargs)

    def say(self, widget: w.Widget, **state: Any) -> None:
        """The browser sets traits of a widget, any it likes."""
        self.models[widget.model_id].update(state)
        self.deliver(widget, {"method": "update", "state": dict(state), "buffer_paths": []})

    def press(self, button: w.Button) -> None:
        """A click on a button."""
        self.deliver(button, {"method": "custom", "content": {"event": "click"}})

    def custom(self, widget: w.Widget, content: Any, *buffers: bytes) -> None:
        """A message of a widget's own."""
        self.deliver(widget, {"method": "custom", "content": content}, *buffers)

    def deliver(self, widget: w.Widget, data: Any, *buffers: bytes) -> None:
        """A message of any kind to a widget."""
        try:
            widget.comm.handle_msg({"content": {"data": data}, "buffers": [memoryview(buffer) for buffer in buffers]})
        except Exception as error:  # ipykernel logs it and goes on
            self.errors.append(error)

    def tree(self, root: w.Widget) -> Iterator[w.Widget]:
        """The widgets that the page shows below a root, as far as they are not hidden."""
        if getattr(root, "layout", None) is not None and root.layout.display == "none":
            return
        yield root
        for child in getattr(root, "children", ()):
            yield from self.tree(child)

    def find(self, root: w.Widget, css: str, kind: type = w.Widget) -> list[Any]:
        """Widgets of a kind, at or below those with a CSS class."""
        marked = [widget for widget in self.tree(root) if css in getattr(widget, "_dom_classes", ())]
        return [inner for widget in marked for inner in self.tree(widget) if isinstance(inner, kind)]

    def slider(self, root: w.Widget, field: str) -> w.IntSlider:
        """The slider of a field."""
        (found,) = self.find(root, f"shapelab-control-{field}", w.IntSlider)
        return found

    def number(self, root: w.Widget, field: str) -> w.FloatText:
        """The number of a field that can be typed."""
        (found,) = self.find(root, f"shapelab-control-{field}", w.FloatText)
        return found

    def html(self, root: w.Widget) -> str:
        """All the HTML on the page, in order."""
        return "\n".join(self.models[x.model_id]["value"] for x in self.tree(root) if isinstance(x, w.HTML))

    def text(self, root: w.Widget) -> str:
        """What a person reads."""
        parsed = Elements(f'<div class="all">{self.html(root)}</div>')
        assert not parsed.unbalanced
        return parsed.of_class("all")[0]

    def texts(self, root: w.Widget, css: str) -> list[str]:
        """What a person reads in elements of a class."""
        return Elements(self.html(root)).of_class(css)

    def forget(self) -> None:
        """Begin counting anew."""
        self.updates.clear()


class Recording(BaseComm):
    """One side of a channel whose other side is a ``Page``."""

    def __init__(self, page: Page, *args: Any, **kwargs: Any) -> None:
        self.page = page
        super().__init__(*args, **kwargs)

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
    ) -> None:
        """Take what the kernel publishes; all but the buffers must be JSON."""
        json.dumps(data, allow_nan=False)
        data = json.loads(json.dumps(data or {}))
        if msg_type == "comm_close":
            self.page.models.pop(self.comm_id, None)
            return
        state = data.get("state", {})
        if "buffer_paths" in data:
            _put_buffers(state, data["buffer_paths"], buffers or [])
        if msg_type == "comm_open":
            self.page.models[self.comm_id] = state
        elif data.get("method") == "update":
            self.page.updates.append((self.comm_id, state))
            self.page.models[self.comm_id].update(state)
        elif data.get("method") == "custom":
            self.page.sent.append((self.comm_id, data["content"], list(buffers or [])))


def connected(page: Page) -> Any:
    """The function to put in the place of ``comm.create_comm``."""
    assert hasattr(comm, "create_comm")
    return page.create_comm
