"""The view of one picture in a browser, without a kernel behind it: what it does by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from app.picture import as_json, picture_page
from shapelab.figures.theme import DARK, DARK_FOR_LIGHT, LIGHT
from shapelab.figures.window_grid import Convolution, window_grid
from shapelab.geometry import Window
from shapelab.geometry.padding import same

pytestmark = pytest.mark.page

SIZE, STRIDE, KERNEL = (1024, 1000), 3, 5
POINT = """([x, y]) => {
  const place = document.querySelector("#place .shapelab-frame"), frame = place.getBoundingClientRect();
  const scale = frame.width / document.querySelector(".shapelab-light").viewBox.baseVal.width;
  const at = { clientX: frame.left + x * scale, clientY: frame.top + y * scale, bubbles: true };
  place.dispatchEvent(new PointerEvent("pointermove", at));
  return {
    boxes: [...document.querySelectorAll(".shapelab-light rect")].map((box) =>
      ["x", "y", "width", "height"].map((name) => Number(box.getAttribute(name)))),
    words: document.querySelector(".shapelab-tip").hidden ? null : document.querySelector(".shapelab-tip").textContent,
    sent: model.sent,
  };
}"""
"""Points at a place of the picture and tells what is lit when the event has been handled: before the next frame."""


def picture(seed: int = 0, size: tuple[int, int] = SIZE) -> tuple[Convolution, dict[str, Any]]:
    windows = tuple(Window(KERNEL, STRIDE, padding=same(n, KERNEL, STRIDE)) for n in size)
    out = tuple(window.output_size(n) for window, n in zip(windows, size, strict=True))
    drawn = np.random.default_rng(seed)
    given = drawn.normal(size=tuple(-(-n // -(-n // 128)) for n in size)).astype(np.float32)
    result = drawn.normal(size=tuple(-(-n // -(-n // 128)) for n in out)).astype(np.float32)
    shown = Convolution(
        (windows[0], windows[1]), (*size, 3), (*out, 4), (KERNEL, KERNEL, 3, 4), given, None, result, (0, 0)
    )
    return shown, window_grid(shown)


@pytest.fixture
def figure(browser: Browser) -> Iterator[Page]:
    with picture_page(browser) as page:
        yield page


def drawn(page: Page, spec: dict[str, Any]) -> None:
    """Wait until a picture is drawn."""
    alt = spec["layout"]["meta"]["alt"]
    page.wait_for_function("alt => document.querySelector('.js-plotly-plot')?.layout?.meta?.alt === alt", arg=alt)
    page.wait_for_function("document.querySelector('.shapelab-marks').getAttribute('viewBox') !== null")


def test_pointing_at_cells_of_less_than_a_pixel_lights_true_windows_at_once_and_sends_nothing(figure: Page) -> None:
    _, spec = picture()
    figure.evaluate("json => show(json)", as_json(spec))
    drawn(figure, spec)
    padded, output = (spec["layout"]["meta"]["planes"][name] for name in ("padded", "output"))
    assert max(padded["cell"]) < 1
    sent = figure.evaluate("model.sent")
    for row, column in ((0, 0), (200, 17), (output["counts"][0] - 1, output["counts"][1] - 1)):
        x, y = (output["corner"][i] + output["cell"][i] * (at + 0.5) for i, at in enumerate((column, row)))
        found = figure.evaluate(POINT, [x, y])
        *taps, cell = found["boxes"]
        wide, high = padded["cell"]
        left, top = padded["corner"][0] + wide * STRIDE * column, padded["corner"][1] + high * STRIDE * row
        assert len(taps) == KERNEL**2
        for number, tap in enumerate(taps):
            down, across = divmod(number, KERNEL)
            assert tap == pytest.approx([left + wide * across, top + high * down, wide, high])
        assert cell[:2] == pytest.approx([x - output["cell"][0] / 2, y - output["cell"][1] / 2])
        assert found["sent"] == sent
    assert figure.evaluate(POINT, [1, 1]) == {"boxes": [], "words": None, "sent": sent}


def test_the_words_under_the_pointer_tell_the_block_and_its_number(figure: Page) -> None:
    shown, spec = picture()
    figure.evaluate("json => show(json)", as_json(spec))
    drawn(figure, spec)
    padded = spec["layout"]["meta"]["planes"]["padded"]
    lo = [window.padding.lo for window in shown.windows]
    for row, column, ends in (
        (0, 0, "0–7, 0–7"),
        (1023, 999, "1016–1023, 992–999"),
        (517, 8, "512–519, 8–15"),
    ):
        x, y = (padded["corner"][i] + padded["cell"][i] * (at + 0.5 + lo[1 - i]) for i, at in enumerate((column, row)))
        words = figure.evaluate(POINT, [x, y])["words"]
        head, _, number = words.rpartition(" = ")
        assert head == f"input, channel 0 [{ends}], largest"
        assert shown.input is not None
        assert float(number) == pytest.approx(shown.input[row // 8, column // 8], rel=1e-3)


def test_of_many_pictures_the_last_is_drawn_and_hardly_any_other(figure: Page) -> None:
    many = [picture(size=(8 + n, 8))[1] for n in range(30)]
    figure.evaluate("json => show(json)", as_json(many[0]))
    drawn(figure, many[0])
    before = figure.evaluate("Number(document.getElementById('place').dataset.drawn)")
    figure.evaluate("all => all.forEach(show)", [as_json(spec) for spec in many[1:]])
    drawn(figure, many[-1])
    pictures = figure.evaluate("Number(document.getElementById('place').dataset.drawn)")
    assert pictures - before <= 3
    words = figure.evaluate("[...document.querySelectorAll('.annotation-text')].map(text => text.textContent)")
    assert any(text.startswith("input 37 × 8") for text in words)


def test_a_picture_that_came_while_hidden_is_drawn_when_it_is_shown(figure: Page) -> None:
    (_, first), (_, second) = picture(size=(8, 8)), picture(size=(9, 8))
    figure.evaluate("json => show(json)", as_json(first))
    drawn(figure, first)
    figure.evaluate("document.getElementById('place').style.display = 'none'")
    figure.evaluate("json => show(json)", as_json(second))
    figure.evaluate("document.getElementById('place').style.display = ''")
    drawn(figure, second)


def test_lines_and_words_change_their_colours_with_the_theme(figure: Page) -> None:
    _, spec = picture(size=(8, 8))
    figure.evaluate("table => setDark(table)", DARK_FOR_LIGHT)
    figure.evaluate("json => show(json)", as_json(spec))
    drawn(figure, spec)
    read = "[...document.querySelectorAll('.shapelab-marks')].map(svg => svg.innerHTML).join('')"
    light = figure.evaluate(read)
    assert LIGHT.padding in light
    figure.evaluate("document.documentElement.dataset.theme = 'dark'")
    figure.wait_for_function(
        "light => !document.querySelectorAll('.shapelab-marks')[1].innerHTML.includes(light)", arg=LIGHT.padding
    )
    dark = figure.evaluate(read)
    assert DARK.padding in dark
    assert not any(colour in dark for colour in set(DARK_FOR_LIGHT) - set(DARK_FOR_LIGHT.values()))
    assert len(dark) == len(light)
