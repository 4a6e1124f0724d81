"""The gallery of mistakes: what is read before an answer comes, and after it."""

import asyncio
import re
import threading

import ipywidgets as w
import pytest

from oracles.page import Elements
from shapelab.errors import EngineAwayError, ShapeError
from shapelab.explorers import pitfalls as gallery
from shapelab.explorers.pitfalls import Pitfalls
from shapelab.pitfalls import GROUPS, PITFALLS
from shapelab.pitfalls.outcome import Case, Outcome, Ran

FIRST = next(iter(PITFALLS))


class Fake:
    """An engine that makes its outcomes up, and counts what it is asked."""

    def __init__(self):
        self.asked = []
        self.raises = None
        self.held = threading.Event()
        self.held.set()

    def pitfall(self, name):
        self.asked.append(name)
        assert self.held.wait(60)
        if self.raises is not None:
            raise self.raises
        right = Ran("fine", (1, 7, 6, 4), "float32", smallest=-1.0, mean=0.25, largest=2.0)
        wrong = Ran("error", error="TypeError", message=f"<b>{name}</b> does not fit", line=3)
        cases = tuple(Case(each, (("x", (1, 7, 6, 3)),), wrong, right) for each in PITFALLS[name].settings)
        return Outcome(name, cases, "9.8.7", "6.5.4")


@pytest.fixture
def fake():
    return Fake()


@pytest.fixture
def shown(page, fake):
    return Pitfalls(engine=lambda: fake)


def lists(page, root):
    return page.find(root, "sl-pitfall-list", w.RadioButtons)


def pick(page, root, name):
    for group, each in zip(lists(page, root), GROUPS.values(), strict=True):
        for index, one in enumerate(each):
            if one.name == name:
                page.say(group, index=index)
    assert root.chosen == name


def settings(page, root):
    (found,) = page.find(root, "sl-pitfall-settings", w.RadioButtons)
    return found


def titles(page, root):
    return page.texts(root, "sl-pitfall-title")


def test_before_it_is_begun_words_and_code_are_there_and_nothing_is_asked(page, shown, fake):
    assert titles(page, shown) == [PITFALLS[FIRST].title]
    text = page.text(shown)
    assert PITFALLS[FIRST].why in text
    assert PITFALLS[FIRST].see in text
    assert "def weight_as_stored" in text
    assert "def weight_turned" in text
    pick(page, shown, "no_pooling")
    assert fake.asked == []
    assert page.texts(shown, "sl-badge") == []
    assert not page.errors


def test_each_mistake_is_in_the_list_once_and_asked_once(page, shown, fake):
    shown.begin()
    assert [title for group in lists(page, shown) for title in group.options] == [e.title for e in PITFALLS.values()]
    for _ in range(2):
        for name, each in PITFALLS.items():
            pick(page, shown, name)
            assert titles(page, shown) == [each.title]
            assert [group.index is None for group in lists(page, shown)].count(False) == 1
    assert sorted(fake.asked) == sorted(PITFALLS)
    assert not page.errors


def test_an_error_is_said_with_its_line_and_message(page, shown):
    shown.begin()
    assert page.texts(shown, "sl-badge") == ["✕ fails: TypeError", "✓ right"]
    assert page.texts(shown, "sl-none") == ["no output"]
    assert page.texts(shown, "sl-output") == ["(1, 7, 6, 4)"]
    assert page.texts(shown, "sl-input") == ["(1, 7, 6, 3)"] * 2
    (line,) = (text for text in page.texts(shown, "sl-line") if "raises here" in text)
    assert "return lax.conv_general_dilated(" in line
    assert f"TypeError: <b>{FIRST}</b> does not fit" in page.text(shown)  # said, not run as markup
    assert page.texts(shown, "sl-pitfall-ran") == ["Run with jax 9.8.7 and flax 6.5.4."]


def test_lines_that_differ_are_marked_by_a_sign(page, shown):
    signs = [text[0] for text in page.texts(shown, "sl-line") if text[0] in "−+"]
    wrong, right = PITFALLS[FIRST].sources()
    assert signs == ["−"] * len(wrong.changed) + ["+"] * len(right.changed)


def test_of_settings_the_chosen_one_is_said(page, real_engine):
    shown = Pitfalls(engine=lambda: real_engine)
    shown.begin()
    chips = settings(page, shown)
    assert list(chips.options) == ["C = 3, features = 4", "C = 1, features = 4", "C = 3, features = 3"]
    said = []
    for index in range(3):
        page.say(chips, index=index)
        said.append(page.texts(shown, "sl-badge"))
    assert said == [
        ["◧ wrong shape, no error", "✓ right"],
        ["✕ fails: ValueError", "✓ right"],
        ["≠ wrong values, no error", "✓ right"],
    ]
    assert "100% of them differ" in page.text(shown)
    page.say(chips, index=0)
    assert page.texts(shown, "sl-failed") == ["(1, 7, 6, 3)"]
    pick(page, shown, "size_rounded_down")
    assert chips.index == 0
    page.say(chips, index=1)
    assert page.texts(shown, "sl-badge") == ["= no difference here", "✓ right"]
    assert not page.errors


def test_results_of_different_shapes_are_drawn_and_described(page, real_engine):
    shown = Pitfalls(engine=lambda: real_engine)
    shown.begin()
    pick(page, shown, "concatenate_on_axis_0")
    drawings = re.findall(r'<svg[^>]*aria-label="([^"]*)".*?</svg>', page.html(shown))
    assert len(drawings) == 2
    assert all("(2, 8, 6, 4)" in alt and "(1, 8, 6, 4)" in alt and "N, H, W, C" in alt for alt in drawings)
    wrong, right = re.findall(r"<svg.*?</svg>", page.html(shown))
    assert wrong.count("<rect") == 2 * right.count("<rect") == 8  # a sheet a channel, a stack an example
    pick(page, shown, "no_skip")
    assert "<svg" not in page.html(shown)


@pytest.mark.parametrize("name", PITFALLS)
def test_every_mistake_is_shown_whole(page, real_engine, name):
    shown = Pitfalls(engine=lambda: real_engine)
    shown.begin()
    pick(page, shown, name)
    for index in range(len(PITFALLS[name].settings)):
        if len(PITFALLS[name].settings) > 1:
            page.say(settings(page, shown), index=index)
        wrong, right = page.texts(shown, "sl-badge")
        assert right == "✓ right"
        assert wrong.startswith(("✕ fails: ", "◧ wrong shape", "≠ wrong values", "= no difference"))
        assert ("raises here" in page.text(shown)) == wrong.startswith("✕")
        assert not Elements(page.html(shown)).unbalanced
    assert not page.errors


def test_a_setting_alone_is_said_without_a_choice(page, shown):
    pick(page, shown, "no_skip")
    assert page.find(shown, "sl-pitfall-settings") == []
    assert "Run with C = 4" in page.text(shown)


def test_of_many_picked_while_one_is_run_the_last_is_asked_and_shown(page, fake):
    async def scene():
        shown = Pitfalls(engine=lambda: fake)
        fake.held.clear()
        shown.begin()
        while not fake.asked:
            await asyncio.sleep(0.001)
        assert page.texts(shown, "sl-pitfall-ran") == ["Running …"]
        for name in PITFALLS:
            pick(page, shown, name)
        last = shown.chosen
        fake.held.set()
        await shown.idle()
        assert fake.asked == [FIRST, last]
        assert titles(page, shown) == [PITFALLS[last].title]
        assert last in page.text(shown)
        pick(page, shown, FIRST)
        assert fake.asked == [FIRST, last], "an answer that came late is kept"
        assert page.texts(shown, "sl-badge") == ["✕ fails: TypeError", "✓ right"]

    asyncio.run(scene())
    assert not page.errors


def test_an_engine_that_is_away_is_asked_again(page, fake, monkeypatch):
    monkeypatch.setattr(gallery, "AGAIN", 0.01)

    async def scene():
        shown = Pitfalls(engine=lambda: fake)
        fake.raises = EngineAwayError("gone")
        shown.begin()
        while len(fake.asked) < 3:
            await asyncio.sleep(0.001)
        assert page.texts(shown, "sl-notice-text") == [gallery.AWAY]
        assert "def weight_as_stored" in page.text(shown)
        fake.raises = None
        await shown.idle()
        assert page.texts(shown, "sl-notice-text") == []
        assert page.texts(shown, "sl-badge") == ["✕ fails: TypeError", "✓ right"]

    asyncio.run(scene())
    assert not page.errors


def test_another_fault_is_said_and_gone_with_the_next_choice(page, shown, fake):
    fake.raises = RuntimeError("a disk is full")
    shown.begin()
    assert page.texts(shown, "sl-notice-text") == ["RuntimeError: a disk is full"]
    fake.raises = None
    pick(page, shown, "no_pooling")
    assert page.texts(shown, "sl-notice-text") == []
    assert page.texts(shown, "sl-badge") == ["✕ fails: TypeError", "✓ right"]


def test_code_can_choose_and_is_refused_what_is_not_there(page, shown):
    shown.choose("transposed_kernel_3", setting=1)
    assert titles(page, shown) == [PITFALLS["transposed_kernel_3"].title]
    assert settings(page, shown).value == "H = 4, padding = SAME"
    with pytest.raises(ShapeError, match="no pitfall 'nosuch'"):
        shown.choose("nosuch")
    assert shown.chosen == "transposed_kernel_3"


def test_a_browser_that_says_nonsense_changes_nothing(page, shown):
    shown.begin()
    before = page.html(shown)
    for nonsense in (99, -3, "x", None):
        page.say(settings(page, shown), index=nonsense)
        page.say(lists(page, shown)[1], index=nonsense)
    assert shown.chosen == FIRST
    assert titles(page, shown) == [PITFALLS[FIRST].title]
    assert page.html(shown) == before


def test_closed_nothing_is_left(page, fake):
    shown = Pitfalls(engine=lambda: fake)
    shown.begin()
    assert page.models
    shown.close()
    assert not page.models
