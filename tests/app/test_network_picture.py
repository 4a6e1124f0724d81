"""Pictures of networks and their feature maps in a browser: pointer, keys, and what goes to the kernel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from playwright.sync_api import Browser, Page

import shapelab as sl
from app.picture import picture_page, shows
from app.test_figure import POINT
from shapelab.engine.answers import Activations, Field
from shapelab.explorers.network_pictures import maps_picture, network_picture
from shapelab.modules.unet import UNet

pytestmark = pytest.mark.page

CLICK = """([x, y]) => {
  const place = document.querySelector("#place .shapelab-frame"), frame = place.getBoundingClientRect();
  const scale = frame.width / document.querySelector(".shapelab-light").viewBox.baseVal.width;
  place.dispatchEvent(
    new MouseEvent("click", { clientX: frame.left + x * scale, clientY: frame.top + y * scale, bubbles: true }));
  return { stage: model.get("stage"), cell: model.get("cell"), sent: model.sent };
}"""
LINES = """document.querySelector(".shapelab").insertAdjacentHTML("beforeend",
  '<button id="line" data-makes="4 5 6" data-pick="stage:5" data-point="stage-5">self.enc2(x)</button>')"""


BOX = """['x', 'y', 'width', 'height'].map((name) =>
  Number(document.querySelector('.shapelab-parts rect').getAttribute(name)))"""


@pytest.fixture
def figure(browser: Browser) -> Iterator[Page]:
    with picture_page(browser) as page:
        yield page


@pytest.fixture(scope="module")
def trace() -> sl.Trace:
    return sl.trace(UNet(3, 8, rngs=nnx.Rngs(0)), jax.ShapeDtypeStruct((64, 48, 3), jnp.float32))


def middle(box: list[float]) -> list[float]:
    return [box[0] + box[2] / 2, box[1] + box[3] / 2]


def block_of(spec: dict[str, Any], stage: int) -> dict[str, Any]:
    (found,) = [block for block in spec["layout"]["meta"]["blocks"] if stage in block["stages"]]
    return dict(found)


@pytest.mark.parametrize("narrow", [False, True], ids=["wide", "narrow"])
def test_pointing_at_a_block_lights_it_its_line_and_tells_it(figure: Page, trace: sl.Trace, narrow: bool) -> None:
    spec = network_picture(trace, 0, narrow)
    figure.evaluate(LINES)
    shows(figure, spec)
    block = block_of(spec, 5)
    found = figure.evaluate(POINT, middle(block["box"]))
    assert found["boxes"] == [pytest.approx(list(block["box"]))]
    assert found["words"].startswith("enc2: (32, 24, 16)")
    assert f"{sum(trace.stages[i].macs for i in (4, 5, 6)):,} MACs" in found["words"]
    assert "sl-source-pointed" in figure.evaluate("document.getElementById('line').className")
    assert figure.evaluate(POINT, [1, 1])["boxes"] == []
    assert "sl-source-pointed" not in figure.evaluate("document.getElementById('line').className")


def test_clicks_on_a_block_go_through_its_stages_and_an_arrow_is_a_stage(figure: Page, trace: sl.Trace) -> None:
    spec = network_picture(trace, 0, False)
    shows(figure, spec)
    at = middle(block_of(spec, 4)["box"])
    assert figure.evaluate(CLICK, at)["stage"] == 4
    for now, then in ((4, 5), (5, 6), (6, 4)):
        shows(figure, network_picture(trace, now, False))
        assert figure.evaluate(CLICK, at)["stage"] == then
    assert figure.evaluate(CLICK, middle(block_of(spec, 3)["box"]))["stage"] == 3  # the pooling before it
    sent = figure.evaluate("model.sent")
    assert figure.evaluate(CLICK, middle(spec["layout"]["meta"]["blocks"][0]["box"]))["sent"] == sent  # the input


def test_the_keys_go_from_block_to_block_and_select(figure: Page, trace: sl.Trace) -> None:
    spec = network_picture(trace, 0, False)
    shows(figure, spec)
    figure.keyboard.press("Tab")
    focused = "document.activeElement.classList.contains('shapelab-stop')"
    assert figure.evaluate(focused)
    order = [block["stages"] for block in spec["layout"]["meta"]["blocks"]]
    for _ in range(3):
        figure.keyboard.press("ArrowRight")
    assert order[3] == (4, 5, 6)
    assert figure.evaluate("document.querySelector('.shapelab-said').textContent").startswith("enc2: (32, 24, 16)")
    assert figure.evaluate("document.querySelectorAll('.shapelab-light rect').length") == 1
    figure.keyboard.press("Enter")
    assert figure.evaluate("model.get('stage')") == 4
    shows(figure, network_picture(trace, 4, False))
    assert figure.evaluate(focused)  # the focus survives the new picture
    figure.keyboard.press("Enter")
    assert figure.evaluate("model.get('stage')") == 5
    figure.keyboard.press("End")
    assert figure.evaluate("document.querySelector('.shapelab-said').textContent").startswith("dec1")
    outline = figure.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"


def test_a_line_of_the_source_lights_its_block_and_selects_its_stage(figure: Page, trace: sl.Trace) -> None:
    spec = network_picture(trace, 0, False)
    figure.evaluate(LINES)
    shows(figure, spec)
    figure.focus("#line")
    box = figure.evaluate(BOX)
    assert box == pytest.approx(list(block_of(spec, 5)["box"]))
    figure.click("#line")
    assert figure.evaluate("model.get('stage')") == 5


def values_of(trace: sl.Trace, stage: int) -> Activations:
    drawn = np.random.default_rng(0)
    shape = trace.stages[stage].out_shape
    made = drawn.normal(size=(*shape[:-1], min(shape[-1], 16))).astype(np.float32)
    return Activations(drawn.normal(size=(64, 48, 3)).astype(np.float32), {stage: made}, {})


@pytest.mark.parametrize("scale", ["shared", "channel"])
@pytest.mark.parametrize("narrow", [False, True], ids=["wide", "narrow"])
def test_a_cell_of_a_map_is_lit_in_all_maps_and_a_click_pins_it(
    figure: Page, trace: sl.Trace, narrow: bool, scale: str
) -> None:
    values = values_of(trace, 4)
    spec = maps_picture(trace, 4, values, narrow, scale=scale)
    assert spec is not None
    shows(figure, spec)
    maps = spec["layout"]["meta"]["maps"]
    for channel, row, column in ((0, 0, 0), (5, 13, 7), (15, 31, 23)):
        plane = maps[channel]["plane"]
        at = [plane["corner"][i] + plane["cell"][i] * (place + 0.5) for i, place in enumerate((column, row))]
        found = figure.evaluate(POINT, at)
        assert len(found["boxes"]) == len(maps) == 16
        head, _, number = found["words"].rpartition(" = ")
        assert head == f"channel {channel} [{row}, {column}]"
        assert float(number) == pytest.approx(values.stages[4][row, column, channel], rel=1e-3, abs=1e-4)
        assert figure.evaluate(CLICK, at)["cell"] == [row, column]


def test_the_keys_pin_a_cell_and_the_image_tells_its_gradient(figure: Page, trace: sl.Trace) -> None:
    values, heat = values_of(trace, 4), np.zeros((64, 48), np.float32)
    heat[10, 12], heat[20, 20] = 2.0, 2e-2
    field = Field(((6, 13), (10, 17)), heat, ((0, 63), (0, 47)), 1, "why")
    spec = maps_picture(trace, 4, values, False, cell=(3, 5), field=field)
    assert spec is not None
    shows(figure, spec)
    figure.keyboard.press("Tab")
    figure.keyboard.press("ArrowDown")
    figure.keyboard.press("ArrowRight")
    assert figure.evaluate("document.querySelector('.shapelab-said').textContent").startswith("channel 0 [4, 6] = ")
    figure.keyboard.press("Enter")
    assert figure.evaluate("model.get('cell')") == [4, 6]
    plane = spec["layout"]["meta"]["image"]["plane"]
    for row, column, size in ((10, 12, 2.0), (20, 20, 2e-2), (40, 1, 0.0)):
        at = [plane["corner"][i] + plane["cell"][i] * (place + 0.5) for i, place in enumerate((column, row))]
        words = figure.evaluate(POINT, at)["words"]
        number = float(words.split(" = ")[1].split(",")[0])
        assert number == pytest.approx(values.input[row, column].mean(), rel=1e-3, abs=1e-4)
        assert float(words.rpartition("gradient ")[2]) == pytest.approx(size, rel=1e-3)
