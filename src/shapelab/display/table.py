"""The table: one row a stage or module, a module's rows inside its own, folded by the browser's ``<details>``."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from shapelab.display import cells
from shapelab.display.markup import place, shape_of, text
from shapelab.display.tree import Node, times
from shapelab.report import padding_text
from shapelab.tracing.records import Branch, Failure, Trace, numbered

ROWS = 500  # of a whole table: a notebook keeps each output, and a page lays it out
ROWS_OF_ONE = 200  # of one module
INDENT = 16  # pixels a level
HEADINGS = {
    "window": "size, /stride, ↑spread of a transposed convolution, dilation; one number for all axes or one each",
    "padding": "cells before+after (crop: taken from a full output); one pair for all axes or one each",
    "params": "trainable numbers",
    "MACs": "multiply-accumulates, taps on padding included",
    "field": "receptive field: how many input cells one cell sees through windows",
}
REST = "shapelab.report.text_table(trace)"


def table(trace: Trace, nodes: Sequence[Node]) -> str:
    """All rows below a header; of a very long trace the outermost rows, and a line that says how to see the rest."""
    writer = _Writer(trace, nodes)
    head = "".join(f"<span{_title(HEADINGS.get(word, ''))}>{word}</span> " for word in writer.columns)
    failed = [_failed(trace.error)] if trace.error else []
    kind = "" if writer.slides else " sl-plain"
    return "\n".join(
        [
            f'<div class="sl-scroll"><div class="sl-table{kind}">',
            f'<div class="sl-row sl-head">{head}</div>',
            *writer.rows(nodes, -1, ()),
            *failed,
            "</div></div>",
        ]
    )


class _Writer:
    def __init__(self, trace: Trace, nodes: Sequence[Node]) -> None:
        self._names = numbered(trace.stages)
        self._shown = _allotted(nodes)
        self._whole = len(nodes) == 1  # a single module is opened: a table of one row tells nothing
        self.slides = any(stage.windows for stage in trace.stages)
        windows = ("window", "padding") if self.slides else ()
        self.columns = ("", "output", *windows, "params", "MACs", *(("field",) if self.slides else ()))

    def rows(self, nodes: Sequence[Node], parent: int, outside: tuple[Branch, ...], depth: int = 0) -> list[str]:
        """The rows of these nodes, all of which lie in the same module."""
        shown = self._shown.get(parent, 0)
        lines = []
        for node in nodes[:shown]:
            row = self._row(node, depth, outside)
            if not node.inner:
                lines.append(f'<div class="sl-row">{row}</div>')
                continue
            inner = self.rows(node.inner, id(node), node.stage.branches, depth + 1)
            state = " open" if self._whole and not depth else ""
            lines += [f'<details{state}><summary class="sl-row">{row}</summary>', *inner, "</details>"]
        hidden = sum(len(node.numbers) for node in nodes[shown:])
        if hidden:
            stages = "stage" if hidden == 1 else "stages"
            words = f"… {hidden:,} more {stages}: <code>{REST}</code>"
            lines.append(f'<div class="sl-row sl-rest"><span{_indent(depth)}>{words}</span></div>')
        return lines

    def _row(self, node: Node, depth: int, outside: tuple[Branch, ...]) -> str:
        stage = node.stage
        macs, macs_title = cells.macs_of(stage)
        params = f"{stage.params:,}" if stage.params else ""
        row = [
            f"<span{_indent(depth)}{_title(self._place(node))}>{self._name(node, outside)}</span>",
            _cell(shape_of(stage.out_shape), stage.dtype, cells.letters_of(stage)),
        ]
        if self.slides:
            unread, which = cells.unread_of(stage)
            amber = f" <u{_title(which)}>{text(unread)}</u>" if unread else ""
            row += [_cell(*cells.window_of(stage)), f"<span>{text(padding_text(stage))}{amber}</span>"]
        row += [_cell(params, cells.parameters_of(stage) if params else ""), _cell(macs, macs_title)]
        return " ".join([*row, _cell(cells.field_of(stage))] if self.slides else row)

    def _name(self, node: Node, outside: tuple[Branch, ...]) -> str:
        stage = node.stage
        name = text(node.label)
        written = f"<b>{name}</b>" if node.inner or stage.layer else name
        kind = stage.module_type if node.inner else stage.op if stage.layer else ""
        call = f"call {node.call.number}" if node.call and node.call.number > 1 else ""
        more = " ".join(filter(None, (text(kind, 60), call)))
        runs = times(stage, outside)
        return written + (f" <i>{more}</i>" if more else "") + (f" <em>{runs}</em>" if runs else "")

    def _place(self, node: Node) -> str:
        """Which stage it is, its whole name, and the caller's line."""
        numbers = node.numbers
        which = f"stages {numbers[0]} to {numbers[-1]}" if node.inner else f"stage {numbers[0]}"
        name = node.stage.path if node.inner else self._names[numbers[0]]
        kind = node.stage.module_type
        return " · ".join(filter(None, (which, name, kind, place(node.stage.source))))


def _allotted(nodes: Sequence[Node]) -> dict[int, int]:
    """How many rows of each module are shown (-1: of the traced one): outer levels first, until all are spent."""
    left = ROWS
    shown: dict[int, int] = {}
    waiting: deque[tuple[int, Sequence[Node]]] = deque([(-1, nodes)])
    while waiting:
        parent, children = waiting.popleft()
        shown[parent] = min(len(children), ROWS_OF_ONE, left)
        left -= shown[parent]
        waiting += [(id(child), child.inner) for child in children[: shown[parent]] if child.inner]
    return shown


def _failed(error: Failure) -> str:
    """The last row: the step that did not come about."""
    shapes = "  ".join(shape_of(shape) for shape in error.in_shapes)
    name = " ".join(filter(None, (error.path, error.op))) or "forward"
    words = f"<span{_title(place(error.source))}>✕ <b>{text(name)}</b> <i>failed</i></span> <span>{text(shapes)}</span>"
    return f'<div class="sl-row sl-bad">{words}</div>'


def _cell(short: str, title: str = "", letters: str = "") -> str:
    more = f" <i>{text(letters)}</i>" if letters else ""
    return f"<span{_title(title)}>{text(short)}{more}</span>"


def _title(words: str) -> str:
    return f' title="{text(words)}"' if words else ""


def _indent(depth: int) -> str:
    return f' style="padding-left:{depth * INDENT}px"' if depth else ""
