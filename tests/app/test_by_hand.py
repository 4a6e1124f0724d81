"""A convolution explored by hand on the served page: pointer, keys, finger and player, against the traced module."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import lax
from playwright.sync_api import Browser, Locator, expect

import shapelab as sl
from app.dashboard import Dashboard
from app.server import Server

pytestmark = pytest.mark.page

SIZES = (10, 8)
PLAIN = {"H": 10, "W": 8, "C": 1, "kernel_h": 3, "kernel_w": 4, "stride": 3, "features": 2, "seed": 0}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def plain(shared: Dashboard) -> Dashboard:
    """A page that shows one strided SAME convolution, its numbers come."""
    shared.link().uncheck()
    shared.choose("padding", "SAME")
    shared.unfold()
    shared.set(**PLAIN, dilation=1)
    expect(shared.page.locator(".shapelab-output-shape")).to_have_text("(4, 3, 2)")
    shared.until(lambda: shared.values("output"), lambda z: z.shape == (4, 3) and np.allclose(z, module_of(shared)))
    shared.wait_for_pictures()
    return shared


def module_of(page: Dashboard) -> np.ndarray[Any, Any]:
    """The first channel that the module makes of the picture's input."""
    y = sl.conv2d_forward(0, page.values("input")[..., None], 2, 3, 4, 3)
    return np.asarray(y).reshape(4, 3, 2)[..., 0]


def windows_of(**changes: Any) -> tuple[sl.Window, ...]:
    """The windows of the same convolution, as its trace says them."""
    given = {"kernel_size": (3, 4), "strides": 3, "padding": "SAME", **changes}
    conv = nnx.Conv(1, 2, rngs=nnx.Rngs(0), **given)
    (stage,) = sl.trace(conv, jax.ShapeDtypeStruct((*SIZES, 1), jnp.float32)).stages
    assert stage.windows is not None
    return stage.windows


def read_by(page: Dashboard, output: tuple[int, int], windows: tuple[sl.Window, ...]) -> set[tuple[int, int] | None]:
    """The input cells that are lit for an output under the pointer; None for padding."""
    page.page.mouse.move(*page.place_of("output", *output))
    lit = page.until(page.lit, lambda lit: ("output", "output", *output) in lit)
    top, left = (window.padding.lo for window in windows)
    return {
        (row - top, column - left) if kind in ("cell", "source") else None
        for kind, plane, row, column in lit
        if plane == "padded"
    }


@pytest.mark.parametrize("setting", ["SAME", "dilated"])
def test_pointing_at_an_output_lights_the_taps_of_its_window_and_sends_nothing(plain: Dashboard, setting: str) -> None:
    changes: dict[str, Any] = {}
    if setting == "dilated":
        changes = {"padding": "VALID", "kernel_dilation": 2}
        plain.choose("padding", "VALID")
        plain.set(dilation=2)
        expect(plain.page.locator(".shapelab-output-shape")).to_have_text("(2, 1, 2)")
        plain.wait_for_pictures()
    windows = windows_of(**changes)
    sent = plain.settled_messages()
    for output in product(*(range(w.output_size(n)) for w, n in zip(windows, SIZES, strict=True))):
        taps = product(*(w.taps(at, n) for w, at, n in zip(windows, output, SIZES, strict=True)))
        right = {None if None in tap else tap for tap in taps}
        assert read_by(plain, output, windows) == right, output
    plain.page.mouse.move(5, 300)
    assert plain.until(plain.lit, lambda lit: not lit) == set()
    assert plain.messages == sent, "pointing at cells sent messages to the kernel"


def test_pointing_at_an_input_cell_lights_the_outputs_that_read_it(plain: Dashboard) -> None:
    (top, _), (left, _) = lax.padtype_to_pads(SIZES, (3, 4), (3, 3), "SAME")
    for row, column in ((0, 0), (2, 3), (4, 5), (9, 7), (5, 2)):
        plain.page.mouse.move(*plain.place_of("padded", row + top, column + left))
        readers = {
            (r, c)
            for r, c in np.ndindex(4, 3)
            if row in range(3 * r - top, 3 * r - top + 3) and column in range(3 * c - left, 3 * c - left + 4)
        }
        lit = plain.until(
            plain.lit,
            lambda lit, at=("cell", "padded", row + top, column + left): at in lit,  # type: ignore[misc]
        )
        assert {(r, c) for kind, _, r, c in lit if kind == "output"} == readers


def test_the_light_lies_under_the_pointer(plain: Dashboard) -> None:
    x, y = plain.place_of("output", 2, 1)
    plain.page.mouse.move(x, y)
    box = plain.figure().locator('.shapelab-light [data-plane="output"]').bounding_box()
    assert box is not None
    assert box["x"] < x < box["x"] + box["width"]
    assert box["y"] < y < box["y"] + box["height"]


def test_the_picture_counts_the_padding_of_each_side(plain: Dashboard) -> None:
    words = plain.figure().locator(".annotation-text").all_text_contents()
    assert lax.padtype_to_pads(SIZES, (3, 4), (3, 3), "SAME") == [(1, 1), (1, 1)]
    assert {"1 top", "1 bottom"} <= set(words)
    assert words.count("1") == 2


def assert_taken_apart(page: Dashboard, row: int, column: int) -> None:
    """The arithmetic below the picture is of this output, and comes to what the module gives."""
    y = module_of(page)[row, column]
    index, total, module, verdict = page.until(page.arithmetic, lambda a: a[0][:2] == (row, column))
    assert index == (row, column, 0)
    assert (total, module) == (pytest.approx(y, abs=1e-4), pytest.approx(y, abs=1e-4))
    assert verdict == "✓"


def test_a_click_pins_an_output_and_takes_it_apart(plain: Dashboard) -> None:
    for row, column in ((3, 2), (1, 0)):
        plain.page.mouse.click(*plain.place_of("output", row, column))
        assert plain.pinned() == (row, column)
        assert_taken_apart(plain, row, column)
    products = plain.text(".sl-products").replace("−", "-")
    assert len(re.findall(r"·", products)) == 3 * 4


def test_the_keys_move_pin_and_let_go(plain: Dashboard) -> None:
    plain.page.mouse.click(*plain.place_of("output", 0, 0))
    plain.page.mouse.move(5, 300)
    plain.figure().locator('[data-stop="output"]').focus()
    sent = plain.settled_messages()
    for key, at in (("ArrowDown", (1, 0)), ("ArrowRight", (1, 1)), ("End", (1, 2)), ("ArrowUp", (0, 2))):
        plain.page.keyboard.press(key)
        assert ("output", "output", *at) in plain.lit()
    assert plain.messages == sent
    plain.page.keyboard.press("Enter")
    assert_taken_apart(plain, 0, 2)
    plain.page.keyboard.press("Escape")
    assert plain.lit() == set()


def test_a_finger_pins_and_the_page_still_scrolls(browser: Browser, server: Server) -> None:
    with Dashboard.visiting(browser, server.url, **PHONE) as phone:
        phone.page.touchscreen.tap(*phone.place_of("output", 2, 3))
        assert phone.pinned() == (2, 3)
        index, _, _, verdict = phone.until(phone.arithmetic, lambda a: a[0][:2] == (2, 3))
        assert (index, verdict) == ((2, 3, 0), "✓")
        assert phone.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        frame = phone.figure().locator(".shapelab-frame")
        assert frame.evaluate("frame => getComputedStyle(frame).touchAction") == "pan-y"


# -- the player -----------------------------------------------------------------------------------------------------


def player(page: Dashboard, name: str) -> Locator:
    return page.figure().locator(".shapelab-player").get_by_role("button", name=name, exact=True)


def test_the_player_steps_scrubs_plays_and_pauses(plain: Dashboard) -> None:
    bar, place = plain.figure().locator(".shapelab-player"), plain.figure().locator(".shapelab-place")
    expect(bar).not_to_have_class(re.compile("shapelab-playing"))
    bar.get_by_role("slider").fill("0")
    expect(place).to_have_text("output (0, 0), 1 of 12")
    expect(player(plain, "Step back")).to_be_disabled()
    player(plain, "Step").click()
    expect(place).to_have_text("output (0, 1), 2 of 12")
    assert_taken_apart(plain, 0, 1)
    bar.get_by_role("combobox").select_option("0.5")
    player(plain, "Play").click()
    expect(place).not_to_have_text(re.compile(", [12] of 12"))  # it goes on by itself
    player(plain, "Pause").click()
    expect(bar).not_to_have_class(re.compile("shapelab-playing"))
    row, column = plain.pinned()
    assert_taken_apart(plain, row, column)
    player(plain, "Step back").click()
    back = 3 * row + column - 1
    assert_taken_apart(plain, back // 3, back % 3)


def test_who_minds_motion_sees_the_window_jump(plain: Dashboard) -> None:
    frame = plain.figure().locator(".shapelab-pinned rect").first
    lasts = "rect => getComputedStyle(rect).transitionDuration"
    plain.figure().locator(".shapelab-player").get_by_role("slider").fill("0")
    player(plain, "Play").click()
    for motion, still in (("reduce", True), ("no-preference", False)):
        plain.page.emulate_media(reduced_motion=motion)  # type: ignore[arg-type]
        assert (set(frame.evaluate(lasts).split(", ")) == {"0s"}) == still
    player(plain, "Pause").click()


# -- other things to show -------------------------------------------------------------------------------------------


def test_coverage_counts_how_often_each_cell_is_read(plain: Dashboard) -> None:
    windows = windows_of()
    counts = np.zeros(SIZES)
    for output in np.ndindex(4, 3):
        taps = product(*(w.taps(at, n) for w, at, n in zip(windows, output, SIZES, strict=True)))
        for row, column in (tap for tap in taps if None not in tap):
            counts[row, column] += 1  # type: ignore[index]
    options = plain.page.locator(".sl-options")
    options.get_by_role("button", name="coverage").click()
    shown = plain.until(lambda: plain.values("input"), lambda z: z.shape == SIZES and np.array_equal(z, counts))
    np.testing.assert_array_equal(shown, counts)
    options.get_by_role("button", name="values").click()
    plain.wait_for_pictures()


def test_another_output_channel_is_shown_and_taken_apart(plain: Dashboard) -> None:
    plain.page.get_by_label("output channel").select_option("1")
    x = plain.values("input")[..., None]
    right = np.asarray(sl.conv2d_forward(0, x, 2, 3, 4, 3)).reshape(4, 3, 2)
    shown = plain.until(lambda: plain.values("output"), lambda z: np.allclose(z, right[..., 1], 1e-4, 1e-5))
    np.testing.assert_allclose(shown, right[..., 1], rtol=1e-4, atol=1e-5)
    index, total, _, verdict = plain.until(plain.arithmetic, lambda a: a[0][2] == 1)
    assert total == pytest.approx(right[index], abs=1e-4)
    assert verdict == "✓"
    plain.page.get_by_label("output channel").select_option("0")
    plain.until(plain.arithmetic, lambda a: a[0][2] == 0)
