"""What is said of a convolution: rules whose arithmetic gives the program's shapes, numbers that are the module's."""

import math
import re

import numpy as np
import pytest
from flax import nnx
from jax import ShapeDtypeStruct, eval_shape

import shapelab as sl
from shapelab.engine.in_process import Engine
from shapelab.engine.spec import check
from shapelab.explorers import convolution_words, pictures

CASES = [
    ("conv2d", {}),
    ("conv2d", {"padding": "SAME_LOWER", "H": 8}),
    ("conv2d", {"padding": "VALID", "stride": 1, "stride_w": 3}),
    ("conv2d", {"padding": "CIRCULAR", "dilation": 2, "stride": 1}),
    ("conv2d", {"padding": "REFLECT", "bias": "no"}),
    ("conv2d", {"padding": "explicit", "pad_top": 3, "pad_right": 1}),
    ("conv2d", {"C": 4, "features": 8, "groups": 4}),
    ("conv2d", {"library": "linen", "kernel_h": 5, "kernel_w": 4}),
    ("conv2d", {"transposed": "yes", "H": 4, "W": 5}),
    ("conv2d", {"transposed": "yes", "padding": "VALID", "stride": 3, "library": "linen"}),
    ("conv1d", {}),
    ("conv1d", {"padding": "CAUSAL", "dilation": 2}),
    ("conv1d", {"C": 4, "features": 4, "groups": 2, "padding": "CIRCULAR", "stride": 2}),
    ("conv1d", {"transposed": "yes", "stride": 2, "bias": "no"}),
]


@pytest.fixture(scope="module")
def engine():
    return Engine()


def plain(html):
    return re.sub(r"<[^>]+>", "", html).replace("−", "-").replace("&nbsp;", " ")


@pytest.mark.parametrize(("lesson", "settings"), CASES, ids=[f"{lesson} {settings}" for lesson, settings in CASES])
def test_the_sum_is_the_module_s_and_every_product_is_there(engine, lesson, settings):
    spec = check(lesson, settings)
    trace = engine.trace(spec)
    values = engine.run(spec, pictures.one_convolution(trace, None).stages)
    shape = trace.outputs[0].shape
    for cell in ((0,) * (len(shape) - 1), tuple(n - 1 for n in shape[:-1]), tuple(n // 2 for n in shape[:-1])):
        lone = pictures.one_convolution(trace, cell)
        channel = shape[-1] - 1
        html = convolution_words.arithmetic(lone, values, channels=(0, channel))
        head, *lines = plain(html.replace("</div>", "\n")).strip().split("\n")
        right = float(values.stages[max(values.stages)][(*cell, channel)])
        found = re.fullmatch(r"y\[(.*?)\] = .* = (-?[\d.]+)\s+the module says (-?[\d.]+) (.)\s*", head)
        assert found[1] == ", ".join(map(str, (*cell, channel)))
        assert float(found[2]) == pytest.approx(right, abs=2e-4)
        assert (float(found[3]), found[4]) == (pytest.approx(right, abs=1e-4), "✓")
        assert "equal" in lines[0]
        kernel = lone.kernel.shape
        products = [line for line in lines if line.startswith("channel")]
        assert len(products) == kernel[-2]
        first = channel // (kernel[-1] // lone.groups) * kernel[-2]
        assert [int(line.split()[1]) for line in products] == list(range(first, first + kernel[-2]))
        assert html.count("·<b>") == np.prod(kernel[:-1])


def test_repeated_and_constant_padding_wear_the_colour_of_padding(engine):
    for padding, zeros in (("CIRCULAR", False), ("SAME", True)):
        spec = check("conv2d", {"padding": padding, "stride": 1})
        trace = engine.trace(spec)
        lone = pictures.one_convolution(trace, (0, 0))
        html = convolution_words.arithmetic(lone, engine.run(spec, lone.stages))
        amber = re.findall(r"<u>(.*?)</u>", html)
        assert len(amber) == 5 * 3
        assert all(text == "0.00" for text in amber) == zeros


def test_without_values_its_place_is_kept(engine):
    trace = engine.trace(check("conv2d", {}))
    html = convolution_words.arithmetic(pictures.one_convolution(trace, None), None)
    assert 'class="sl-cell"' in html
    assert "sl-arithmetic" not in html


def test_what_is_too_large_for_it_says_so(engine):
    spec = check("conv2d", {"H": 200})
    trace = engine.trace(spec)
    lone = pictures.one_convolution(trace, None)
    assert "up to 128 cells" in convolution_words.arithmetic(lone, engine.run(spec, lone.stages))


@pytest.mark.parametrize(("lesson", "settings"), CASES, ids=[f"{lesson} {settings}" for lesson, settings in CASES])
def test_a_rule_computes_what_it_says(engine, lesson, settings):
    trace = engine.trace(check(lesson, settings))
    lone = pictures.one_convolution(trace, None)
    rules = re.findall(
        r"(\w)_out = (.*?)(?:, span (.*?))?\s+(?:total|\w+ (?:padding|cells))",
        plain(convolution_words.convolution_rule(lone.stage)),
    )
    names = {"floor": math.floor, "ceil": math.ceil}
    assert len(rules) == len(lone.stage.windows)
    for (_, rule, _), size in zip(rules, trace.outputs[0].shape, strict=False):
        expression, _, result = rule.rpartition(" = ")
        assert int(result) == size
        assert eval(expression.replace("·", "*"), names) == size


@pytest.mark.parametrize(("lesson", "settings"), CASES, ids=[f"{lesson} {settings}" for lesson, settings in CASES])
def test_all_that_words_point_at_is_in_the_picture(engine, lesson, settings):
    trace = engine.trace(check(lesson, settings))
    lone = pictures.one_convolution(trace, None)
    html = convolution_words.convolution_rule(lone.stage) + convolution_words.shapes_table(trace, lone.stage)
    parts = pictures.convolution_picture(trace, lone, None, False)["layout"]["meta"]["parts"]
    pointed = set(re.findall(r'data-point="(.*?)"', html))
    assert {"input", "kernel", "output", "kernel-I", "kernel-O"} <= pointed
    assert pointed - {"stride-H", "stride-W", "stride-L"} <= set(parts)
    assert all(part["says"] for part in parts.values())


MODES = ["SAME", "SAME_LOWER", "VALID", "CAUSAL", "CIRCULAR", "REFLECT", ((2, 1),)]


@pytest.mark.parametrize("transposed", [False, True], ids=["", "transposed"])
@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize(("size", "stride", "dilation"), [(3, 2, 1), (4, 1, 2), (2, 3, 1), (5, 4, 1)])
def test_the_staircase_is_the_layer_s_own_at_every_size(mode, size, stride, dilation, transposed):
    if transposed and mode in ("SAME_LOWER", "CAUSAL", "CIRCULAR", "REFLECT"):
        pytest.skip("flax's transposed layer does not slide a window in this mode")
    kind = nnx.ConvTranspose if transposed else nnx.Conv
    layer = kind(1, 1, (size,), strides=stride, padding=mode, kernel_dilation=dilation, rngs=nnx.Rngs(0))
    trace = sl.trace(layer, ShapeDtypeStruct((12, 1), "float32"))
    spec = pictures.staircase(pictures.one_convolution(trace, None), trace)
    shown = {n: out for bars in spec["data"] for n, out in bars["customdata"]}
    for n in range(1, 17):
        if mode in ("CIRCULAR", "REFLECT") and n < size * dilation:
            continue  # numpy's pad refuses to mirror what is not there
        made = eval_shape(layer, ShapeDtypeStruct((n, 1), "float32")).shape[0]
        assert shown.get(n, 0) == made, n
