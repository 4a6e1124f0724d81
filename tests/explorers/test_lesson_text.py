"""The text beside a picture: its live words against the real trace, and what is sent of it."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

import numpy as np
import pytest

from shapelab.engine.spec import Spec, check
from shapelab.errors import ShapeError
from shapelab.explorers import lesson_text, pictures, two_sources
from shapelab.explorers.lesson_text import LessonText
from shapelab.explorers.live_network import PICKS
from shapelab.lessons import LESSONS
from shapelab.tracing.records import Trace

PADDINGS = ("SAME", "SAME_LOWER", "VALID", "CIRCULAR", "REFLECT", "CAUSAL", "explicit")
NETWORKS: dict[str, list[dict[str, Any]]] = {
    "resnet": [
        {},
        {"mode": "eval"},
        {"H": 1, "W": 1},
        {"stride": 2, "features": 16, "shortcut": "projection"},
        {"stride": 2},
        {"features": 16},
        {"C": 1},
        {"padding": "VALID"},
        {"padding": "VALID", "H": 2},
    ],
    "unet": [
        *({"depth": depth, "mode": mode} for depth in (1, 2, 3, 4) for mode in ("train", "eval")),
        {"H": 30},
        {"H": 32, "W": 40, "depth": 4},
        {"H": 4, "W": 4, "depth": 4},
        {"H": 4, "W": 4},
    ],
}


def convolutions() -> list[Spec]:
    """Settings of both convolution lessons, of every padding, with what a lesson refuses left out."""
    found = []
    sizes = [(7, 3, 2), (8, 4, 1), (8, 2, 3), (5, 1, 2), (1, 1, 1), (12, 3, 4)]
    for (n, k, s), padding, dilation, transposed in itertools.product(sizes, PADDINGS, (1, 2), ("no", "yes")):
        shared = {"padding": padding, "dilation": dilation, "transposed": transposed}
        ends = {"pad_left": 2, "pad_right": 1}
        line = {"L": n, "kernel_size": k, "stride": s, **ends}
        image = {"H": n, "W": n + 1, "kernel_h": k, "kernel_w": 2, "stride": s, "stride_w": 1, **ends}
        for lesson, values in (("conv1d", line), ("conv2d", {**image, "pad_top": 0, "pad_bottom": 3})):
            try:
                found.append(check(lesson, {**values, **shared}))
            except ShapeError:
                continue
    grouped = ({"groups": 2, "C": 4}, {"groups": 4, "C": 4, "bias": "no"}, {"C": 1}, {"library": "linen"})
    return found + [check("conv2d", values) for values in grouped]


def networks() -> list[Spec]:
    return [check(lesson, values) for lesson, settings in NETWORKS.items() for values in settings]


@pytest.fixture(scope="module")
def layers(real_engine: Any) -> list[tuple[Spec, Trace, dict[str, str]]]:
    """Return settings of the convolution lessons with their traces and live words."""
    return [(spec, real_engine.trace(spec), told(real_engine, spec)) for spec in convolutions()]


@pytest.fixture(scope="module")
def nets(real_engine: Any) -> list[tuple[Spec, Trace, dict[str, str]]]:
    """Return settings of the network lessons, some of which fail, with their traces and live words."""
    return [(spec, real_engine.trace(spec), told(real_engine, spec)) for spec in networks()]


def told(engine: Any, spec: Spec) -> dict[str, str]:
    """The live words; where lines may not break does not matter here."""
    live = lesson_text.live(engine.trace(spec), spec.config)
    return {name: said.replace("\N{NO-BREAK SPACE}", " ") for name, said in live.items()}


def named(lesson: str, attribute: str) -> set[str]:
    return set(re.findall(rf'{attribute}="([^"]+)"', lesson_text.text(lesson)))


def value_of(rule: str) -> float:
    """What the left side of a rule comes to: its arithmetic done as it is written."""
    left = rule.partition(" = ")[0].replace("·", "*").replace("−", "-")
    assert re.fullmatch(r"[0-9+*/(), -]*", re.sub(r"ceil|floor|max", "", left))
    return float(eval(left, {"__builtins__": {}}, {"ceil": math.ceil, "floor": math.floor, "max": max}))


def test_every_live_place_of_a_text_has_words_at_every_setting(layers, nets):
    for spec, _, words in layers + nets:
        assert named(spec.lesson_name, "data-live") <= set(words)
        assert named(spec.lesson_name, "data-live-pick") <= set(words)
        for name, said in words.items():
            assert said.strip() or name.startswith("pick_"), (spec, name)
            assert not re.search(r"None|\bnan\b|[<>]", said), (spec, name, said)


def test_a_section_has_at_most_200_words_with_its_longest_live_words_in_place(layers, nets):
    longest: dict[str, dict[str, str]] = {lesson: {} for lesson in LESSONS}
    for spec, _, words in layers + nets:
        most = longest[spec.lesson_name]
        for name, said in words.items():
            most[name] = max(most.get(name, ""), said, key=lambda said: len(said.split()))
    for lesson, most in longest.items():
        for section in lesson_text.text(lesson).split("</details>")[:-1]:
            filled = re.sub(r'<[^>]*data-live="([^"]+)"[^>]*>', lambda place, most=most: most[place[1]], section)
            assert len(re.sub(r"<[^>]+>", " ", filled).split()) <= 200


def test_the_rules_come_to_the_sizes_and_the_padding_of_the_real_trace(layers):
    for spec, trace, words in layers:
        (stage,) = (stage for stage in trace.stages if stage.op in ("conv", "conv_transpose"))
        for i, axis in enumerate("L" if spec.lesson_name == "conv1d" else "HW"):
            after = trace.outputs[0].shape[i]
            rule = words[f"size_{axis}"]
            assert value_of(rule) == after == int(rule.partition(" = ")[2]), (spec, rule)
            assert words[f"{axis}_in"] == str(spec.input_shape[i])
            assert words[f"{axis}_out"] == str(after)
            if stage.windows is None:
                assert spec.config.padding == "CIRCULAR"
                assert words[f"lo_{axis}"] == words[f"hi_{axis}"] == "none"
                continue
            window = stage.windows[i]
            assert value_of(words[f"total_rule_{axis}"]) == window.padding.total, (spec, words[f"total_rule_{axis}"])
            assert words[f"lo_{axis}"] == str(window.padding.lo)
            assert words[f"hi_{axis}"] == str(window.padding.hi)
            assert words[f"span_{axis}"] == str(window.span)
            assert words[f"kernel_{axis}"] == str(window.size)
            assert words[f"dilation_{axis}"] == str(window.dilation)
            assert words[f"stride_{axis}"] == str(
                window.base_dilation if stage.op == "conv_transpose" else window.stride
            )


EVEN, NONE = "1 on each side, no odd cell", "no padding, so no odd cell"
SIDES = {"pad_top": 3, "pad_bottom": 0, "pad_left": 2, "pad_right": 2}


@pytest.mark.parametrize(
    ("values", "down", "across"),
    [
        ({"H": 8, "W": 7}, "0 above, 1 below: the odd cell goes below", EVEN),
        ({"H": 7, "W": 8, "padding": "SAME_LOWER"}, EVEN, "1 left, 0 right: the odd cell goes left"),
        ({"padding": "VALID"}, NONE, NONE),
        ({"padding": "explicit", **SIDES}, "3 above, 0 below", "2 on each side, no odd cell"),
        ({"padding": "CIRCULAR", "kernel_h": 4}, "1 above, 2 below: the odd cell goes below", EVEN),
    ],
)
def test_the_text_says_where_the_odd_cell_goes(real_engine, values, down, across):
    words = told(real_engine, check("conv2d", values))
    assert words["odd_H"] == down
    assert words["odd_W"] == across


def test_parameters_groups_and_the_kernel_s_layouts_are_those_of_the_real_module(layers, real_engine):
    for spec, trace, words in layers:
        (kernel,) = (p.shape for p in trace.parameters if len(p.shape) == len(spec.input_shape) + 1)
        assert words["kernel_shape"] == str(kernel)
        counted = words["params_say"].replace(" weights", "").replace(", no bias", "")
        assert value_of(re.sub(r" bias(es)?", "", counted)) == trace.params
        # The move that the text tells turns an array in PyTorch's layout into one of flax's.
        torch = np.zeros(tuple(map(int, re.findall(r"\d+", words["kernel_torch"]))))
        assert eval(words["torch_move"], {"__builtins__": {}}, {"w": torch}).shape == kernel
        assert words["groups"] == str(getattr(spec.config, "groups", 1))
    assert "depthwise" in told(real_engine, check("conv2d", {"groups": 4, "C": 4}))["groups_say"]


def test_a_transposed_kernel_of_pytorch_s_gives_pytorch_s_values_once_moved_as_the_text_says(real_engine):
    """PyTorch's own definition: every input cell adds its multiple of the kernel, from where it lies on."""
    from flax import nnx

    words = told(real_engine, check("conv1d", {"transposed": "yes", "padding": "VALID", "stride": 2}))
    drawn = np.random.default_rng(0)
    x, w = drawn.normal(size=(5, 3)).astype(np.float32), drawn.normal(size=(3, 4, 4)).astype(np.float32)  # IOW
    made = np.zeros(((5 - 1) * 2 + 4, 4), np.float32)
    for place, cell in enumerate(x):
        made[2 * place : 2 * place + 4] += np.einsum("i,iok->ko", cell, w)
    layer = nnx.ConvTranspose(3, 4, (4,), strides=2, padding="VALID", use_bias=False, rngs=nnx.Rngs(0))
    layer.kernel[...] = eval(words["torch_move"], {"__builtins__": {}}, {"w": w})
    np.testing.assert_allclose(np.asarray(layer(x)), made, atol=1e-5)


def test_a_network_s_words_are_those_of_its_trace(nets):
    for spec, trace, words in nets:
        assert words["input_shape"] == str(spec.input_shape)
        assert words["params"] == f"{trace.params:,}"
        assert (words["output_shape"] == "no output: the call fails") == (trace.error is not None)
        for name in named(spec.lesson_name, "data-live-pick"):
            if words[name]:
                stage = trace.stages[int(words[name].removeprefix("stage:"))]
                assert stage.op == PICKS[name]


def test_the_words_of_a_failure_name_the_two_shapes_that_do_not_fit(real_engine):
    stride = told(real_engine, check("resnet", {"stride": 2}))
    assert stride["added"] == "(16, 16, 8) and (8, 8, 8) cannot be added"
    odd = told(real_engine, check("unet", {"H": 30}))
    assert odd["joined"] == "(14, 24, 16) and (15, 24, 16) cannot be joined"
    assert odd["heights"] == "30 → 15 → 7"
    assert odd["fit_H"] == "7·4 + 2 = 30 does not fit"
    assert told(real_engine, check("unet", {"H": 4, "W": 4, "depth": 4}))["joined"].startswith("the call fails")


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_which_sizes_the_text_says_fit_a_u_net_is_what_the_network_says(real_engine, depth):
    for size in (16, 20, 24, 30, 32, 40):
        spec = check("unet", {"H": size, "W": 32, "depth": depth})
        fails = real_engine.trace(spec).error is not None
        assert told(real_engine, spec)["fit_H"].endswith("does not fit") == fails


def test_training_and_evaluation_are_told_apart_as_the_trace_couples(nets):
    for _, trace, words in nets:
        if trace.error is None:
            coupled = any(stage.couples_all for stage in trace.stages)
            assert ("depends on the whole image" in words["mode_say"]) == coupled


def test_words_that_point_name_parts_of_the_real_picture(layers):
    for spec, trace, words in layers:
        lone = pictures.one_convolution(trace, None)
        if lone is None:
            continue
        parts = pictures.convolution_picture(trace, lone, None, False)["layout"]["meta"]["parts"]
        known = {*parts, *("padding", "unread"), *(f"stride-{axis}" for axis in "LHW")}  # only where there are any
        assert named(spec.lesson_name, "data-point") <= known
        lost = any("unread" in said for name, said in words.items() if name.startswith("unread_"))
        assert ("unread" in parts) == lost


def test_nothing_is_sent_twice_and_an_unknown_subject_has_no_text(page, real_engine):
    widget = LessonText()
    spec = check("conv2d", {})
    widget.show("conv2d")
    widget.tell(real_engine.trace(spec), spec.config)
    sent = page.models[widget.model_id]
    assert sent["html"].startswith("<details")
    assert sent["live"]["size_H"] == "ceil(7 / 2) = 4"
    assert set(sent["live"]) == named("conv2d", "data-live")
    assert set(sent["terms"]) == named("conv2d", "data-term")
    page.forget()
    widget.show("conv2d")
    widget.tell(real_engine.trace(spec), spec.config)
    assert page.updates == []
    widget.show("resnet")
    assert page.models[widget.model_id]["live"] == {}  # and not what another lesson said
    widget.show("MyModule")
    assert page.models[widget.model_id]["html"] == ""
    widget.tell(real_engine.trace(spec), spec.config)
    assert page.models[widget.model_id]["live"] == {}
    assert not page.errors


def test_the_sources_shown_are_those_of_the_modules_without_their_docstrings():
    import ast
    import inspect

    from shapelab.modules import conv2d, conv2d_linen

    for name, module in (("conv2d", conv2d), ("conv2d_linen", conv2d_linen)):
        shown = "\n".join(two_sources.class_source(name, "MyConv2D"))
        real = ast.parse(inspect.getsource(module.MyConv2D))
        for node in ast.walk(real):
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
                del node.body[0]
        assert ast.dump(ast.parse(shown)) == ast.dump(real)
        assert '"""' not in shown


def test_equal_lines_stand_at_equal_height_and_no_line_is_lost():
    left, right = ["a", "b", "c"], ["a", "x", "y", "c"]
    rows = list(two_sources.aligned(left, right))
    assert [row[0] for row in rows if row[0] is not None] == left
    assert [row[1] for row in rows if row[1] is not None] == right
    assert [row for row in rows if not row[2]] == [("a", "a", False), ("c", "c", False)]


def test_there_is_a_text_for_every_lesson():
    for lesson in LESSONS:
        assert lesson_text.text(lesson)
        assert lesson_text.terms(lesson)
