"""A page that is loaded anew has what no address says; whatever it says it kept, it works."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from explorers.test_links import NEAR, PLACES, specs
from shapelab.engine.spec import IMAGE_BYTES, Spec, check
from shapelab.explorers.address import TOGETHER, Address
from shapelab.explorers.allowed import Allowed
from shapelab.explorers.gallery import TABS, Gallery
from shapelab.explorers.guard import HEAVY_BURST
from shapelab.explorers.kept import MOST, STEPS, Kept, read_kept, write_kept
from shapelab.explorers.links import Compared, Link, read, write

NAMES = [name for _, name in TABS]
PICTURE, OTHER = bytes(range(256)) * (IMAGE_BYTES // 256), bytes(IMAGE_BYTES)
MARKUP = "<img src=x onerror=alert(1)>"


# -- as text ------------------------------------------------------------------------------------------------------


def fed(spec: Spec) -> Spec:
    return spec.changed({"pattern": "upload"}, PICTURE)


several = st.lists(specs() | specs().map(fed), max_size=STEPS).map(tuple)
apart = st.sets(st.sampled_from(["conv2d.kernel_h", "conv2d.stride", "resnet.C"])).map(frozenset)
pinned = st.builds(Compared, specs().map(fed), st.none() | PLACES, PLACES)


@given(st.builds(Kept, several, several, several, st.none() | pinned, apart))
def test_what_is_kept_comes_back_as_far_as_there_is_place(kept):
    text = write_kept(kept)
    again = read_kept(text, PICTURE)
    assert len(text) <= MOST
    if len(text) < MOST - 2000:
        assert again == kept
    assert again.left == kept.left[: len(again.left)]
    assert again.past == kept.past[len(kept.past) - len(again.past) :]
    assert again.future == kept.future[len(kept.future) - len(again.future) :]


def test_of_many_steps_the_nearest_are_kept():
    many = tuple(check("conv2d", {"H": height}) for height in range(1, 200))
    kept = Kept(past=many, future=many[::-1])
    assert read_kept(write_kept(kept), b"") == Kept(past=many[-STEPS:], future=many[::-1][-STEPS:])
    assert len(write_kept(Kept(left=(check("conv2d", {"H": 9, "W": 9}),) * 5000))) <= MOST


KINDS = st.sampled_from(["left", "past", "future", "compare", "apart", "", MARKUP, "past past"])
QUERIES = (
    st.text()
    | NEAR.map(lambda pairs: "&".join(f"{key}={value}" for key, value in pairs))
    | st.builds(lambda spec: write(Link(spec)), specs() | specs().map(fed))
)
LINES = st.lists(st.builds("{} {}".format, KINDS, QUERIES), max_size=20).map("\n".join)
TEXTS = st.text(st.characters()) | LINES


@given(TEXTS, st.sampled_from([b"", PICTURE]))
def test_of_any_text_valid_settings_alone_are_read(text, image):
    kept = read_kept(text, image)
    assert len(kept.past) <= STEPS
    assert len(kept.future) <= STEPS
    for spec in (*kept.left, *kept.past, *kept.future, *([kept.compare.spec] if kept.compare else [])):
        assert spec == check(spec.lesson_name, vars(spec.config), spec.image)
    assert read_kept(write_kept(kept), image) == kept


@pytest.mark.parametrize(
    "line",
    [
        "past H=0",
        "past H=09",
        "past W=9&H=9",  # not in its order
        "past H=9&Z=1",
        "past pattern=upload",
        "past H=9&picture=kept",  # and there is none
        "past lesson=linen",
        "Past H=9",
        "past\tH=9",
        "compare H=9",  # that stands in the query
        f"past {MARKUP}",
        "apart conv2d.kernel_w",  # it is the first of them that says so
        "apart H",
        "past " + "H=9&" * 2000,
    ],
)
def test_what_would_not_be_written_so_is_left_out(line):
    assert read_kept(f"{line}\npast H=11", b"") == Kept(past=(check("conv2d", {"H": 11}),))


def test_a_long_text_is_not_read_to_its_end():
    assert read_kept("\n" * 200 + "past H=9", b"") == Kept()
    assert read_kept("x" * MOST + "\npast H=9", b"") == Kept()


# -- from page to page --------------------------------------------------------------------------------------------


class Tab:
    """One tab: the page shown in it, and what it keeps."""

    def __init__(self, page, engine):
        self.page, self.engine = page, engine
        self.query, self.stored, self.picture = "", None, b""
        self.gallery = None

    def open(self, query):
        if self.gallery is not None:
            self.gallery.close()
        self.gallery = Gallery(engine=lambda: self.engine, link=read(query))
        (self.address,) = [each for each in self.page.tree(self.gallery) if isinstance(each, Address)]
        self.page.forget()
        if self.stored is not None:
            pixels = (self.picture,) if self.picture else ()
            self.page.custom(self.address, {"say": "kept", "kept": self.stored}, *pixels)
        upload = self.gallery.explorer.upload
        if self.page.models[upload.model_id]["wanted"]:
            self.page.custom(upload, {"say": "kept" if self.picture else "gone"}, *filter(None, [self.picture]))
        self.keep()
        return self.gallery

    def reload(self):
        self.keep()
        return self.open(self.query)

    def keep(self):
        """What address.js does at every change."""
        told, name = self.page.models[self.address.model_id], self.address.model_id
        self.query = told["query"]
        if any(model == name for model, _ in self.page.updates):
            self.stored = f"{told['query']}\n{told['beside']}"
        self.page.forget()

    @property
    def spec(self):
        return self.gallery.explorer.state.spec

    def set(self, **fields):
        for field, value in fields.items():
            self.page.say(self.page.number(self.gallery, field), value=value)

    def pick(self, name):
        self.page.say(self.gallery.picker, index=NAMES.index(name))

    def press(self, name):
        tools = self.page.tree(self.gallery.explorer.toolbar)
        (button,) = [each for each in tools if getattr(each, "description", "") == name]
        self.page.press(button)

    def upload(self, picture):
        self.gallery.explorer.propose("pattern", "upload")
        self.page.custom(self.gallery.explorer.upload, {"say": "picture"}, picture)
        self.picture = picture


@pytest.fixture
def tab(page, engine):
    engine.pitfall = engine.real.pitfall
    opened = Tab(page, engine)
    yield opened
    assert not page.errors
    opened.gallery.close()
    assert page.models == {}


def undone(tab):
    """All settings that undo leads through."""
    found = []
    while tab.gallery.explorer.history.can_undo:
        tab.press("Undo")
        found.append(tab.spec)
    return found


def test_other_lessons_and_steps_outlive_two_reloads(tab):
    tab.open("")
    tab.set(H=9, stride=3)
    tab.pick("unet")
    tab.set(H=32, W=32)
    tab.press("Undo")
    steps = [check("unet", {}), check("conv2d", {"H": 9, "stride": 3}), check("conv2d", {"H": 9}), check("conv2d", {})]
    tab.reload()
    assert tab.spec == check("unet", {"H": 32})
    tab.reload()
    tab.press("Redo")
    assert tab.spec == check("unet", {"H": 32, "W": 32})
    tab.press("Undo")
    tab.pick("conv2d")
    assert tab.spec == steps[1]
    tab.pick("unet")
    assert tab.spec == check("unet", {"H": 32})
    assert undone(tab) == [steps[1], check("unet", {"H": 32}), *steps]


SMALL = st.builds(
    lambda lesson, size, seed: check(lesson, {"H": size, "seed": seed}),
    st.sampled_from(["conv2d", "resnet", "unet"]),
    st.sampled_from([8, 12, 16]),
    st.integers(0, 1),
)
IN_A_PAGE = settings(
    max_examples=25, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@given(st.lists(SMALL, min_size=1, max_size=8), st.integers(0, 8))
@IN_A_PAGE
def test_wherever_a_visitor_was_all_is_there_after_a_reload(page, engine, visited, back):
    tab = Tab(page, engine)
    state = tab.open("").explorer.state
    for spec in visited:
        state.spec = spec
    for _ in range(back):
        tab.gallery.explorer.undo()

    def shown():
        return tab.spec, tab.gallery.explorer.history.steps(bool), {**tab.gallery._left_at, tab.spec.lesson_name: None}

    before = shown()
    tab.reload()
    assert shown() == before
    tab.gallery.close()


def tick(tab, words, ticked):
    """Set the box that makes fields of the lesson shown move together."""
    (controls,) = tab.gallery.explorer._parts.left.children
    (box,) = [box for group, box in controls.links.items() if " = ".join(group) == words]
    tab.page.say(box, value=ticked)


def test_fields_that_were_parted_stay_so(tab):
    tab.open("")
    tick(tab, "kernel_h = kernel_w", False)
    tab.pick("resnet")
    tick(tab, "C = features", False)
    for _ in range(2):
        tab.reload()
        tab.set(C=5)
        assert (tab.spec.config.C, tab.spec.config.features) == (5, 8)
        tab.pick("conv2d")
        tab.set(kernel_h=5)
        assert (tab.spec.config.kernel_h, tab.spec.config.kernel_w) == (5, 3)
        tab.set(kernel_h=3)
        tab.pick("resnet")
        tab.set(C=8)
    tick(tab, "C = features", True)
    tab.reload()
    tab.set(C=4)
    assert (tab.spec.config.C, tab.spec.config.features) == (4, 4)


def test_another_link_shows_that_link_alone(tab):
    tab.open("")
    tab.set(H=9)
    tab.pick("unet")
    tab.set(H=32)
    tab.keep()
    before = tab.query
    tab.open("lesson=unet&H=48")
    assert tab.spec == check("unet", {"H": 48})
    assert not tab.gallery.explorer.history.can_undo
    tab.open(f"{before}&theme=dark")  # as one who goes back, and the theme is the page's own
    assert tab.spec == check("unet", {"H": 32})
    assert undone(tab) == [check("unet", {}), check("conv2d", {"H": 9}), check("conv2d", {})]
    tab.open("lesson=unet&H=48")
    tab.pick("conv2d")
    assert tab.spec == check("conv2d", {})


def test_the_pitfalls_keep_what_is_behind_them(tab):
    tab.open("")
    tab.set(H=9)
    tab.pick("resnet")
    tab.set(H=12)
    tab.pick("pitfalls")
    tab.reload()
    assert tab.query.startswith("lesson=pitfalls")
    assert tab.gallery.picker.value == "pitfalls"
    tab.pick("resnet")
    assert tab.spec == check("resnet", {"H": 12})
    tab.reload()
    assert undone(tab) == [check("resnet", {}), check("conv2d", {"H": 9}), check("conv2d", {})]


def test_what_is_kept_is_heard_once_and_lies_beneath_what_was_set_since(tab):
    gallery = tab.open("H=9")
    tab.set(W=12)
    tab.page.custom(tab.address, {"say": "kept", "kept": "H=9\npast H=5\nfuture H=6\nleft lesson=unet&H=32"})
    tab.page.custom(tab.address, {"say": "kept", "kept": "H=9\npast H=3\nleft lesson=unet&H=16"})
    assert not gallery.explorer.history.can_redo
    assert undone(tab) == [check("conv2d", {"H": 9}), check("conv2d", {"H": 5})]
    tab.pick("unet")
    assert tab.spec == check("unet", {"H": 32})


@pytest.mark.parametrize("query", ["H=9&lock=1", "lesson=unet&H=32&lock=1", "lesson=pitfalls&pitfall=no_skip&lock=1"])
def test_nothing_kept_unlocks(tab, query):
    gallery = tab.open(query)
    begun = write(read(query))
    lines = "\npast H=5\nfuture H=6\nleft lesson=unet&H=16\nleft H=7\ncompare H=5&picture=kept"
    tab.page.custom(tab.address, {"say": "kept", "kept": begun + lines}, PICTURE)
    assert tab.spec == read(query).spec
    assert not gallery._left_at
    assert not gallery.explorer.history.can_undo
    assert not gallery.explorer.history.can_redo


def test_of_a_few_controls_the_steps_that_these_make_come_back(tab):
    tab.open("show=H,kernel_h")
    tab.set(H=9, kernel_h=5)
    tab.reload()
    lines = "past H=12\npast W=12\npast H=12&kernel_h=4\npast lesson=unet\npast H=9&picture=kept\nleft lesson=unet"
    assert undone(tab) == [check("conv2d", {"H": 9}), check("conv2d", {})]
    tab.stored, tab.picture = f"{tab.query}\n{lines}", PICTURE
    tab.open(tab.query)
    assert undone(tab) == [check("conv2d", {"H": 12})]
    assert not tab.gallery._left_at


def test_what_a_linked_field_takes_along_may_be_reached_and_no_more():
    few = Allowed(("kernel_h",))
    plain, both, one = (check("conv2d", {"kernel_h": h, "kernel_w": w}) for h, w in ((3, 3), (5, 5), (3, 5)))
    assert few.may_reach(plain, both)
    assert not few.may_reach(plain, one)
    assert not few.may_reach(one, both.changed({"kernel_h": 3, "kernel_w": 3}))
    assert not few.may_reach(fed(plain), plain.changed({"pattern": "upload"}, OTHER))
    assert not Allowed(("kernel_h",), locked=True).may_reach(plain, plain)


def test_a_picture_of_ones_own_is_kept_wherever_it_was_fed(tab):
    tab.open("H=9")
    tab.upload(OTHER)
    tab.upload(PICTURE)
    compared = tab.spec
    tab.gallery.explorer.pin()
    tab.set(H=11)
    tab.pick("unet")
    tab.reload()
    assert tab.gallery.explorer.state.pinned.spec == compared
    tab.pick("conv2d")
    assert tab.spec == fed(check("conv2d", {"H": 11}))
    tab.reload()
    plain = check("conv2d", {"H": 9})
    assert undone(tab)[-3:] == [fed(check("conv2d", {"H": 11})), fed(plain), plain]


def test_no_step_is_made_of_the_picture_that_came_back(tab):
    tab.open("H=9")
    tab.upload(PICTURE)
    tab.press("Undo")
    tab.press("Redo")
    tab.set(H=11)
    tab.press("Undo")
    tab.reload()
    tab.press("Redo")
    assert tab.spec == fed(check("conv2d", {"H": 11}))
    assert undone(tab) == [fed(check("conv2d", {"H": 9})), check("conv2d", {"H": 9})]


def test_a_picture_that_is_gone_takes_its_steps_with_it(tab):
    tab.open("H=9")
    tab.upload(PICTURE)
    tab.set(H=11)
    tab.gallery.explorer.propose("pattern", "ramp")
    tab.keep()
    tab.picture = b""
    tab.reload()
    assert undone(tab) == [check("conv2d", {"H": 9})]


# -- a page that says anything ------------------------------------------------------------------------------------


@given(
    TEXTS,
    TEXTS | st.none() | st.integers() | st.lists(st.text()),
    st.lists(st.sampled_from([b"", PICTURE]), max_size=2),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_as_what_is_kept_gives_a_page_that_works(page, engine, begun, other, buffers):
    tab = Tab(page, engine)
    tab.open("H=9")
    for kept in (other, f"H=9\n{begun}"):
        page.custom(tab.address, {"say": "kept", "kept": kept}, *buffers)
    assert not page.errors
    assert tab.spec == check("conv2d", {"H": 9})
    assert MARKUP not in page.html(tab.gallery)
    for _ in range(3):
        tab.press("Undo")
    for name in ("unet", "conv2d"):
        tab.pick(name)
        assert tab.spec.lesson_name == name
    tab.set(H=16, W=16)
    assert (tab.spec.config.H, tab.spec.config.W) == (16, 16)
    tab.gallery.close()
    assert not page.errors


@pytest.mark.parametrize("kept", [None, 7, ["H=9\npast H=5"], {"a": 1}, "H=9\n" + "past H=5\n" * 9000])
def test_what_is_no_text_of_that_size_is_not_heard(tab, kept):
    gallery = tab.open("H=9")
    tab.page.custom(tab.address, {"say": "kept", "kept": kept})
    assert not gallery.explorer.history.can_undo
    tab.page.custom(tab.address, {"say": "kept", "kept": "H=9\npast H=5"})
    assert gallery.explorer.history.can_undo


def test_a_flood_of_it_is_heard_now_and_then(page, engine):
    heard = []

    class Counting(Address):
        def heard(self, content, buffers):
            heard.append(content)

    async def scene():
        gallery = Gallery(engine=lambda: engine)
        gallery._guard._heavy._clock, gallery._guard._heavy._at = lambda: 0.0, 0.0
        address = Counting(str)
        gallery._add(address)
        for number in range(500):
            page.custom(address, {"say": "kept", "kept": str(number)})
        return len(heard)

    assert 0 < asyncio.run(scene()) <= HEAVY_BURST
    assert not page.errors


def test_query_and_what_is_beside_it_are_told_together_and_while_a_slider_is_dragged_the_query_alone(page, engine):
    async def scene():
        gallery = Gallery(engine=lambda: engine, link=read(""))
        (address,) = [each for each in page.tree(gallery) if isinstance(each, Address)]
        slider = page.slider(gallery, "H")
        told = []
        for heights in (range(8, 12), range(12, 16)):
            page.forget()
            for height in heights:
                page.say(slider, value=height)
            await asyncio.sleep(TOGETHER + 0.1)
            told += [sorted(state) for model, state in page.updates if model == address.model_id]
        return told

    assert asyncio.run(scene()) == [["beside", "query"], ["query"]]
