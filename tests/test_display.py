"""What a notebook shows of a trace: parsed, counted and measured."""

import re
from dataclasses import dataclass, field, replace
from html import escape
from html.parser import HTMLParser
from itertools import combinations

import jax
import jax.numpy as jnp
import pytest
from flax import nnx
from IPython.core.formatters import DisplayFormatter

from shapelab import trace
from shapelab.display import cells, to_html
from shapelab.display.joining import MOST, drawing
from shapelab.display.markup import in_bytes, in_short
from shapelab.display.page import LINES
from shapelab.display.table import ROWS, ROWS_OF_ONE
from shapelab.display.tree import rooted
from shapelab.engine.in_process import Engine
from shapelab.engine.spec import check
from shapelab.figures.canvas import Canvas
from shapelab.geometry import Window
from shapelab.lessons import LESSONS
from shapelab.report import HEADER, markdown, text_table
from shapelab.tracing.records import Call, numbered
from zoo.specimen import traced

ZOO = (
    "attention_unet",
    "convnext",
    "densenet",
    "diffusion",
    "ensemble",
    "language_model",
    "mobilenet",
    "recurrent",
    "resnet50",
    "scanned",
    "shared_depth",
    "siamese",
    "speech",
    "super_resolution",
    "two_towers",
    "vae",
    "video",
    "vit",
    "wavenet",
)
VOID = {"path"}  # written <path …/> where it holds no title


@dataclass
class Element:
    tag: str
    attrs: dict
    parent: "Element | None"
    children: list = field(default_factory=list)

    @property
    def text(self):
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    @property
    def classes(self):
        return (self.attrs.get("class") or "").split()

    def all(self, tag=None, kind=None):
        for child in self.children:
            if isinstance(child, Element):
                if tag in (None, child.tag) and (kind is None or kind in child.classes):
                    yield child
                yield from child.all(tag, kind)

    def one(self, **what):
        found = list(self.all(**what))
        assert len(found) == 1
        return found[0]


class Page(HTMLParser):
    """The elements of a page, each of which must be closed in its turn."""

    def __init__(self, html):
        super().__init__()
        self.root = self.at = Element("", {}, None)
        self.feed(html)
        self.close()
        assert self.at is self.root

    def handle_starttag(self, tag, attrs):
        element = Element(tag, dict(attrs), self.at)
        self.at.children.append(element)
        self.at = element

    def handle_startendtag(self, tag, attrs):
        self.at.children.append(Element(tag, dict(attrs), self.at))

    def handle_endtag(self, tag):
        assert tag == self.at.tag
        self.at = self.at.parent

    def handle_data(self, data):
        self.at.children.append(data)


def parsed(traced_module):
    return Page(to_html(traced_module)).root


def rows(page):
    """Each row of the table but the header: its cells."""
    for row in page.all(kind="sl-row"):
        if not {"sl-head", "sl-rest", "sl-bad"} & set(row.classes):
            yield row, [cell for cell in row.children if isinstance(cell, Element)]


def lesson(name, **values):
    return Engine().trace(check(name, values))


@pytest.fixture(scope="module")
def unet():
    return lesson("unet")


def every():
    yield from (pytest.param(lambda name=name: lesson(name), id=f"lesson {name}") for name in LESSONS)
    yield pytest.param(lambda: lesson("unet", H=30), id="failing unet")
    yield from (pytest.param(lambda name=name: traced(name), id=name) for name in ZOO)


EVERY = list(every())


@pytest.mark.parametrize("make", EVERY)
def test_each_stage_has_a_row_with_its_name_shape_and_parameters(make):
    shown = make()
    leaves = {}
    for row, (name, output, *others) in rows(parsed(shown)):
        if row.tag == "div":
            leaves[int(re.match(r"stage (\d+) · ", name.attrs["title"]).group(1))] = (name, output, others)
    assert sorted(leaves) == list(range(len(shown.stages)))
    for number, (stage, whole) in enumerate(zip(shown.stages, numbered(shown.stages), strict=True)):
        name, output, others = leaves[number]
        assert whole in name.attrs["title"].split(" · ")
        assert (stage.path.split(".")[-1] if stage.layer else stage.op) in name.text
        assert output.text.startswith(str(stage.out_shape))
        assert (f"{stage.params:,}" if stage.params else "") in [cell.text for cell in others]


@pytest.mark.parametrize("make", EVERY)
def test_rows_nest_as_the_calls_do(make):
    shown = make()
    sizes = {}
    for stage in shown.stages:
        for depth in range(len(stage.calls)):
            sizes[stage.calls[: depth + 1]] = sizes.get(stage.calls[: depth + 1], 0) + 1
    for row, (name, *_) in rows(parsed(shown)):
        if row.tag != "div":
            continue
        stage = shown.stages[int(re.match(r"stage (\d+)", name.attrs["title"]).group(1))]
        around, element = [], row.parent
        while element is not None:
            if element.tag == "details":
                summary = next(element.all(tag="summary"))
                around.append(next(summary.all(tag="span")).attrs["title"].split(" · ")[1])
            element = element.parent
        held = [calls[-1].path for calls in (stage.calls[: d + 1] for d in range(len(stage.calls))) if sizes[calls] > 1]
        assert around[::-1] == held


@pytest.mark.parametrize("make", EVERY)
def test_rows_of_modules_tell_what_the_folded_trace_tells(make):
    shown = make()
    depths = {}
    for row, (name, output, *_, params, macs) in rows(parsed(shown)):
        windowed = any(stage.windows for stage in shown.stages)
        if row.tag != "summary":
            continue
        params, macs = (_[-1], params) if windowed else (params, macs)
        depth, element = 0, row.parent
        while element is not None:
            depth += element.tag == "details"
            element = element.parent
        first = int(re.match(r"stages (\d+)", name.attrs["title"]).group(1))
        folded = depths.setdefault(depth, shown.at(depth).stages)
        path = name.attrs["title"].split(" · ")[1]
        fits = [stage for stage in folded if stage.path == path and stage.calls and stage.layer]
        assert any(
            output.text.startswith(str(stage.out_shape))
            and params.text == (f"{stage.params:,}" if stage.params else "")
            and macs.text.endswith(f"{stage.macs:,}" if stage.macs else "")
            for stage in fits
        ), (path, first)


@pytest.mark.parametrize("make", EVERY)
def test_heading_and_totals_are_the_traces_own(make):
    shown = make()
    page = parsed(shown)
    heading = page.one(kind="sl-title").text
    assert heading.startswith(f"{shown.name}: ")
    assert [span.text for span in page.all(kind="sl-in")] == [str(tensor.shape) for tensor in shown.inputs]
    assert [span.text for span in page.all(kind="sl-out")] == [str(tensor.shape) for tensor in shown.outputs]
    totals = [span for span in page.one(kind="sl-totals").all(tag="span")]
    assert totals[0].text.startswith(f"{len(shown.stages):,} stage")
    exact = [int(re.match(r"[\d,]+", span.attrs["title"]).group().replace(",", "")) for span in totals[1:]]
    assert exact == [shown.params, shown.macs, shown.flops, shown.peak_activation_bytes]


@pytest.mark.parametrize("make", EVERY)
def test_nothing_is_fetched_and_nothing_runs(make):
    html = to_html(make())
    assert not re.search(r"<script|javascript:|url\(|@import|<link|<img|\bon\w+=|\bid=|http", html)


def test_styles_hang_on_one_class():
    style = re.search(r"<style>(.*?)</style>", to_html(lesson("conv1d")), re.DOTALL).group(1)
    flat = re.sub(r"@media[^{]*\{(.*?\})\}", r"\1", style)
    selectors = [one for rule in re.findall(r"([^{}]+)\{", flat) for one in re.split(r",(?![^(]*\))", rule)]
    assert len(selectors) > 40
    assert all(".shapelab-trace" in one for one in selectors)


# The picture


def ends(path):
    """Every point of a path's data, control points too."""
    x = y = 0.0
    start = (x, y)
    for command, rest in re.findall(r"([MmLlHhVvCQZz])([^A-Za-z]*)", path):
        numbers = [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", rest)]
        here = (x, y) if command.islower() else (0.0, 0.0)
        match command.upper():
            case "H":
                points = [(here[0] + numbers[0], y)]
            case "V":
                points = [(x, here[1] + numbers[0])]
            case "Z":
                points = [start]
            case _:  # a relative pair counts from the pair before it
                points = []
                for dx, dy in zip(numbers[::2], numbers[1::2], strict=True):
                    points.append((here[0] + dx, here[1] + dy))
                    here = points[-1] if command.islower() else here
        x, y = points[-1]
        start = points[0] if command in "Mm" else start
        yield from points


def words_of(svg):
    """The boxes of all words in a picture, by the estimate that placed them, a little narrower."""
    for words in svg.all(tag="text"):
        size, x, y = (float(words.attrs[name]) for name in ("font-size", "x", "y"))
        wide = Canvas.width_of(words.text, size, "sl-mono" in words.classes)
        yield words.text, (x - wide / 2, y - 0.8 * size, x + wide / 2, y + 0.2 * size)


@pytest.mark.parametrize("make", EVERY)
def test_the_picture_lies_inside_its_sheet_and_no_words_meet(make):
    svg = parsed(make()).one(tag="svg")
    left, top, width, height = map(float, svg.attrs["viewbox"].split())
    assert width <= 720
    assert (float(svg.attrs["width"]), float(svg.attrs["height"])) == (width, height)
    for path in svg.all(tag="path"):
        for x, y in ends(path.attrs["d"]):
            assert left <= x <= left + width
            assert top <= y <= top + height
    boxes = list(words_of(svg))
    for words, (x0, y0, x1, y1) in boxes:
        assert left <= x0 <= x1 <= left + width, words
        assert top <= y0 <= y1 <= top + height, words
    for (words, one), (others, other) in combinations(boxes, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, (words, others)


@pytest.mark.parametrize("make", EVERY)
def test_the_picture_has_few_blocks_each_of_which_the_alternative_names(make):
    shown = make()
    svg = parsed(shown).one(tag="svg")
    drawn = drawing(shown, rooted(shown))
    assert 2 <= len(drawn.blocks) <= MOST
    assert svg.attrs["role"] == "img"
    for block in drawn.blocks:
        assert block.label in svg.attrs["aria-label"]
        if block.kind != "failed":
            assert str(block.shape) in svg.attrs["aria-label"]
    kinds = [block.kind for block in drawn.blocks]
    assert kinds[0] == "input"
    assert ("output" in kinds) == (shown.error is None)


def test_a_u_net_is_blue_then_magenta_then_green_with_its_skips(unet):
    svg = parsed(unet).one(tag="svg")
    kinds = [group.classes[0] for group in svg.all(tag="g")]
    assert kinds == ["sl-b-input"] * 3 + ["sl-b-kernel"] + ["sl-b-output"] * 2
    assert len([path for path in svg.all(tag="path") if "sl-skip" in path.classes]) == 2


def test_links_of_the_picture_are_edges_of_the_trace():
    drawn = drawing(traced("siamese"), rooted(traced("siamese")))
    labels = [block.label for block in drawn.blocks]
    linked = {(labels[link.source], labels[link.target]) for link in drawn.links}
    right = next(label for label in labels if label == "right")
    before = labels[labels.index(right) - 1]
    assert (before, right) not in linked  # the second tower begins anew
    assert labels.count("left") == 1


# What is failed, foreign, or large


def test_a_failure_says_all_it_knows_and_keeps_what_ran():
    failed = lesson("unet", H=30)
    page = parsed(failed)
    told = page.one(kind="sl-failure").text
    error = failed.error
    for shape in error.in_shapes:
        assert str(shape) in told
    assert " ".join(error.message.split()) in told
    assert error.explanation in told
    assert error.remedy in told
    assert f"{error.source.file}:{error.source.line}" in told
    assert "fails in concatenate" in page.one(kind="sl-title").text
    assert page.one(kind="sl-bad").text.startswith("✕ concatenate")
    assert sum(row.tag == "div" for row, _ in rows(page)) == len(failed.stages)
    unread = [words.text for words in page.all(tag="u")]
    assert unread == ["unread H 1"]


def test_names_of_the_users_code_stay_text():
    kind, path = '<b onclick="x">&amp;', "</style><script>"

    def init(self, *, rngs):
        self.conv = nnx.Conv(2, 3, (3,), padding="CIRCULAR", rngs=rngs)

    module = type(kind, (nnx.Module,), {"__init__": init, "__call__": lambda self, x: self.conv(x) + 1})

    class Outer(nnx.Module):
        def __init__(self, *, rngs):
            self.inner = module(rngs=rngs)

        def __call__(self, x):
            return jnp.tanh(self.inner(x))

    shown = trace(Outer(rngs=nnx.Rngs(0)), jax.ShapeDtypeStruct((1, 8, 2), jnp.float32))
    renamed = tuple(replace(stage, path=path, op=path, dtype=path) for stage in shown.stages)
    inputs = (replace(shown.inputs[0], name=path, dtype=path),)
    for one in (shown, replace(shown, name=path, stages=renamed, inputs=inputs, program=None)):
        html = to_html(one)
        assert "<script" not in html
        assert "<b onclick" not in html
        assert html.count("</style>") == 1
        table = Page(html).root.one(kind="sl-table").text
        assert kind in table
        assert "CIRCULAR 1+1" in table
    assert path in table
    assert path in Page(html).root.one(kind="sl-title").text


def test_a_very_long_name_and_message_are_cut():
    shown = traced("scanned")
    stages = tuple(replace(stage, path="x" * 5000, op="y" * 5000) for stage in shown.stages)
    assert len(to_html(replace(shown, name="n" * 5000, stages=stages))) < 40_000


def long_trace(stages, depth, width):
    """A trace of so many stages, ``depth`` calls deep, ``width`` to a call."""
    shown = traced("resnet50")
    made, known = [], {}
    for number in range(stages):
        stage = shown.stages[number % len(shown.stages)]
        numbers = [number // width ** (depth - level) for level in range(depth)]
        paths = [".".join(f"block{n}" for n in numbers[: level + 1]) for level in range(depth)]
        calls = tuple(known.setdefault(path, Call(path, 1, "Block", stage.source)) for path in paths)
        path = f"{paths[-1]}.layer" if paths else f"layer{number}"
        made.append(replace(stage, path=path, calls=calls, layer=True))
    edges = tuple(replace(shown.edges[0], source=i - 1, target=i) for i in range(stages))
    return replace(shown, stages=tuple(made), edges=edges, outputs_from=(stages - 1,), program=None)


@pytest.mark.parametrize(("depth", "width"), [(0, 1), (1, 10), (1, 1500), (3, 8), (5, 3)])
def test_a_large_trace_stays_small(depth, width):
    html = to_html(long_trace(1500, depth, width))
    assert len(html.encode()) < 400_000
    page = Page(html).root
    written = [(row, cells_) for row, cells_ in rows(page)]
    assert len(written) <= ROWS
    hidden = sum(
        int(re.search(r"([\d,]+) more", row.text).group(1).replace(",", "")) for row in page.all(kind="sl-rest")
    )
    assert hidden + sum(row.tag == "div" for row, _ in written) == 1500
    assert "shapelab.report.text_table(trace)" in page.text
    if depth == 0:
        assert len(written) == ROWS_OF_ONE
    assert len(list(page.one(tag="svg").all(tag="g"))) <= MOST


def test_a_trace_without_stages_or_inputs_shows_itself():
    same = trace(lambda x: x, jax.ShapeDtypeStruct((2, 3), jnp.float32))
    nothing = replace(same, inputs=(), outputs=(), outputs_from=(), stages=(), edges=())
    assert "(2, 3)" in parsed(same).one(kind="sl-title").text
    assert "no output" in parsed(nothing).one(kind="sl-title").text


def test_an_axis_of_size_0_is_shown():
    shown = trace(lambda x: nnx.max_pool(x, (2, 2)), jax.ShapeDtypeStruct((1, 1, 1, 3), jnp.float32))
    page = parsed(shown)
    assert shown.outputs[0].shape == (1, 0, 0, 3)
    assert [words.text for words in page.all(tag="u")] == ["unread H 1, W 1"]


# The hook


def test_a_notebook_gets_the_page_and_the_table(unet):
    shown, _ = DisplayFormatter().format(unet)
    assert shown["text/html"] == to_html(unet)
    assert shown["text/plain"] == text_table(unet)


def test_plain_text_of_a_deep_trace_is_folded():
    plain = traced("resnet50")._repr_mimebundle_()["text/plain"]
    assert len(plain.splitlines()) <= LINES + 8
    assert "blocks.15" in plain
    assert long_trace(1500, 0, 1)._repr_mimebundle_()["text/plain"].startswith("<Trace ResNet50")


def test_repr_is_one_line(unet):
    assert repr(unet) == "<Trace UNet: x (64, 48, 3) → (64, 48, 8), 21 stages, 14,560 params>"
    assert repr(lesson("unet", H=30)) == "<Trace UNet: x (30, 48, 3) → fails in concatenate, 12 stages, 14,560 params>"


# Cells


@pytest.mark.parametrize("make", EVERY)
def test_padding_is_written_as_the_report_writes_it(make):
    shown = make()
    lines = [line for line in markdown(shown).splitlines() if re.match(r"\| \d+ \|", line)]
    column = HEADER.index("padding") + 1
    page = to_html(shown)
    assert all(escape(line.split(" | ")[column - 1]) in page for line in lines[:ROWS_OF_ONE])


def test_a_window_is_written_short_and_told_whole():
    stage = replace(traced("resnet50").stages[0], windows=(Window(7, 2, 3), Window(7, 2, 3)))
    assert cells.window_of(stage) == ("7×7 /2 dilation 3", "window 7×7, stride 2, dilation 3")
    stage = replace(stage, windows=(Window(2, 1, 1, 2), Window(4, 2, 1, 1)))
    assert cells.window_of(stage)[0] == "2×4 /1×2 ↑2×1"


def test_runs_and_branches_are_told():
    text = parsed(traced("scanned")).one(kind="sl-table").text
    assert "× 12" in text
    scanned = traced("scanned")
    conv = next(stage for stage in scanned.stages if stage.repeats == 12 and stage.macs)
    assert f"12 × {conv.macs:,}" in text
    unknown = replace(conv, repeats=None)
    assert cells.macs_of(unknown)[0] == f"? × {conv.macs:,}"


def test_both_ways_of_a_conditional_are_told():
    def choose(x):
        return jax.lax.cond(x.sum() > 0, lambda y: jnp.tanh(y @ y), lambda y: y + 1, x)

    text = parsed(trace(choose, jax.ShapeDtypeStruct((4, 4), jnp.float32))).one(kind="sl-table").text
    assert "branch 1 of 2" in text
    assert "branch 2 of 2" in text


@pytest.mark.parametrize(
    ("number", "short"),
    [
        (0, "0"),
        (14_560, "14,560"),
        (99_999, "99,999"),
        (999_950, "1.00 M"),
        (10_300_416, "10.3 M"),
        (4_089_184_256, "4.09 G"),
    ],
)
def test_large_numbers_are_shortened(number, short):
    assert in_short(number) == short


@pytest.mark.parametrize(
    ("number", "short"), [(0, "0 B"), (1000, "1,000 B"), (1024, "1.00 KiB"), (602_112, "588 KiB"), (2**31, "2.00 GiB")]
)
def test_bytes_are_shortened(number, short):
    assert in_bytes(number) == short
