"""What a page shows of the mistakes is what runs, and it can be read without jax."""

import inspect
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import shapelab
from shapelab.pitfalls import PITFALLS
from shapelab.pitfalls.records import source

WIDEST = 68  # characters that stand in half of a page


@pytest.mark.parametrize("name", PITFALLS)
def test_the_code_shown_is_the_code_run(name):
    each = PITFALLS[name]
    programs = import_module(f"shapelab.pitfalls.programs.{each.group}")
    for function, shown in zip((each.wrong, each.right), each.sources(), strict=True):
        assert "\n".join(shown.lines) == inspect.getsource(getattr(programs, function)).rstrip()


@pytest.mark.parametrize("name", PITFALLS)
def test_both_versions_differ_in_few_short_lines_of_their_bodies(name):
    wrong, right = PITFALLS[name].sources()
    assert wrong.changed or right.changed
    for shown in (wrong, right):
        assert all(number >= shown.body for number in shown.changed)
        assert len(shown.changed) <= 4
        assert 3 <= len(shown.lines) - shown.body + 1 <= 14
        assert max(map(len, shown.lines)) <= WIDEST


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("relu_before_addition", ["    return x + nnx.relu(y)"], ["    return nnx.relu(x + y)"]),
        ("no_skip", ["    return nnx.relu(y)"], ["    return nnx.relu(x + y)"]),
        ("transposed_stride_1", [], ["        strides=(2, 2),"]),
    ],
)
def test_marked_is_what_makes_the_difference(name, wrong, right):
    for shown, marked in zip(PITFALLS[name].sources(), (wrong, right), strict=True):
        assert [shown.lines[number] for number in sorted(shown.changed)] == marked


@pytest.mark.parametrize("name", PITFALLS)
def test_the_words_are_whole_sentences(name):
    each = PITFALLS[name]
    for text in (each.why, each.see, each.hides):
        assert not text or text.endswith((".", "?"))
    assert len(f"{each.why} {each.see} {each.hides}".split()) <= 130
    assert not each.title.endswith(".")


def test_a_function_that_is_not_there_is_named():
    with pytest.raises(KeyError, match=r"unet\.py has no function nosuch"):
        source("unet", "nosuch")


def test_records_and_sources_are_read_without_jax():
    code = (
        "import sys, json; from shapelab.pitfalls import PITFALLS; [each.sources() for each in PITFALLS.values()];"
        "print(json.dumps(sorted({'jax', 'flax'} & set(sys.modules))))"
    )
    place = {"PYTHONPATH": str(Path(shapelab.__file__).parents[1]), "PATH": ""}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=place)
    assert json.loads(ran.stdout) == []
