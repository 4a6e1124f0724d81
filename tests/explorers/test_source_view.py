"""The source beside the picture: every stage's lines select it, and nothing of a file comes through as HTML."""

import re
from html import unescape
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

import shapelab as sl
from shapelab.engine.in_process import Engine
from shapelab.engine.spec import check
from shapelab.explorers.network_words import stage_details
from shapelab.explorers.source_view import chain_of, source_html

LINE = re.compile(
    r'<(?P<tag>button|span)(?P<head>[^>]*class="sl-source-line(?P<lit>[^"]*)"[^>]*)>'
    r'<span class="sl-source-number">(?P<number>\d+)</span>(?P<text>.*?)</(?P=tag)>'
)
CASES = [
    ("unet", {}),
    ("unet", {"depth": 3, "H": 64, "W": 64}),
    ("unet", {"H": 30}),
    ("resnet", {}),
    ("resnet", {"stride": 2, "shortcut": "projection"}),
    ("resnet", {"stride": 2}),
]


@pytest.fixture(scope="module")
def traced():
    engine = Engine()
    return lambda lesson, **settings: engine.trace(check(lesson, settings))


def lines_of(html):
    """Each line: what it makes, what a click picks, how it is lit, its number and its text."""
    found = []
    for part in html.split('<div class="sl-source"')[1:]:
        for match in LINE.finditer(part):
            head = match["head"]
            makes = re.search(r'data-makes="([\d ]*)"', head)
            pick = re.search(r'data-pick="stage:(\d+)" data-point="stage-(\d+)"', head)
            found.append(
                {
                    "makes": [int(n) for n in makes[1].split()] if makes else [],
                    "pick": int(pick[1]) if pick else None,
                    "lit": match["lit"].strip(),
                    "number": int(match["number"]),
                    "text": unescape(re.sub(r"<[^>]+>", "", match["text"])),
                }
            )
    return found


@pytest.mark.parametrize(("lesson", "settings"), CASES)
def test_every_stage_is_made_by_the_lines_that_its_trace_names(traced, lesson, settings):
    made = traced(lesson, **settings)
    lines = lines_of(source_html(made, None))
    for index, stage in enumerate(made.stages):
        chain = chain_of(stage)
        assert chain
        assert {line["number"] for line in lines if index in line["makes"]} == {source.line for source in chain}
        for source in chain:
            text = Path(source.file).read_text(encoding="utf-8").splitlines()[source.line - 1]
            assert text in [line["text"] for line in lines if line["number"] == source.line]
        assert any(line["pick"] in line["makes"] for line in lines if index in line["makes"])


@pytest.mark.parametrize(("lesson", "settings"), CASES)
def test_the_line_of_the_selected_stage_is_lit_and_its_callers_softly(traced, lesson, settings):
    made = traced(lesson, **settings)
    for selected in range(len(made.stages)):
        chain = chain_of(made.stages[selected])
        lines = lines_of(source_html(made, selected))
        lit = [line for line in lines if line["lit"] == "sl-source-lit"]
        assert [line["number"] for line in lit] == [chain[-1].line]
        own = lit[0]["makes"]
        assert lit[0]["pick"] == own[(own.index(selected) + 1) % len(own)]
        picked = {line["pick"] for line in lines if line["makes"] and line is not lit[0]}
        if made.stages[selected].path.startswith("enc2."):
            assert {made.stages[i].path.split(".")[0] for i in picked} >= {"enc2"}
        called = [line["number"] for line in lines if line["lit"] == "sl-source-call"]
        assert sorted(called) == sorted(source.line for source in chain[:-1])


def test_the_source_is_without_docstrings_and_with_the_comments_of_shapes(traced):
    html = source_html(traced("unet"), 0)
    text = "\n".join(line["text"] for line in lines_of(html))
    assert "class ConvBNReLU" in text
    assert "def max_pool_2x2" in text
    assert '"""' not in text
    assert "# (" in text
    assert 'class="sl-source-comment"' in html


def test_the_line_that_raises_is_marked(traced):
    made = traced("unet", H=30)
    (failed,) = [line for line in lines_of(source_html(made, None)) if line["lit"] == "sl-source-failed"]
    assert failed["number"] == made.error.source.line
    assert "concatenate" in failed["text"]


class Marked(nnx.Module):
    """<script>not seen</script>"""

    def __init__(self, rngs):
        self.conv = nnx.Conv(3, 4, (3, 3), rngs=rngs)

    def __call__(self, x):
        note = "<script>alert(1)</script>"  # <img src=x>
        del note
        return nnx.relu(self.conv(x))


def test_a_module_of_ones_own_shows_its_own_file_escaped():
    made = sl.trace(Marked(nnx.Rngs(0)), jax.ShapeDtypeStruct((8, 8, 3), jnp.float32))
    html = source_html(made, 0)
    assert "class Marked" in html
    assert "<script>" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "not seen" not in html
    details = stage_details(made.stages[0])
    assert f"{Path(__file__).name}:{made.stages[0].source.line}" in details
    assert "nnx.relu(self.conv(x))" in details


def test_what_was_written_nowhere_has_no_source():
    scope = {}
    exec("def doubled(x):\n    return x * 2\n", scope)  # as a session without files
    made = sl.trace(scope["doubled"], jax.ShapeDtypeStruct((4, 4, 1), jnp.float32))
    assert source_html(made, 0) == ""
