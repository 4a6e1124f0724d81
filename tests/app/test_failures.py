"""What cannot be, drawn on the served page: both tensors, the stage, JAX's words, and a button that mends it."""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
import pytest
from playwright.sync_api import expect

from app.dashboard import Dashboard

Change = tuple[str, str | int]

FAILURES: dict[str, tuple[str, tuple[Change, ...], str, tuple[tuple[int, ...], tuple[int, ...]], str]] = {
    "U-Net of 30 rows": ("U-Net", (("H", 30),), "concatenate", ((14, 24, 16), (15, 24, 16)), "H = 32"),
    "stride 2 without projection": ("ResNet block", (("stride", 2),), "add", ((16, 16, 8), (8, 8, 8)), "stride = 1"),
    "other features": ("ResNet block", (("features", 12),), "add", ((16, 16, 8), (16, 16, 12)), "features = 8"),
    "VALID": ("ResNet block", (("padding", "VALID"),), "add", ((16, 16, 8), (12, 12, 8)), "padding = SAME"),
}
DEFAULTS: dict[str, tuple[Change, ...]] = {
    "U-Net": (("H", 64), ("W", 48), ("C", 3)),
    "ResNet block": (("padding", "SAME"), ("H", 16), ("W", 16), ("C", 8), ("features", 8), ("stride", 1)),
}


def bring(page: Dashboard, changes: tuple[Change, ...]) -> None:
    for field, value in changes:
        if isinstance(value, str):
            page.choice(value, field).click()
        elif page.setting(field) != value:
            page.type(field, value)


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_drawn_named_and_mended(shared: Dashboard, name: str) -> None:
    lesson, changes, op, shapes, way = FAILURES[name]
    shared.choose_lesson(lesson)
    if lesson == "ResNet block":
        shared.page.get_by_role("checkbox", name="C = features").uncheck()
    bring(shared, DEFAULTS[lesson])
    expect(shared.page.get_by_role("alert")).to_have_count(0)
    bring(shared, changes)
    alert = shared.page.get_by_role("alert")
    expect(alert).to_contain_text(f"{op} cannot join")
    picture = shared.page.locator('.sl-centre .shapelab-figure[data-kind="failure"]:visible')
    expect(picture).to_have_count(1)
    alt = picture.get_attribute("aria-label") or ""
    for shape in map(str, shapes):
        expect(alert).to_contain_text(shape)
        expect(picture.locator(".shapelab-marks", has_text=shape).first).to_be_visible()
        assert shape in alt, alt
    assert shared.output_shape() == ()
    said = shared.page.locator(".sl-failure details")
    expect(said.locator("pre")).to_be_hidden()
    said.locator("summary").click()
    expect(said.locator("pre")).to_contain_text(_of_jax(op, shapes))
    shared.page.locator(".sl-ways-out").get_by_role("button", name=way, exact=True).click()
    expect(alert).to_have_count(0)
    expect(picture).to_have_count(0)
    expect(shared.page.locator(".shapelab-output-shape")).to_have_text(re.compile(r"^\(\d+, \d+, \d+\)$"))


def _of_jax(op: str, shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> str:
    """The beginning of what JAX itself says of these two."""
    given = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    try:
        jax.eval_shape(lambda a, b: jax.lax.add(a, b) if op == "add" else jnp.concatenate([a, b], axis=-1), *given)
    except (TypeError, ValueError) as error:
        return str(error)[:40]
    raise AssertionError(f"JAX takes {shapes}")


def test_the_stage_that_dropped_a_row_is_named_and_the_row_marked(shared: Dashboard) -> None:
    shared.choose_lesson("U-Net")
    bring(shared, DEFAULTS["U-Net"])
    shared.type("H", 30)
    expect(shared.page.get_by_role("alert")).to_contain_text("max_pool #2 took 15 to 7 along H")
    picture = shared.page.locator('.sl-centre .shapelab-figure[data-kind="failure"]:visible')
    expect(picture.locator(".shapelab-marks", has_text="row 14").first).to_be_visible()
    expect(shared.page.locator(".sl-source-failed")).to_contain_text("jnp.concatenate")
    shared.page.locator(".sl-ways-out button").first.click()
    expect(shared.page.get_by_role("alert")).to_have_count(0)


def test_what_a_setting_refuses_leaves_the_last_good_picture(shared: Dashboard) -> None:
    shared.choose_lesson("Conv2D")
    shared.set(H=7)
    shared.choose("padding", "VALID")
    expect(shared.page.locator(".shapelab-output-shape")).to_have_text("(3, 3, 4)")
    shared.wait_for_pictures()
    before = shared.figure().get_attribute("aria-label")
    shared.type("kernel_h", 9)
    expect(shared.notice()).to_contain_text(re.compile(r"\b9\b.*\b7\b|\b7\b.*\b9\b"))
    assert shared.figure().get_attribute("aria-label") == before
    assert shared.output_shape() == (3, 3, 4)
    shared.set(kernel_h=3)
    shared.choose("padding", "SAME")
