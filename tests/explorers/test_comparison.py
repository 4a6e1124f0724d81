"""What is said of two settings beside each other."""

import re

import pytest

from shapelab.engine.spec import check
from shapelab.explorers.comparison import comparison, title_of
from shapelab.explorers.state import Answer


@pytest.fixture
def answered(real_engine):
    def make(lesson: str, **settings: object) -> Answer:
        spec = check(lesson, settings)
        return Answer(spec, real_engine.trace(spec))

    return make


def rows(html: str) -> dict[str, tuple[str, str, bool]]:
    """Each row's name: what was pinned, what is now, and whether it is marked."""
    found = {}
    for css, row in re.findall(r'<tr class="([^"]*)">(.*?)</tr>', html):
        name, before, after = (re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row))
        found[name] = (before, after.removesuffix("≠").strip(), "sl-differs" in css)
    return found


def test_what_differs_is_marked_and_what_is_equal_is_not(answered):
    pinned, now = answered("conv2d"), answered("conv2d", H=8)
    table = rows(comparison(pinned, now))
    assert table["H"] == ("7", "8", True)
    assert "W" not in table  # a setting that is equal says nothing
    assert table["input"] == ("(7, 7, 3)", "(8, 7, 3)", True)
    assert table["output"] == ("(4, 4, 4)", "(4, 4, 4)", False)
    assert table["padding, top"] == ("1", "0", True)
    assert table["padding, bottom"] == ("1", "1", False)
    assert table["parameters"] == ("112", "112", False)


def test_settings_that_mean_nothing_are_not_compared(answered):
    now = answered("conv2d", pad_top=3)
    assert "pad_top" not in rows(comparison(answered("conv2d"), now))
    explicit = answered("conv2d", padding="explicit", pad_top=3)
    assert rows(comparison(answered("conv2d"), explicit))["pad_top"] == ("–", "3", True)


def test_a_setting_that_fails_has_no_output(answered):
    table = rows(comparison(answered("unet"), answered("unet", H=30)))
    assert table["output"] == ("(64, 48, 8)", "no output", True)


def test_two_lessons_can_be_compared(answered):
    table = rows(comparison(answered("conv1d"), answered("conv2d")))
    assert table["lesson"] == ("Conv1D", "Conv2D", True)
    assert table["L"] == ("10", "–", True)
    assert table["output"][2]


def test_a_setting_beside_itself_says_how_to_go_on(answered):
    same = answered("conv2d")
    html = comparison(same, same)
    assert "Move a control" in html
    assert not any(marked for _, _, marked in rows(html).values())


def test_the_title_says_the_shapes(answered):
    assert title_of(answered("conv2d")) == "Conv2D (7, 7, 3) → (4, 4, 4)"
    assert title_of(answered("unet", H=30)) == "U-Net (30, 48, 3) → no output"
