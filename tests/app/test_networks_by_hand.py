"""A network explored by hand on the served page: blocks, lines of its source, cells of its maps, batch statistics."""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from playwright.sync_api import Locator, expect

from app.dashboard import Dashboard
from shapelab.engine.inputs import PATTERNS
from shapelab.modules.resnet_block import BasicBlock
from shapelab.modules.unet import UNet, max_pool_2x2

pytestmark = pytest.mark.page


@pytest.fixture
def unet(shared: Dashboard) -> Dashboard:
    shared.choose_lesson("U-Net")
    shared.set(H=24, W=16, base_features=4)
    expect(shared.page.locator(".shapelab-output-shape")).to_have_text("(24, 16, 4)")
    shared.choose_stage(0)
    expect(shared.stage_heading()).to_have_text("enc1.conv", ignore_case=True)  # its lines are written anew with it
    shared.wait_for_pictures()
    return shared


def block(page: Dashboard, name: str) -> tuple[float, float]:
    """A place on a block that has its name below it."""
    page.figure().scroll_into_view_if_needed()
    box = page.figure().locator(".annotation-text", has_text=re.compile(f"^{name}$")).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] - 18


def lines(page: Dashboard, text: str) -> Locator:
    return page.page.locator("button.sl-source-line", has_text=text)


def test_a_block_is_told_of_under_the_pointer_and_chosen_by_a_click(unet: Dashboard) -> None:
    unet.page.mouse.move(*block(unet, "enc2"))
    expect(unet.figure().locator(".shapelab-tip")).to_contain_text("enc2: (12, 8, 8)")
    expect(lines(unet, "self.enc2(").first).to_have_class(re.compile("sl-source-pointed"))
    unet.page.mouse.click(*block(unet, "enc2"))
    expect(unet.stage_heading()).to_have_text("enc2.conv", ignore_case=True)
    expect(unet.page.locator(".sl-source-lit")).to_contain_text("self.conv(x)")
    unet.page.mouse.click(*block(unet, "enc2"))  # the next stage of the same block
    expect(unet.stage_heading()).to_have_text("enc2.bn", ignore_case=True)


def test_a_line_of_the_source_chooses_its_stage_and_lights_its_block(unet: Dashboard) -> None:
    line = lines(unet, "self.bottom(").first
    line.focus()
    expect(unet.figure().locator(".shapelab-parts rect")).to_have_count(1)
    line.press("Enter")
    expect(unet.stage_heading()).to_have_text("bottom.conv", ignore_case=True)
    expect(unet.page.locator(".sl-stages select option:checked")).to_contain_text("bottom.conv")
    row = unet.page.locator(".sl-numbers tr").nth(1).inner_text().split()
    assert (row[0], row[1], row[-1]) == ("H", "6", "6")
    expect(line).to_be_focused()  # also now that all lines have been written anew
    unet.page.keyboard.press("Shift+Tab")
    unet.page.keyboard.press("Enter")
    expect(unet.stage_heading()).not_to_have_text("bottom.conv", ignore_case=True)


def test_a_cell_of_a_map_shows_what_it_depends_on(unet: Dashboard) -> None:
    unet.choice("eval", "mode").click()
    unet.choose_stage("bottom.conv")
    maps = unet.maps()
    expect(maps).to_have_attribute("aria-label", re.compile(r"bottom\.conv: all 16 channels, one scale, from"))
    unet.wait_for_maps()
    windows = maps.locator(".shapelab-marks rect")
    before = windows.count()
    unet.page.mouse.click(*unet.place_in_maps((6, 4), 3, 2))
    outlined = r"cell \(3, 2\) of bottom\.conv: theoretical field 18 × 18, rows 5 to 22, columns 1 to 18"
    expect(maps).to_have_attribute("aria-label", re.compile(outlined))
    assert windows.count() > before, "nothing frames what the windows cover"
    heat = unet.until(lambda: _heat(unet), lambda z: z.size > 0)
    rows, columns = (np.ptp(np.argwhere(np.isfinite(heat)), axis=0) + 1).tolist()
    assert (rows, columns) == _reach(3, 2)
    unet.choice("train", "mode").click()
    everything = unet.until(lambda: _heat(unet), lambda z: z.size > 0 and bool(np.isfinite(z).all()))
    assert np.isfinite(everything).all(), "batch statistics couple every cell with every other"


def _heat(page: Dashboard) -> np.ndarray:
    """How the gradient of the pinned cell is drawn on the image, (rows, columns); nothing while it has not come."""
    found = [trace for trace in page.traces(page.maps()) if trace["name"] == "heat"]
    return np.array([[np.nan if z is None else z for z in row] for row in found[0]["z"]]) if found else np.zeros((0, 0))


def _reach(row: int, column: int) -> tuple[int, int]:
    """How many rows and columns of the image a cell of the bottom's convolution depends on, by moving each of them."""
    net = UNet(3, 4, rngs=nnx.Rngs(0))
    x = jnp.asarray(PATTERNS["scene"]((24, 16, 3), 0))

    def cell(x: jax.Array) -> jax.Array:
        skip1 = net.enc1(x, use_running_average=True)
        skip2 = net.enc2(max_pool_2x2(skip1), use_running_average=True)
        return jnp.abs(net.bottom.conv(max_pool_2x2(skip2))[row, column]).sum()

    touched = np.argwhere(np.asarray(jnp.abs(jax.grad(cell)(x)).sum(-1)) > 0)
    rows, columns = np.ptp(touched, axis=0) + 1
    return int(rows), int(columns)


def test_training_mode_says_why_every_cell_depends_on_all(unet: Dashboard) -> None:
    unet.choice("train", "mode").click()
    unet.choose_stage("enc2.bn")
    why = unet.page.locator(".sl-right", has_text="through the mean and the variance every cell depends on every cell")
    expect(why).to_be_visible()
    unet.choice("eval", "mode").click()
    expect(why).to_have_count(0)
    expect(unet.code()).to_be_visible()
    unet.choice("train", "mode").click()


def test_the_statistics_of_a_batch_norm_are_those_that_flax_keeps(shared: Dashboard) -> None:
    shared.choose_lesson("ResNet block")
    shared.set(H=8, W=8, features=4, seed=3)
    shared.choice("train", "mode").click()
    shared.choose_stage("bn1")
    expect(shared.code()).to_contain_text("Rngs(3)")  # what the page says is of this seed, no more of the one before
    table = shared.page.locator(".sl-statistics")
    expect(table).to_be_visible()
    net = BasicBlock(4, rngs=nnx.Rngs(3))
    y = net.conv1(jnp.asarray(PATTERNS["scene"]((8, 8, 4), 3))[None])
    net(jnp.asarray(PATTERNS["scene"]((8, 8, 4), 3)))
    right = [y.mean((0, 1, 2)), y.var((0, 1, 2)), jnp.zeros(4), jnp.ones(4), net.bn1.mean[...], net.bn1.var[...]]
    rows = table.locator("tr", has=shared.page.locator("td"))
    expect(rows).to_have_count(4)
    shown = np.array([[float(n) for n in row.locator("td").all_inner_texts()] for row in rows.all()])
    np.testing.assert_allclose(shown, np.stack([np.asarray(each) for each in right], axis=1), rtol=0.01, atol=2e-3)
    shared.choice("eval", "mode").click()
    expect(shared.page.locator(".sl-right")).to_contain_text("No cell looks at any other")
    shared.choice("train", "mode").click()
