"""A convolution under the pointer, the keys and the finger: what is lit is what the windows read."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from app.picture import picture_page, shows
from shapelab.figures.window_grid import Convolution, window_grid
from shapelab.figures.window_strip import Strip, window_strip
from shapelab.geometry import Padding, Window
from shapelab.geometry.padding import causal, circular, reflect, same, same_lower, valid

pytestmark = pytest.mark.page

Lit = list[tuple[str, str, int, int]]
"""Kind, plane, row and column of each cell that is lit."""

POINT = """([name, row, column]) => {
  const frame = document.querySelector(".shapelab-frame"), box = frame.getBoundingClientRect();
  const { layout } = model.get("spec"), grid = layout.meta.planes[name], scale = box.width / layout.width;
  const at = [grid.corner[0] + (column + 0.5) * grid.cell[0], grid.corner[1] + (row + 0.5) * grid.cell[1]];
  const [clientX, clientY] = [box.left + at[0] * scale, box.top + at[1] * scale];
  frame.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY, bubbles: true }));
  return [...document.querySelectorAll(".shapelab-light rect")].map(({ className, dataset }) =>
    [className.baseVal.replace("shapelab-lit-", ""), dataset.plane, Number(dataset.row), Number(dataset.column)]);
}"""


@pytest.fixture(scope="module")
def figure(browser: Browser) -> Iterator[Page]:
    with picture_page(browser) as page:
        yield page


def padding_of(mode: str, n: int, size: int, stride: int, dilation: int) -> Padding:
    return {
        "SAME": lambda: same(n, size, stride, dilation),
        "SAME_LOWER": lambda: same_lower(n, size, stride, dilation),
        "VALID": valid,
        "CIRCULAR": lambda: circular(size, dilation),
        "REFLECT": lambda: reflect(size, dilation),
        "CAUSAL": lambda: causal(size, dilation),
        "explicit": lambda: Padding(3, 1),
    }[mode]()


def window(mode: str, n: int, size: int, stride: int = 1, dilation: int = 1, base: int = 1) -> Window:
    if base > 1:
        return Window(size, 1, dilation, base, Padding(size - 1, max(size - 2, 0)))
    return Window(size, stride, dilation, padding=padding_of(mode, n, size, stride, dilation))


def plane(*windows: Window, size: tuple[int, int], channels: tuple[int, int] = (0, 0), **more: Any) -> Convolution:
    """A picture of values drawn at random, 4 channels in and out in 2 groups."""
    rng = np.random.default_rng(0)
    out = tuple(w.output_size(n) for w, n in zip(windows, size, strict=True))
    kernel = tuple(w.size for w in windows)
    given, weights, made = (rng.normal(size=shape).astype(np.float32) for shape in (size, kernel, out))
    return Convolution(
        (windows[0], windows[1]), (*size, 4), (*out, 4), (*kernel, 2, 4), given, weights, made, (0, 0), channels, **more
    )


def strip(w: Window, length: int, channel: int = 0) -> Strip:
    rng = np.random.default_rng(0)
    out = w.output_size(length)
    given, weights, made = (rng.normal(size=shape) for shape in ((length, 4), (w.size, 2), (out, 6)))
    return Strip(w, (length, 4), (out, 6), (w.size, 2, 6), given, weights, made, 0, channel)


def drawn_settings() -> Iterator[Any]:
    """Two windows and the sizes they slide over, of every mode."""
    rng = random.Random(7)
    for mode in ("SAME", "SAME_LOWER", "VALID", "CIRCULAR", "REFLECT", "explicit", "transposed"):
        for _ in range(4):
            axes = []
            for _ in range(2):
                n, size, dilation = rng.randint(5, 12), rng.randint(1, 4), rng.choice([1, 1, 2])
                n = max(n, (size - 1) * dilation + 1)
                base = rng.choice([2, 3]) if mode == "transposed" else 1
                axes.append((window(mode, n, size, rng.randint(1, 4), dilation, base), n))
            yield pytest.param(axes, id=f"{mode} {axes[0][0].size}x{axes[1][0].size}")


def sources(cells: Lit, axes: list[tuple[Window, int]], *kinds: str) -> set[tuple[int, ...]]:
    """The input cells of the lit padded cells of some kinds."""
    return {
        tuple((at - w.padding.lo) // w.base_dilation for at, (w, _) in zip(place, axes, strict=True))
        for kind, where, *place in cells
        if where == "padded" and kind in kinds
    }


@pytest.mark.parametrize("axes", list(drawn_settings()))
def test_an_output_lights_what_its_window_reads_and_an_input_the_outputs_that_read_it(
    figure: Page, axes: list[tuple[Window, int]]
) -> None:
    shown = plane(axes[0][0], axes[1][0], size=(axes[0][1], axes[1][1]))
    shows(figure, window_grid(shown))
    sent = figure.evaluate("model.sent")
    outputs = list(np.ndindex(*shown.output_shape[:2]))
    taps = {o: [w.taps(i, n) for i, (w, n) in zip(o, axes, strict=True)] for o in outputs}
    for output in random.Random(0).sample(outputs, min(6, len(outputs))):
        cells = figure.evaluate(POINT, ["output", *output])
        met = list(product(*taps[output]))
        assert sources(cells, axes, "cell", "source") == {tap for tap in met if None not in tap}
        assert sum(kind in ("padding", "zero") for kind, *_ in cells) == sum(None in tap for tap in met)
        assert [place for kind, where, *place in cells if where == "output"] == [list(output)]
    for cell in random.Random(1).sample(list(np.ndindex(*shown.input_shape[:2])), 6):
        place = [w.padding.lo + at * w.base_dilation for at, (w, _) in zip(cell, axes, strict=True)]
        lit = figure.evaluate(POINT, ["padded", *place])
        readers = {o for o in outputs if all(at in tap for at, tap in zip(cell, taps[o], strict=True))}
        assert {(row, column) for _, where, row, column in lit if where == "output"} == readers
    assert figure.evaluate("model.sent") == sent, "pointing sent messages"


@pytest.mark.parametrize("mode", ["CIRCULAR", "REFLECT"])
def test_a_repeated_cell_lights_where_its_value_comes_from_and_every_reader(figure: Page, mode: str) -> None:
    axes = [(window(mode, 6, 3), 6), (window(mode, 7, 4), 7)]
    shown = plane(axes[0][0], axes[1][0], size=(6, 7))
    shows(figure, window_grid(shown))
    lit = figure.evaluate(POINT, ["padded", 0, 0])
    home = tuple(w.sources(n)[0] for w, n in axes)
    assert sources(lit, axes, "source") == {home}
    readers = {
        o
        for o in np.ndindex(*shown.output_shape[:2])
        if all(at in w.taps(i, n) for at, i, (w, n) in zip(home, o, axes, strict=True))
    }
    assert {(row, column) for _, where, row, column in lit if where == "output"} == readers
    words = figure.locator(".shapelab-tip").text_content()
    assert words is not None
    assert words.startswith("wrapped" if mode == "CIRCULAR" else "mirrored")
    assert shown.input is not None
    assert float(words.rpartition(" = ")[2]) == pytest.approx(float(shown.input[home]), rel=1e-3)


@pytest.mark.parametrize("mode", ["SAME", "CAUSAL", "CIRCULAR", "explicit", "transposed"])
def test_a_sequence_lights_the_rows_of_its_group(figure: Page, mode: str) -> None:
    w = window(mode, 9, 3, stride=1 if mode == "transposed" else 2, dilation=2, base=2 if mode == "transposed" else 1)
    shown = strip(w, 9)
    shows(figure, window_strip(shown))
    for channel, output in ((0, 0), (2, 1), (5, shown.output_shape[0] - 1)):
        lit = figure.evaluate(POINT, ["output", channel, output])
        rows = {0, 1} if channel < 3 else {2, 3}  # 4 channels in 2 groups make 6
        found = {
            (row, (column - w.padding.lo) // w.base_dilation)
            for kind, where, row, column in lit
            if where == "padded" and kind in ("cell", "source")
        }
        assert found == {(row, tap) for row in rows for tap in w.taps(output, 9) if tap is not None}
    lit = figure.evaluate(POINT, ["padded", 3, w.padding.lo + 4 * w.base_dilation])
    readers = {(c, o) for c in (3, 4, 5) for o in range(shown.output_shape[0]) if 4 in w.taps(o, 9)}
    assert {(row, column) for _, where, row, column in lit if where == "output"} == readers


def test_the_weights_stand_on_the_taps_where_there_is_room(figure: Page) -> None:
    shown = plane(window("SAME", 6, 3), window("SAME", 6, 3), size=(6, 6))
    shows(figure, window_grid(shown))
    figure.evaluate(POINT, ["output", 2, 2])
    written = figure.locator(".shapelab-light text").all_text_contents()
    assert shown.kernel is not None
    read = [float(text[1:].replace("−", "-")) for text in written]
    np.testing.assert_allclose(read, shown.kernel.ravel(), atol=0.051)
    shows(figure, window_grid(plane(window("SAME", 40, 3), window("SAME", 40, 3), size=(40, 40))))
    assert len(figure.evaluate(POINT, ["output", 2, 2])) == 10
    assert figure.locator(".shapelab-light text").count() == 0


def test_a_kernel_cell_lights_what_it_multiplies_for_the_pinned_output(figure: Page) -> None:
    w = window("SAME", 7, 3, stride=2)
    shows(figure, window_grid(plane(w, w, size=(7, 7))))
    lit = figure.evaluate(POINT, ["kernel", 1, 2])
    assert [(where, *place) for _, where, *place in lit] == [("kernel", 1, 2), ("padded", 1, 2)]


def said(page: Page) -> str:
    return page.locator(".shapelab-said").text_content() or ""


def test_the_keys_move_over_the_cells_and_pin(figure: Page) -> None:
    w = window("SAME", 7, 3, stride=2)
    shows(figure, window_grid(plane(w, w, size=(7, 7))))
    output = figure.locator('.shapelab-stop[data-stop="output"]')
    output.focus()
    assert said(figure) == "output (0, 0) reads rows −1 to 1, columns −1 to 1; 5 cells are padding"
    for key, cell in (
        ("ArrowRight", (0, 1)),
        ("ArrowDown", (1, 1)),
        ("End", (1, 3)),
        ("PageDown", (3, 3)),
        ("ArrowRight", (3, 3)),
        ("Home", (3, 0)),
        ("PageUp", (0, 0)),
        ("Control+End", (3, 3)),
        ("ArrowLeft", (3, 2)),
    ):
        figure.keyboard.press(key)
        assert said(figure).startswith(f"output ({cell[0]}, {cell[1]}) reads"), key
    figure.keyboard.press("Enter")
    assert figure.evaluate("model.get('cell')") == [3, 2]
    expect(figure.locator(".shapelab-pinned")).to_have_attribute("data-row", "3")
    figure.keyboard.press("ArrowUp")
    figure.keyboard.press("Space")
    assert figure.evaluate("model.get('cell')") == [2, 2]
    assert figure.locator(".shapelab-light rect").count()
    figure.keyboard.press("Escape")
    assert figure.locator(".shapelab-light rect").count() == 0
    figure.locator('.shapelab-stop[data-stop="padded"]').focus()
    figure.keyboard.press("Control+Home")
    assert said(figure) == "padding (−1, −1) is read by outputs in rows 0, columns 0"


def test_a_click_pins_before_any_answer_and_keeps_the_pin_until_it_comes(figure: Page) -> None:
    w = window("SAME", 7, 3, stride=2)
    first = window_grid(plane(w, w, size=(7, 7)))
    shows(figure, first)
    plane_of = first["layout"]["meta"]["planes"]
    output, padded = plane_of["output"], plane_of["padded"]
    box = figure.locator(".shapelab-frame").bounding_box()
    assert box is not None
    scale = box["width"] / first["layout"]["width"]
    x, y = (output["corner"][i] + output["cell"][i] * (at + 0.5) for i, at in enumerate((3, 1)))
    figure.mouse.click(box["x"] + x * scale, box["y"] + y * scale)
    pinned = figure.locator(".shapelab-pinned")
    frame = pinned.locator("rect").first
    place = [float(frame.get_attribute(name) or "nan") for name in ("x", "y", "width", "height")]
    wide, high = padded["cell"]
    right = [padded["corner"][0] + 6 * wide, padded["corner"][1] + 2 * high, 3 * wide, 3 * high]
    assert place == pytest.approx(right)
    assert figure.evaluate("model.get('cell')") == [1, 3]
    shows(figure, first)  # an older answer, of the cell before
    expect(pinned).to_have_attribute("data-column", "3")
    smaller = window_grid(plane(window("SAME", 3, 3, 2), window("SAME", 3, 3, 2), size=(3, 3)))
    shows(figure, smaller)
    assert int(pinned.get_attribute("data-column") or "9") <= 1


def test_a_finger_lights_as_it_moves_across_and_a_tap_pins(browser: Browser) -> None:
    with picture_page(browser, has_touch=True) as page:
        w = window("SAME", 7, 3, stride=2)
        spec = window_grid(plane(w, w, size=(7, 7)))
        shows(page, spec)
        frame = page.locator(".shapelab-frame")
        assert frame.evaluate("frame => getComputedStyle(frame).touchAction") == "pan-y"
        box = frame.bounding_box()
        assert box is not None
        scale = box["width"] / spec["layout"]["width"]
        grid = spec["layout"]["meta"]["planes"]["output"]

        def at(row: int, column: int) -> dict[str, float]:
            x, y = (grid["corner"][i] + grid["cell"][i] * (n + 0.5) for i, n in enumerate((column, row)))
            return {"x": box["x"] + x * scale, "y": box["y"] + y * scale}

        page.touchscreen.tap(**at(2, 1))
        expect(page.locator(".shapelab-pinned")).to_have_attribute("data-row", "2")
        assert page.evaluate("model.get('cell')") == [2, 1]
        sent = page.evaluate("model.sent")
        finger = page.context.new_cdp_session(page)
        lit = page.locator('.shapelab-light [data-plane="output"]')
        finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at(1, 0)]})
        for column in (1, 2, 3):
            finger.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [at(1, column)]})
            expect(lit).to_have_attribute("data-column", str(column))
        finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        assert page.evaluate("model.sent") == sent


def place_said(page: Page) -> str:
    return page.locator(".shapelab-place").text_content() or ""


def test_the_player_steps_plays_to_the_end_and_starts_over(figure: Page) -> None:
    w = window("SAME", 5, 3, stride=2)
    shows(figure, window_grid(plane(w, w, size=(5, 5), channels=(0, 1))))
    bar = figure.locator(".shapelab-player")
    back, play, step = (bar.get_by_role("button", name=name, exact=True) for name in ("Step back", "Play", "Step"))
    bar.get_by_role("slider").fill("0")
    assert place_said(figure) == "output (0, 0), 1 of 9"
    expect(back).to_be_disabled()
    step.click()
    step.click()
    back.click()
    assert place_said(figure) == "output (0, 1), 2 of 9"
    assert figure.evaluate("model.get('cell')") == [0, 1]
    bar.get_by_role("combobox").select_option("4")
    sent = figure.evaluate("model.sent")
    play.focus()
    figure.keyboard.press("Space")
    expect(bar).to_have_class("shapelab-player shapelab-playing")
    expect(figure.locator(".shapelab-place")).to_have_text("output (2, 2), 9 of 9")
    expect(bar).to_have_class("shapelab-player")
    assert figure.evaluate("model.get('cell')") == [2, 2]
    assert figure.evaluate("model.sent") - sent <= 7, "the kernel heard every step"
    expect(step).to_be_disabled()
    play.click()
    expect(figure.locator(".shapelab-place")).to_have_text("output (0, 1), 2 of 9")
    bar.get_by_role("button", name="Pause").click()
    shows(figure, window_grid(plane(w, w, size=(5, 5), channels=(0, 2))))
    assert figure.locator(".shapelab-player").count() == 1


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_the_window_slides_only_for_who_does_not_mind(browser: Browser, motion: str) -> None:
    with picture_page(browser, reduced_motion=motion) as page:
        w = window("SAME", 5, 3)
        shows(page, window_grid(plane(w, w, size=(5, 5))))
        expect(page.locator(".shapelab-player")).not_to_have_class("shapelab-playing")
        page.get_by_role("button", name="Play").click()
        expect(page.locator(".shapelab-slides")).to_have_count(1)
        lasts = page.locator(".shapelab-pinned rect").first.evaluate("r => getComputedStyle(r).transitionDuration")
        assert (set(lasts.split(", ")) == {"0s"}) == (motion == "reduce")


def test_words_around_the_picture_light_its_parts(figure: Page) -> None:
    spec = window_grid(plane(window("explicit", 6, 3), window("SAME", 6, 3), size=(6, 6)))
    shows(figure, spec)
    figure.evaluate(
        """() => document.querySelector(".shapelab").insertAdjacentHTML("beforeend",
          '<p id="words"><b data-point="lo-H" tabindex="0">lo</b> <b data-point="nothing" tabindex="0">no</b></p>')"""
    )
    boxes = figure.locator(".shapelab-parts rect")
    word = figure.locator("#words b").first
    for light, dark in ((word.hover, lambda: figure.mouse.move(2, 2)), (word.focus, word.blur)):
        light()
        expect(boxes).to_have_count(1)
        (box,) = spec["layout"]["meta"]["parts"]["lo-H"]["boxes"]
        assert [float(boxes.get_attribute(name) or "nan") for name in ("x", "y", "width", "height")] == box
        assert figure.locator(".shapelab-tip").text_content() == "lo: 3 rows of padding above"
        dark()
        expect(boxes).to_have_count(0)
    figure.locator("#words b").last.focus()
    expect(boxes).to_have_count(0)
    figure.evaluate("document.getElementById('words').remove()")


def test_a_button_beside_the_picture_picks_a_stage(figure: Page) -> None:
    shows(figure, window_grid(plane(window("SAME", 6, 3), window("SAME", 6, 3), size=(6, 6))))
    figure.evaluate(
        """document.querySelector(".shapelab").insertAdjacentHTML("beforeend",
          '<button id="pick" data-pick="stage:5">five</button>')"""
    )
    figure.locator("#pick").click()
    assert figure.evaluate("model.get('stage')") == 5
    figure.evaluate("document.getElementById('pick').remove()")
