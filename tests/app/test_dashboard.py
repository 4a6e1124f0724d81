"""What a visitor does, and what the page then says. The right numbers come from jax and from running the modules."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from playwright.sync_api import Browser, expect

import shapelab as sl
from app.dashboard import FIELDS, Dashboard
from app.server import Server
from shapelab.engine.inputs import PATTERNS

Sizes = dict[str, int]
SIDES = {"H": ("top", "bottom"), "W": ("left", "right"), "L": ("left", "right")}

PLACES = {
    "L": (64, 1, 23),
    "H": (64, 1, 15),
    "W": (64, 1, 22),
    "C": (16, 1, 2),
    "kernel_size": (16, 1, 6),
    "kernel_h": (11, 1, 4),
    "kernel_w": (11, 1, 5),
    "stride": (8, 1, 3),
    "features": (16, 1, 6),
    "base_features": (32, 1, 5),
    "depth": (4, 1, 2),
    "seed": (99, 0, 7),
}
"""Where each slider is pulled: its two ends and a place between."""

OTHER_PLACES = {
    ("ResNet block", "C"): (32, 1, 4),
    ("ResNet block", "features"): (32, 1, 6),
    ("ResNet block", "stride"): (4, 1, 2),
    ("U-Net", "H"): (128, 4, 20),
    ("U-Net", "W"): (128, 4, 32),
}


def conv_shape(sizes: tuple[int, ...], kernel: tuple[int, ...], stride: int, channels: int, features: int) -> Any:
    """The shape that lax gives a SAME convolution of one image, channels last."""
    letters = "HW"[: len(sizes)]
    x = jax.ShapeDtypeStruct((1, *sizes, channels), jnp.float32)
    weights = jax.ShapeDtypeStruct((*kernel, channels, features), jnp.float32)
    numbers = (f"N{letters}C", f"{letters}IO", f"N{letters}C")
    strides = (stride,) * len(sizes)
    y = jax.eval_shape(
        lambda x, weights: lax.conv_general_dilated(x, weights, strides, "SAME", dimension_numbers=numbers), x, weights
    )
    return y.shape[1:]


def same(axes: Sizes, kernel: tuple[int, ...], stride: int) -> Sizes:
    """Padded cells by side, as lax resolves SAME."""
    pads = lax.padtype_to_pads(tuple(axes.values()), kernel, (stride,) * len(axes), "SAME")
    return {
        side: cells
        for axis, pair in zip(axes, pads, strict=True)
        for side, cells in zip(SIDES[axis], pair, strict=True)
    }


def expected(lesson: str, at: Sizes) -> tuple[tuple[int, ...], tuple[int, ...], Sizes]:
    """Input shape, output shape and padding (of the first convolution) for a lesson's settings."""
    if lesson == "Conv1D":
        kernel = (at["kernel_size"],)
        output = conv_shape((at["L"],), kernel, at["stride"], at["C"], at["features"])
        return (at["L"], at["C"]), output, same({"L": at["L"]}, kernel, at["stride"])
    image = {"H": at["H"], "W": at["W"]}
    if lesson == "Conv2D":
        kernel = (at["kernel_h"], at["kernel_w"])
        output = conv_shape((at["H"], at["W"]), kernel, at["stride"], at["C"], at["features"])
        return (at["H"], at["W"], at["C"]), output, same(image, kernel, at["stride"])
    if lesson == "ResNet block":
        output = conv_shape((at["H"], at["W"]), (3, 3), at["stride"], at["C"], at["features"])
        return (at["H"], at["W"], at["C"]), output, same(image, (3, 3), at["stride"])
    return (at["H"], at["W"], at["C"]), (at["H"], at["W"], at["base_features"]), same(image, (3, 3), 1)


def settings(page: Dashboard, lesson: str) -> Sizes:
    return {field: page.setting(field) for field in FIELDS[lesson]}


def said(page: Dashboard) -> tuple[tuple[int, ...], tuple[int, ...], Sizes]:
    return page.input_shape(), page.output_shape(), page.padding()


def assert_says(page: Dashboard, lesson: str, at: Sizes) -> None:
    """The page says the right input shape, output shape and padding for these settings, now or in a moment."""

    def seen() -> tuple[Any, Any]:
        whole = at if set(FIELDS[lesson]) <= set(at) else {**settings(page, lesson), **at}
        return said(page), expected(lesson, whole)

    now, right = page.until(seen, lambda seen: seen[0] == seen[1])
    assert now == right


@pytest.fixture(autouse=True)
def _first_stage(shared: Dashboard) -> None:
    """The padding of a network is that of the chosen stage: its first convolution's, unless a test chooses another."""
    if shared.page.locator(".sl-stages").is_visible():
        shared.choose_stage(0)


def test_each_lesson_has_these_sliders_and_no_others(shared: Dashboard) -> None:
    for lesson, fields in FIELDS.items():
        shared.choose_lesson(lesson)
        assert shared.page.locator(".shapelab-control .noUi-handle:visible").count() == len(fields)


@pytest.mark.parametrize(("lesson", "field"), [(lesson, field) for lesson in FIELDS for field in FIELDS[lesson]])
def test_dragging_a_slider(shared: Dashboard, lesson: str, field: str) -> None:
    shared.choose_lesson(lesson)
    if lesson == "Conv2D":
        shared.link().uncheck()
    if field == "depth":
        shared.set(H=64, W=48)  # can be halved four times
    if (lesson, field) == ("ResNet block", "stride"):
        shared.choose("shortcut", "projection")
    before = settings(shared, lesson)
    together = ("C", "features") if lesson == "ResNet block" and field in ("C", "features") else (field,)
    for value in OTHER_PLACES.get((lesson, field), PLACES[field]):
        shared.drag(field, value)
        after = before | dict.fromkeys(together, value)
        for moved in together:
            shared.wait_for_setting(moved, value)
        assert_says(shared, lesson, after)
        assert shared.slider(field) == value
    assert settings(shared, lesson) == after
    if (lesson, field) == ("ResNet block", "stride"):
        shared.set(stride=1)
        shared.choose("shortcut", "identity")


@pytest.mark.parametrize(
    ("lesson", "at"),
    [
        ("ResNet block", {"H": 9, "W": 14, "features": 5, "seed": 3}),
        ("U-Net", {"H": 20, "W": 12, "C": 2, "base_features": 3, "seed": 1}),
    ],
)
def test_a_network_s_output_has_as_many_numbers_as_its_forward_gives(shared: Dashboard, lesson: str, at: Sizes) -> None:
    shared.choose_lesson(lesson)
    shared.set(**at)
    assert_says(shared, lesson, at)
    x = np.ones(shared.input_shape(), np.float32)
    if lesson == "U-Net":
        y = sl.unet_forward(at["seed"], x, at["base_features"])
    else:
        y = sl.resnet_basic_forward(at["seed"], x, at["features"])
    assert int(np.prod(shared.output_shape())) == y.size


def test_the_explanation_puts_the_numbers_in_place(shared: Dashboard) -> None:
    shared.choose_lesson("Conv2D")
    shared.link().uncheck()
    shared.set(H=13, W=10, C=5, kernel_h=4, kernel_w=3, stride=3, features=6, seed=2)
    at = settings(shared, "Conv2D")
    assert_says(shared, "Conv2D", at)
    rule = shared.text(".sl-rules")
    (top, bottom), (left, right) = lax.padtype_to_pads((13, 10), (4, 3), (3, 3), "SAME")
    assert "H_out = ceil(13 / 3) = 5" in rule
    assert f"max((5 − 1)·3 + 4 − 13, 0) = {top + bottom}" in rule
    assert f"top {top}, bottom {bottom}" in rule
    assert "W_out = ceil(10 / 3) = 4" in rule
    assert f"max((4 − 1)·3 + 3 − 10, 0) = {left + right}" in rule
    assert f"left {left}, right {right}" in rule
    facts = re.sub(r"\s+", " ", shared.text(".sl-right") + " " + shared.text(".sl-shapes"))
    assert "kernel (4, 3, 5, 6) H, W, I, O" in facts
    assert "input (13, 10, 5) H, W, C" in facts
    assert "output (5, 4, 6) H, W, C" in facts
    assert f"parameters {4 * 3 * 5 * 6 + 6:,}" in facts
    assert f"MACs {5 * 4 * 4 * 3 * 5 * 6:,}" in facts


@pytest.mark.parametrize(
    ("lesson", "at", "call"),
    [
        ("Conv1D", {"L": 11, "C": 2, "kernel_size": 5, "features": 7, "seed": 8}, ["=2,", "=7,", "(5,)", "Rngs(8)"]),
        (
            "Conv2D",
            {"C": 6, "kernel_h": 4, "kernel_w": 5, "stride": 3, "features": 9, "seed": 12},
            ["=6,", "=9,", "(4, 5)", "strides=3", "Rngs(12)"],
        ),
        ("ResNet block", {"features": 11, "seed": 4}, ["=11,", "Rngs(4)"]),
        ("U-Net", {"C": 5, "base_features": 7, "seed": 9}, ["in_features=5,", "base_features=7,", "Rngs(9)"]),
    ],
)
def test_the_call_as_code_follows_the_controls(shared: Dashboard, lesson: str, at: Sizes, call: list[str]) -> None:
    shared.choose_lesson(lesson)
    if lesson == "Conv2D":
        shared.link().uncheck()
    shared.set(**at)
    for part in call:
        expect(shared.code()).to_contain_text(part)


@pytest.mark.parametrize("end", ["Enter", "Tab"])
def test_typing_a_number(shared: Dashboard, end: str) -> None:
    shared.choose_lesson("Conv2D")
    for field, value in (("H", 31), ("W", 6), ("stride", 5)):
        shared.type(field, value, then=end)
        assert_says(shared, "Conv2D", {**settings(shared, "Conv2D"), field: value})
        expect(shared.handle(field)).to_have_attribute("aria-valuenow", re.compile(rf"^{value}(\.0)?$"))


def test_a_size_between_the_stops_of_the_slider_can_be_typed(shared: Dashboard) -> None:
    shared.choose_lesson("ResNet block")
    shared.type("H", 13)
    assert_says(shared, "ResNet block", {**settings(shared, "ResNet block"), "H": 13})


@pytest.mark.parametrize(("lesson", "field", "step"), [("Conv1D", "L", 1), ("Conv2D", "stride", 1), ("U-Net", "W", 4)])
def test_arrow_keys_on_a_slider(shared: Dashboard, lesson: str, field: str, step: int) -> None:
    shared.choose_lesson(lesson)
    start = 2 * step + 2 * (lesson != "U-Net")
    shared.set(**{field: start})
    shared.handle(field).focus()
    for key, value in (
        ("ArrowRight", start + step),
        ("ArrowUp", start + 2 * step),
        ("ArrowLeft", start + step),
        ("ArrowDown", start),
    ):
        shared.page.keyboard.press(key)
        shared.wait_for_setting(field, value)
        assert_says(shared, lesson, {**settings(shared, lesson), field: value})


@pytest.mark.parametrize(("text", "number"), [("99999", "99999"), ("-1", "-1"), ("0", "0"), ("1025", "1025")])
def test_a_number_out_of_bounds_is_refused_with_both_numbers(shared: Dashboard, text: str, number: str) -> None:
    shared.choose_lesson("Conv2D")
    shared.set(H=9)
    before = {**settings(shared, "Conv2D"), "H": 9}
    shared.type("H", text)
    expect(shared.notice()).to_contain_text(re.compile(rf"H = {number}\b.*from 1 to 1024"))
    assert_says(shared, "Conv2D", before)
    assert shared.slider("H") == 9
    shared.drag("H", 12)
    assert_says(shared, "Conv2D", {**before, "H": 12})
    expect(shared.control("H")).to_have_value("12")
    expect(shared.notice()).to_have_count(0)


def test_a_refusal_does_not_follow_to_another_lesson(shared: Dashboard) -> None:
    shared.choose_lesson("Conv2D")
    shared.type("W", 10000)
    expect(shared.notice()).to_be_visible()
    shared.choose_lesson("Conv1D")
    expect(shared.notice()).to_have_count(0)
    shared.choose_lesson("Conv2D")
    assert_says(shared, "Conv2D", settings(shared, "Conv2D"))


@pytest.mark.parametrize("text", ["", "abc", "1e", "--", "NaN"])
def test_what_is_no_whole_number_does_no_harm(shared: Dashboard, text: str) -> None:
    shared.choose_lesson("Conv2D")
    shared.set(W=11)
    shared.type("W", text)
    shared.control("H").click()  # leaves the field
    shared.type("stride", 2 if shared.setting("stride") != 2 else 3)  # the page still answers
    now = shared.until(
        lambda: (settings(shared, "Conv2D"), said(shared)), lambda seen: seen[1] == expected("Conv2D", seen[0])
    )
    assert now[1] == expected("Conv2D", now[0]), "the numbers beside the sliders are not the ones that hold"
    shared.drag("W", 14)
    assert_says(shared, "Conv2D", {**settings(shared, "Conv2D"), "W": 14})


@pytest.mark.parametrize("pasted", [False, True])
def test_a_fraction_is_refused_and_not_made_into_another_number(page: Dashboard, pasted: bool) -> None:
    before = settings(page, "Conv2D")
    if pasted:
        page.control("W").fill("1.5")
        page.control("W").press("Enter")
    else:
        page.type("W", "1.5")
    expect(page.notice()).to_contain_text("W = 1.5 is not a whole number")
    assert_says(page, "Conv2D", before)
    page.set(W=9)
    assert_says(page, "Conv2D", {**before, "W": 9})


def test_the_kernel_s_sides_move_together_until_unlinked(shared: Dashboard) -> None:
    shared.choose_lesson("Conv2D")
    shared.link().check()
    shared.drag("kernel_h", 5)
    shared.wait_for_setting("kernel_w", 5)
    assert_says(shared, "Conv2D", settings(shared, "Conv2D"))
    shared.type("kernel_w", 2)
    shared.wait_for_setting("kernel_h", 2)
    sliders = shared.until(lambda: (shared.slider("kernel_h"), shared.slider("kernel_w")), lambda at: at == (2, 2))
    assert sliders == (2, 2)
    shared.link().uncheck()
    shared.drag("kernel_w", 7)
    shared.wait_for_setting("kernel_w", 7)
    assert shared.setting("kernel_h") == 2
    assert_says(shared, "Conv2D", {**settings(shared, "Conv2D"), "kernel_h": 2, "kernel_w": 7})
    shared.link().check()
    shared.wait_for_setting("kernel_w", 2)
    assert_says(shared, "Conv2D", {**settings(shared, "Conv2D"), "kernel_h": 2, "kernel_w": 2})


def test_linen_and_nnx_give_the_same_shapes_and_other_values(shared: Dashboard) -> None:
    shared.choose_lesson("Conv2D")
    shared.link().uncheck()
    shared.set(H=8, W=9, C=1, kernel_h=4, kernel_w=3, stride=2, features=3, seed=5)
    at = settings(shared, "Conv2D")
    shared.choice("linen").click()
    expect(shared.code()).to_contain_text("nn.Conv(\n  features=3")
    assert_says(shared, "Conv2D", at)
    linen = assert_output_values(shared, at, sl.conv2d_linen_forward)
    shared.choice("nnx").click()
    expect(shared.code()).to_contain_text("nnx.Conv(")
    assert_says(shared, "Conv2D", at)
    nnx = assert_output_values(shared, at, sl.conv2d_forward)
    assert not np.allclose(linen, nnx)


# -- values ---------------------------------------------------------------------------------------------------------


def assert_output_values(page: Dashboard, at: Sizes, forward: Callable[..., Any]) -> np.ndarray[Any, Any]:
    """With one input channel the page shows all of the input: the module, run on it here, must give what it shows."""
    assert at["C"] == 1
    page.wait_for_values("output")

    def run() -> np.ndarray[Any, Any]:
        x = page.values("input")[..., None]
        y = forward(at["seed"], x, at["features"], at["kernel_h"], at["kernel_w"], at["stride"])
        return np.asarray(y).reshape(*page.output_shape())[..., 0]

    right = run()
    shown = page.until(
        lambda: page.values("output"), lambda z: z.shape == right.shape and np.allclose(z, right, 1e-4, 1e-5)
    )
    np.testing.assert_allclose(shown, run(), rtol=1e-4, atol=1e-5)
    return shown


def test_the_numbers_of_a_2d_convolution_are_the_module_s(shared: Dashboard) -> None:
    shared.choose_lesson("Conv2D")
    shared.link().uncheck()
    shared.choice("nnx").click()
    at = {"H": 9, "W": 7, "C": 1, "kernel_h": 3, "kernel_w": 4, "stride": 2, "features": 3, "seed": 11}
    shared.set(**at)
    assert_says(shared, "Conv2D", at)
    y = assert_output_values(shared, at, sl.conv2d_forward)
    index, total, module, verdict = shared.until(lambda: shared.arithmetic(), lambda a: abs(a[2] - y[a[0][:2]]) < 1e-4)
    assert total == pytest.approx(y[index[:2]], abs=1e-4)
    assert module == pytest.approx(y[index[:2]], abs=1e-4)
    assert verdict == "✓"
    shared.set(seed=12)
    other = assert_output_values(shared, {**at, "seed": 12}, sl.conv2d_forward)
    assert not np.allclose(y, other)


def test_the_numbers_of_a_1d_convolution_are_the_module_s(shared: Dashboard) -> None:
    shared.choose_lesson("Conv1D")
    at = {"L": 9, "C": 2, "kernel_size": 4, "stride": 1, "features": 3, "seed": 6}
    shared.set(**at)
    assert_says(shared, "Conv1D", at)

    def run() -> np.ndarray[Any, Any]:
        x = shared.wait_for_values("input").T
        return np.asarray(sl.conv1d_forward(at["seed"], x, at["features"], at["kernel_size"])).reshape(9, 3)

    y = shared.until(run, lambda y: np.allclose(shared.values("output").T, y, 1e-4, 1e-5))
    np.testing.assert_allclose(shared.values("output").T, y, rtol=1e-4, atol=1e-5)
    index, total, module, verdict = shared.until(lambda: shared.arithmetic(), lambda a: abs(a[2] - y[a[0]]) < 1e-4)
    assert (total, module) == (pytest.approx(y[index], abs=1e-4), pytest.approx(y[index], abs=1e-4))
    assert verdict == "✓"


@pytest.mark.parametrize("lesson", ["ResNet block", "U-Net"])
def test_the_feature_maps_of_the_last_stage_are_the_network_s_output(shared: Dashboard, lesson: str) -> None:
    shared.choose_lesson(lesson)
    at = {"H": 12, "W": 8, "seed": 2}
    if lesson == "U-Net":
        at |= {"C": 3, "base_features": 4}
    else:
        at |= {"features": 4}
    shared.set(**at)
    assert_says(shared, lesson, at)
    shared.choose_stage(-1)
    x = PATTERNS["scene"](shared.input_shape(), at["seed"])
    y = sl.unet_forward(2, x, 4) if lesson == "U-Net" else sl.resnet_basic_forward(2, x, 4)
    right = np.asarray(y).reshape(12, 8, 4)

    seen = shared.until(shared.map_values, lambda z: z.shape == right.shape and np.allclose(z, right, atol=1e-3))
    np.testing.assert_allclose(seen, right, atol=1e-3)


def test_choosing_a_stage_shows_its_windows(shared: Dashboard) -> None:
    shared.choose_lesson("U-Net")
    shared.set(H=24, W=16, base_features=4)
    assert_says(shared, "U-Net", settings(shared, "U-Net"))
    shared.choose_stage("max_pool", (12, 8))
    expect(shared.stage_heading()).to_have_text(re.compile("max_pool", re.IGNORECASE))
    rows = [re.findall(r"\S+", row) for row in shared.page.locator(".sl-numbers tr").all_inner_texts()[1:]]
    assert [(row[0], row[1], row[-1]) for row in rows] == [("H", "24", "12"), ("W", "16", "8")]
    assert shared.padding() == {"top": 0, "bottom": 0, "left": 0, "right": 0}


def test_clicking_a_block_shows_its_first_stage(shared: Dashboard) -> None:
    shared.choose_lesson("U-Net")
    shared.set(H=24, W=16, base_features=4)
    assert_says(shared, "U-Net", settings(shared, "U-Net"))
    shared.wait_for_pictures()
    label = shared.figure().locator(".annotation-text", has_text=re.compile(r"^bottom$"))
    expect(label).to_be_visible()
    box = label.bounding_box()
    assert box is not None
    shared.page.mouse.click(box["x"] + box["width"] / 2, box["y"] - 18)
    expect(shared.stage_heading()).to_have_text(re.compile(r"bottom\.conv", re.IGNORECASE))
    assert shared.page.locator(".sl-numbers tr").all_inner_texts()[1].split()[1] == "6"


# -- what cannot be -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("axis", "size", "near"), [("H", 30, (28, 32)), ("W", 30, (28, 32)), ("H", 13, (12, 16)), ("W", 127, (124, 128))]
)
def test_a_size_the_unet_cannot_join(shared: Dashboard, axis: str, size: int, near: tuple[int, int]) -> None:
    shared.choose_lesson("U-Net")
    shared.set(H=64, W=48, base_features=8)
    shared.type(axis, size)
    alert = shared.page.get_by_role("alert")
    expect(alert).to_contain_text("cannot join")
    assert shared.output_shape() == ()
    at = {"H": 64, "W": 48, axis: size}
    odd = at[axis] if at[axis] % 2 else at[axis] // 2
    level = 1 if at[axis] % 2 and at[axis] // 2 % 2 == 0 else 2
    skip = {name: n // 2 ** (level - 1) for name, n in at.items()}
    up = {name: n // 2**level * 2 for name, n in at.items()}
    channels = 8 * level
    text = alert.inner_text()
    assert f"({up['H']}, {up['W']}, {channels})" in text
    assert f"({skip['H']}, {skip['W']}, {channels})" in text
    number = skip[axis]
    assert re.search(rf"max_pool{' #2' if level == 2 else ''} took {number} to {number // 2} along {axis}", text), (
        text,
        odd,
    )
    ways_out = shared.page.locator(".sl-ways-out button")
    for n in near:
        expect(ways_out.get_by_text(f"{axis} = {n}", exact=True)).to_be_visible()
    ways_out.get_by_text(f"{axis} = {near[1]}", exact=True).click()
    assert_says(shared, "U-Net", {**settings(shared, "U-Net"), "H": 64, "W": 48, axis: near[1]})
    expect(alert).to_have_count(0)
    expect(ways_out).to_have_count(0)
    shared.wait_for_maps()


def test_every_way_out_leads_to_a_setting_that_works(shared: Dashboard) -> None:
    shared.choose_lesson("U-Net")
    shared.set(W=48, H=64, base_features=4)
    shared.type("H", 30)
    shared.type("W", 30)
    alert, buttons = shared.page.get_by_role("alert"), shared.page.locator(".sl-ways-out button")
    expect(shared.page.locator(".sl-answer .sl-input")).to_have_text("(30, 30, 3)")
    expect(buttons).to_have_count(3)
    before = settings(shared, "U-Net")
    for button in buttons.all_inner_texts():
        buttons.get_by_text(button, exact=True).click()
        expect(alert).to_have_count(0)
        changed = {field: int(value) for field, value in re.findall(r"(\w+) = (\d+)", button)}
        assert_says(shared, "U-Net", before | changed)
        shared.tool("Undo").click()
        expect(alert).to_contain_text("cannot join")
        expect(buttons).to_have_count(3)


def test_an_impossible_size_does_not_hold_the_other_lessons(shared: Dashboard) -> None:
    shared.choose_lesson("U-Net")
    shared.set(W=48)
    shared.type("H", 30)
    expect(shared.page.get_by_role("alert")).to_be_visible()
    shared.choose_lesson("Conv2D")
    expect(shared.page.get_by_role("alert")).to_have_count(0)
    assert_says(shared, "Conv2D", settings(shared, "Conv2D"))
    shared.choose_lesson("U-Net")
    expect(shared.page.get_by_role("alert")).to_be_visible()
    shared.drag("H", 32)
    assert_says(shared, "U-Net", {**settings(shared, "U-Net"), "H": 32})


@pytest.mark.parametrize(
    ("lesson", "at", "names"),
    [
        ("Conv2D", {"H": 3, "W": 3, "C": 3, "kernel_h": 3, "kernel_w": 3}, "H, W, C"),
        ("ResNet block", {"H": 1, "W": 1, "features": 1}, "H, W, C"),
        ("ResNet block", {"H": 8, "W": 8, "features": 8}, "H, W, C"),
        ("U-Net", {"H": 4, "W": 4, "C": 4}, "H, W, C"),
        ("U-Net", {"H": 4, "W": 8, "C": 1}, "H, W, C"),
        ("Conv1D", {"L": 4, "C": 4, "kernel_size": 4, "features": 4}, "L, C"),
    ],
)
def test_axes_keep_their_names_where_sizes_are_equal_or_one(
    shared: Dashboard, lesson: str, at: Sizes, names: str
) -> None:
    shared.choose_lesson(lesson)
    if lesson == "Conv2D":
        shared.link().uncheck()
    shared.set(**at)
    assert_says(shared, lesson, {**settings(shared, lesson), **at})
    assert shared.page.locator(".sl-answer .sl-layout").all_inner_texts() == [names, names]


# -- a page that remembers and keeps up -----------------------------------------------------------------------------


def test_lessons_keep_their_settings(shared: Dashboard) -> None:
    kept = {}
    for n, lesson in enumerate(FIELDS):
        shared.choose_lesson(lesson)
        field = FIELDS[lesson][0]
        shared.set(**{field: 8 + 4 * n, "seed": n + 1})
        kept[lesson] = settings(shared, lesson)
    for lesson in (*FIELDS, *reversed(FIELDS)):
        shared.choose_lesson(lesson)
        assert_says(shared, lesson, kept[lesson])
        assert settings(shared, lesson) == kept[lesson]


def test_the_link_is_kept_like_the_settings(shared: Dashboard) -> None:
    shared.choose_lesson("Conv2D")
    shared.link().uncheck()
    shared.set(kernel_h=2, kernel_w=5)
    shared.choose_lesson("Conv1D")
    shared.choose_lesson("Conv2D")
    assert settings(shared, "Conv2D")["kernel_w"] == 5
    assert not shared.link().is_checked(), "the box says that the two are kept equal while they differ"


@pytest.mark.parametrize(
    ("lesson", "field", "end"), [("Conv2D", "W", 20), ("U-Net", "H", 36), ("U-Net", "base_features", 6)]
)
def test_dragging_to_and_fro_ends_at_the_right_state(shared: Dashboard, lesson: str, field: str, end: int) -> None:
    shared.choose_lesson(lesson)
    low, high = (4, 124) if lesson == "U-Net" and field == "H" else (1, 32)
    way = [low + (high - low) * (7 * n % 31) // 31 for n in range(30)]
    shared.drag(field, end, by_way_of=tuple(way))
    shared.wait_for_setting(field, end)
    assert_says(shared, lesson, {**settings(shared, lesson), field: end})
    shared.wait_for_values() if lesson == "Conv2D" else shared.wait_for_maps()
    assert_says(shared, lesson, {**settings(shared, lesson), field: end})  # no late answer of a place passed by
    assert shared.slider(field) == end


def test_two_visitors_do_not_meet(browser: Browser, server: Server, shared: Dashboard) -> None:
    shared.choose_lesson("Conv2D")
    shared.set(stride=2, H=10)
    here = settings(shared, "Conv2D")
    with Dashboard.visiting(browser, server.url) as other:
        other.set(stride=5, H=21)
        other.choose_lesson("U-Net")
        assert_says(other, "U-Net", settings(other, "U-Net"))
        assert_says(shared, "Conv2D", here)
        shared.set(W=17)
        assert_says(shared, "Conv2D", {**here, "W": 17})
        other.choose_lesson("Conv2D")
        assert_says(other, "Conv2D", {**settings(other, "Conv2D"), "stride": 5, "H": 21})
    shared.set(W=18)
    assert_says(shared, "Conv2D", {**here, "W": 18})


# -- light and dark -------------------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_theme_is_switched_and_remembered(page: Dashboard) -> None:
    button = page.page.get_by_role("button", name=re.compile("light and dark"))

    def palest() -> float:
        return luminance(page.trace("output")["colorscale"][0][1])

    def background() -> float:
        found = page.page.evaluate("getComputedStyle(document.body).backgroundColor")
        red, green, blue = (int(n) / 255 for n in re.findall(r"\d+", found)[:3])
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    assert background() > 0.8
    assert palest() > 0.6
    button.click()
    assert page.until(palest, lambda seen: seen < 0.3) < 0.3
    assert background() < 0.2
    page.reload()
    assert page.page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert background() < 0.2
    assert page.until(palest, lambda seen: seen < 0.3) < 0.3
    button.click()
    assert page.until(palest, lambda seen: seen > 0.6) > 0.6
    assert background() > 0.8


def test_the_theme_begins_as_the_system_has_it(browser: Browser, server: Server) -> None:
    with Dashboard.visiting(browser, server.url, color_scheme="dark") as dark:
        assert dark.page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert luminance(dark.trace("output")["colorscale"][0][1]) < 0.3
