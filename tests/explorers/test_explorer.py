"""What the page says, and how answers find their way to it."""

import asyncio

import ipywidgets as w
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from oracles.numpy_reference import same_output_size, same_padding
from shapelab.engine.spec import check
from shapelab.errors import EngineAwayError, TooLargeError
from shapelab.explorers import asking
from shapelab.explorers.explorer import Explorer
from shapelab.explorers.figure_view import FigureView

QUICK = settings(
    phases=[Phase.explicit, Phase.generate],
    max_examples=10,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def show(page, engine):
    return lambda lesson, **settings: Explorer(check(lesson, settings), engine=lambda: engine)


def pictures(page, root):
    return [page.models[x.model_id]["spec"] for x in page.tree(root) if isinstance(x, FigureView)]


def padding_words(**axes):
    """``top 1, bottom 1, left 0, right 1`` from (size, kernel, stride) of each axis."""
    sides = {"H": ("top", "bottom"), "W": ("left", "right"), "L": ("left", "right")}
    words = []
    for axis, numbers in axes.items():
        words += [f"{side} {cells}" for side, cells in zip(sides[axis], same_padding(*numbers), strict=True)]
    return ", ".join(words)


@QUICK
@given(
    height=st.integers(1, 64),
    width=st.integers(1, 64),
    kernel=st.integers(1, 11),
    stride=st.integers(1, 8),
    channels=st.integers(1, 16),
    features=st.integers(1, 16),
    library=st.sampled_from(["nnx", "linen"]),
)
@example(height=1, width=1, kernel=1, stride=1, channels=1, features=1, library="nnx")
@example(height=1, width=9, kernel=5, stride=3, channels=1, features=1, library="linen")
def test_conv2d_says_the_shapes_and_paddings(page, show, height, width, kernel, stride, channels, features, library):
    explorer = show(
        "conv2d",
        H=height,
        W=width,
        C=channels,
        kernel_h=kernel,
        kernel_w=kernel,
        stride=stride,
        features=features,
        library=library,
    )
    out = same_output_size(height, stride), same_output_size(width, stride)
    assert page.texts(explorer, "shapelab-output-shape") == [f"({out[0]}, {out[1]}, {features})"]
    assert page.texts(explorer, "shapelab-padding") == [
        padding_words(H=(height, kernel, stride), W=(width, kernel, stride))
    ]
    text = page.text(explorer)
    assert f"({height}, {width}, {channels})" in text
    assert f"({kernel}, {kernel}, {channels}, {features})" in text
    assert f"ceil({height} / {stride}) = {out[0]}" in text
    assert f"ceil({width} / {stride}) = {out[1]}" in text
    for size, made in ((height, out[0]), (width, out[1])):
        total = sum(same_padding(size, kernel, stride))
        assert f"max(({made} − 1)·{stride} + {kernel} − {size}, 0) = {total}" in text
    assert f"{kernel * kernel * channels * features + features:,}" in text
    assert f"{out[0] * out[1] * kernel * kernel * channels * features:,}" in text


@QUICK
@given(
    length=st.integers(1, 64),
    kernel=st.integers(1, 16),
    channels=st.integers(1, 16),
    features=st.integers(1, 16),
)
@example(length=1, kernel=1, channels=1, features=1)
@example(length=1, kernel=16, channels=1, features=2)
def test_conv1d_says_the_shapes_and_paddings(page, show, length, kernel, channels, features):
    explorer = show("conv1d", L=length, kernel_size=kernel, C=channels, features=features)
    assert page.texts(explorer, "shapelab-output-shape") == [f"({length}, {features})"]
    assert page.texts(explorer, "shapelab-padding") == [padding_words(L=(length, kernel, 1))]
    assert f"{length * kernel * channels * features:,}" in page.text(explorer)


@QUICK
@given(height=st.integers(1, 64), width=st.integers(1, 64), features=st.integers(1, 32))
@example(height=1, width=1, features=1)
@example(height=1, width=9, features=2)
@example(height=9, width=1, features=2)
def test_the_block_says_its_shapes(page, show, height, width, features):
    explorer = show("resnet", H=height, W=width, features=features)
    assert page.texts(explorer, "shapelab-output-shape") == [f"({height}, {width}, {features})"]
    assert page.texts(explorer, "shapelab-padding") == ["top 1, bottom 1, left 1, right 1"]
    assert f"{2 * (9 * features**2 + features) + 4 * features:,}" in page.text(explorer)


@QUICK
@given(height=st.integers(1, 32), width=st.integers(1, 32), base=st.integers(1, 32), channels=st.integers(1, 16))
@example(height=1, width=1, base=1, channels=1)
@example(height=1, width=5, base=2, channels=3)
@example(height=5, width=1, base=2, channels=3)
def test_the_unet_says_its_shapes(page, show, height, width, base, channels):
    explorer = show("unet", H=4 * height, W=4 * width, base_features=base, C=channels)
    assert page.texts(explorer, "shapelab-output-shape") == [f"({4 * height}, {4 * width}, {base})"]
    assert page.texts(explorer, "shapelab-padding") == ["top 1, bottom 1, left 1, right 1"]


def test_an_impossible_size_keeps_the_page_alive_and_shows_the_way_out(page, engine, show):
    explorer = show("unet")
    page.say(page.number(explorer, "H"), value=30)
    assert explorer.state.spec.config.H == 30
    text = page.text(explorer)
    assert "(14, 24, 16)" in text
    assert "(15, 24, 16)" in text
    assert "max_pool" in text
    assert "15 to 7 along H" in text
    assert page.texts(explorer, "shapelab-output-shape") == ["no output"]
    assert len(engine.ran) == 1  # what cannot run is not asked to
    buttons = page.find(explorer, "sl-ways-out", w.Button)
    assert [page.models[button.model_id]["description"] for button in buttons] == ["H = 28", "H = 32", "depth = 1"]
    page.press(buttons[1])
    assert explorer.state.spec.config.H == 32
    assert page.texts(explorer, "shapelab-output-shape") == ["(32, 48, 8)"]
    assert page.models[page.number(explorer, "H").model_id]["value"] == 32
    assert page.models[page.slider(explorer, "H").model_id]["value"] == 32
    assert not page.find(explorer, "sl-ways-out", w.Button)
    assert "does not fit" not in page.text(explorer)
    assert not page.errors


def test_both_axes_impossible_can_be_mended_by_clicking(page, show):
    explorer = show("unet", H=30, W=46)
    offered = {page.models[b.model_id]["description"]: b for b in page.find(explorer, "sl-ways-out", w.Button)}
    page.press(offered["H = 28, W = 44"])
    assert page.texts(explorer, "shapelab-output-shape") == ["(28, 44, 8)"]
    explorer.undo()  # both sizes were one step
    assert page.texts(explorer, "shapelab-output-shape") == ["no output"]
    assert not page.errors


@pytest.mark.parametrize("size", [{"H": 29}, {"H": 31}, {"W": 46}, {"W": 5}, {"H": 127}])
def test_every_way_out_leads_out(page, show, size):
    explorer = show("unet", **size)
    count = len(page.find(explorer, "sl-ways-out", w.Button))
    assert count
    for number in range(count):
        explorer.state.spec = check("unet", size)
        page.press(page.find(explorer, "sl-ways-out", w.Button)[number])
        assert explorer.state.answer.trace.error is None


def test_choosing_a_stage_asks_for_its_values_and_no_trace(page, engine, show):
    explorer = show("unet")
    (stages,) = page.find(explorer, "sl-stages", w.Select)
    trace = explorer.state.answer.trace
    for number, stage in enumerate(trace.stages):
        page.say(stages, index=number)
        text = page.text(explorer)
        assert stage.name in text
        assert str(stage.out_shape) in text
        assert explorer.state.selected_stage == number
    assert len(engine.traced) == 1
    assert len(engine.ran) == len(trace.stages)
    page.say(stages, index=11)  # up2
    assert page.texts(explorer, "shapelab-padding") == ["top 1, bottom 1, left 1, right 1"]
    assert not page.errors


def test_a_click_on_a_cell_asks_nothing_and_takes_that_number_apart(page, make_engine):
    engine = make_engine(really_run=True)
    explorer = Explorer(check("conv2d", {"H": 5, "W": 5, "C": 2}), engine=lambda: engine)
    (picture, *_) = [x for x in page.tree(explorer) if isinstance(x, FigureView)]
    values = explorer.state.activations
    for row, column in ((0, 0), (1, 2), (2, 2)):
        page.say(picture, cell=[row, column])
        (said,) = page.texts(explorer, "sl-arithmetic")
        assert f"y[{row}, {column}, 0]" in said
        number = float(values.stages[max(values.stages)][row, column, 0])
        assert f"{number:.4f}".replace("-", "−") in said
        assert "✓" in said
        assert "✗" not in said
    assert len(engine.traced) == len(engine.ran) == 1


@pytest.mark.parametrize(
    "state",
    [
        {"cell": [10**9, 10**9]},
        {"cell": [-5, -5]},
        {"cell": [1]},
        {"cell": ["a", "b"]},
        {"cell": [float("nan"), 1]},
        {"cell": None},
        {"stage": 10**6},
        {"stage": -9},
        {"stage": None},
        {"stage": 10**400},
        {"narrow": "yes"},
        {"spec": {}},
        {"dark": None},
    ],
)
@pytest.mark.parametrize("lesson", ["conv1d", "conv2d", "unet"])
def test_whatever_a_picture_says_the_page_goes_on(page, show, lesson, state):
    explorer = show(lesson)
    before = page.texts(explorer, "shapelab-output-shape")
    (picture, *_) = [x for x in page.tree(explorer) if isinstance(x, FigureView)]
    page.say(picture, **state)
    assert page.texts(explorer, "shapelab-output-shape") == before
    page.say(page.slider(explorer, "C"), value=2)
    assert explorer.state.spec.config.C == 2
    assert explorer.state.answer.spec == explorer.state.spec
    assert pictures(page, explorer)[0]["layout"]["meta"]["alt"]


def test_a_narrow_page_gets_narrow_pictures(page, engine, show):
    explorer = show("conv2d")
    (picture, *_) = [x for x in page.tree(explorer) if isinstance(x, FigureView)]
    wide = page.models[picture.model_id]["spec"]["layout"]["width"]
    page.say(picture, narrow=True)
    assert page.models[picture.model_id]["spec"]["layout"]["width"] < wide
    assert len(engine.traced) == 1


def test_shapes_do_not_wait_for_values(page, make_engine):
    engine = make_engine()
    engine.hold_runs.clear()

    async def scene():
        explorer = Explorer(check("conv2d", {}), engine=lambda: engine)
        while not engine.ran:
            await asyncio.sleep(0.001)
        assert page.texts(explorer, "shapelab-output-shape") == ["(4, 4, 4)"]
        assert explorer.state.activations is None
        page.forget()
        page.say(page.slider(explorer, "H"), value=9)
        await explorer._asking._tracing.idle()
        assert page.texts(explorer, "shapelab-output-shape") == ["(5, 4, 4)"]
        assert twice(page) == []
        page.forget()
        engine.hold_runs.set()
        await explorer.idle()
        assert twice(page) == []
        assert explorer.state.activations is not None
        assert explorer.state.activations.input.shape == (9, 7, 3)

    asyncio.run(scene())
    assert not page.errors


def twice(page):
    """Traits of one widget that were sent more than once since the page began counting."""
    told = [(model, trait) for model, state in page.updates for trait in state]
    return [once for once in set(told) if told.count(once) > 1]


@pytest.mark.parametrize("lesson", ["conv1d", "conv2d", "resnet", "unet"])
def test_a_move_sends_no_trait_twice_before_the_values_come(page, make_engine, lesson):
    engine = make_engine()
    engine.hold_runs.clear()

    async def scene():
        explorer = Explorer(check(lesson, {}), engine=lambda: engine)
        await explorer._asking._tracing.idle()
        config = explorer.state.spec.config
        field = next(iter(config.rules()))
        page.forget()
        page.say(page.slider(explorer, field), value=getattr(config, field) + config.limits(field).step)
        await explorer._asking._tracing.idle()
        assert page.updates
        assert twice(page) == []
        engine.hold_runs.set()
        await explorer.idle()

    asyncio.run(scene())


def test_of_ten_moves_while_one_is_traced_the_last_is_shown(page, make_engine):
    engine = make_engine()

    async def scene():
        explorer = Explorer(check("conv2d", {}), engine=lambda: engine)
        await explorer.idle()
        engine.hold_traces.clear()
        engine.started.clear()
        page.say(page.slider(explorer, "H"), value=8)
        while not engine.started.is_set():
            await asyncio.sleep(0.001)
        for size in range(20, 30):
            page.say(page.slider(explorer, "H"), value=size)
        engine.hold_traces.set()
        await explorer.idle()
        assert [spec.config.H for spec in engine.traced] == [7, 8, 29]
        assert page.texts(explorer, "shapelab-output-shape") == ["(15, 4, 4)"]
        assert explorer.state.answer.spec == explorer.state.spec
        assert engine.ran[-1] == explorer.state.spec

    asyncio.run(scene())


def test_values_of_an_older_setting_are_never_shown_as_those_of_the_present(page, make_engine):
    engine = make_engine()

    async def scene():
        explorer = Explorer(check("conv2d", {}), engine=lambda: engine)
        await explorer.idle()
        engine.hold_runs.clear()
        engine.started.clear()
        page.say(page.slider(explorer, "H"), value=8)
        while len(engine.ran) < 2:
            await asyncio.sleep(0.001)
        page.say(page.slider(explorer, "H"), value=20)
        await explorer._asking._tracing.idle()
        engine.hold_runs.set()
        await explorer.idle()
        assert explorer.state.activations.input.shape == (20, 7, 3)
        shapes = [trace["z"]["shape"] for trace in pictures(page, explorer)[0]["data"] if trace["type"] == "heatmap"]
        assert shapes == [[20, 7], [3, 3], [10, 4]]

    asyncio.run(scene())
    assert not page.errors


def test_a_late_answer_for_another_stage_does_not_take_the_place_of_the_values_shown(page, make_engine):
    engine = make_engine()

    async def scene():
        explorer = Explorer(check("unet", {"H": 8, "W": 8}), engine=lambda: engine)
        await explorer.idle()
        engine.hold_runs.clear()
        explorer.state.stage = 5
        while len(engine.ran) < 2:
            await asyncio.sleep(0.001)
        explorer.state.stage = 0  # back, before the values of stage 5 have come
        engine.hold_runs.set()
        await explorer.idle()
        assert 0 in explorer.state.activations.stages
        assert not explorer._parts.maps.dimmed

    asyncio.run(scene())


def test_a_late_answer_for_an_older_setting_does_not_take_the_place_of_known_values(page, make_engine):
    engine = make_engine()

    async def scene():
        explorer = Explorer(check("conv2d", {}), engine=lambda: engine)
        await explorer.idle()
        engine.hold_runs.clear()
        page.say(page.slider(explorer, "H"), value=8)
        while len(engine.ran) < 2:
            await asyncio.sleep(0.001)
        known = engine.real.run(check("conv2d", {"H": 20}))
        engine.knows[check("conv2d", {"H": 20})] = known
        page.say(page.slider(explorer, "H"), value=20)
        await explorer._asking._tracing.idle()
        engine.hold_runs.set()
        await explorer.idle()
        assert explorer.state.activations is known

    asyncio.run(scene())


def test_maps_on_their_way_are_dimmed_and_those_that_will_not_come_are_empty(page, make_engine):
    engine = make_engine()

    async def scene():
        explorer = Explorer(check("unet", {"H": 8, "W": 8}), engine=lambda: engine)
        await explorer.idle()
        assert not explorer._parts.maps.dimmed
        shown = explorer._parts.maps.spec
        engine.hold_runs.clear()
        page.say(page.slider(explorer, "H"), value=12)
        await explorer._asking._tracing.idle()
        assert explorer._parts.maps.dimmed
        assert explorer._parts.maps.spec == shown
        engine.run_raises = TooLargeError("more than there is room for")
        engine.hold_runs.set()
        await explorer.idle()
        assert not explorer._parts.maps.dimmed
        assert explorer._parts.maps.spec != shown
        assert page.texts(explorer, "sl-notice-text") == ["more than there is room for"]
        engine.run_raises = None
        page.say(page.slider(explorer, "H"), value=8)
        await explorer.idle()
        assert not explorer._parts.maps.dimmed
        assert page.texts(explorer, "sl-notice-text") == []

    asyncio.run(scene())


def test_an_engine_that_was_away_is_asked_again_until_it_is_back(page, make_engine, monkeypatch):
    monkeypatch.setattr(asking, "AWAY", 0.01)
    engine = make_engine()

    async def scene():
        explorer = Explorer(check("conv2d", {}), engine=lambda: engine)
        await explorer.idle()
        engine.raises = EngineAwayError("nobody there")
        page.say(page.slider(explorer, "H"), value=9)
        while len(engine.traced) < 4:
            await asyncio.sleep(0.001)
        assert "away" in page.texts(explorer, "sl-notice-text")[0]
        assert page.texts(explorer, "shapelab-output-shape") == ["(4, 4, 4)"]
        engine.raises = None
        await explorer.idle()
        assert page.texts(explorer, "sl-notice-text") == []
        assert page.texts(explorer, "shapelab-output-shape") == ["(5, 4, 4)"]

    asyncio.run(scene())


def test_a_setting_chosen_while_the_engine_was_away_is_shown_when_it_is_back(page, make_engine, monkeypatch):
    monkeypatch.setattr(asking, "AWAY", 0.01)
    engine = make_engine()

    async def scene():
        explorer = Explorer(check("unet", {"H": 8, "W": 8}), engine=lambda: engine)
        await explorer.idle()
        engine.hold_runs.clear()
        page.say(page.slider(explorer, "H"), value=12)
        while len(engine.ran) < 2:
            await asyncio.sleep(0.001)
        engine.raises = engine.run_raises = EngineAwayError("nobody there")
        page.say(page.slider(explorer, "H"), value=16)
        engine.hold_runs.set()  # the run for 12 fails after the trace for 16
        while len(engine.traced) < 5:
            await asyncio.sleep(0.001)
        explorer.state.stage = 3
        engine.raises = engine.run_raises = None
        await explorer.idle()
        assert explorer.state.answer.spec.config.H == explorer.state.spec.config.H == 16
        assert page.texts(explorer, "sl-notice-text") == []
        assert 3 in explorer.state.activations.stages
        assert not explorer._parts.maps.dimmed

    asyncio.run(scene())


def test_values_that_fail_leave_no_maps_of_another_setting(page, make_engine):
    engine = make_engine()

    async def scene():
        explorer = Explorer(check("unet", {"H": 8, "W": 8}), engine=lambda: engine)
        await explorer.idle()
        shown = explorer._parts.maps.spec
        engine.run_raises = RuntimeError("out of paper")
        page.say(page.slider(explorer, "H"), value=12)
        await explorer.idle()
        assert not explorer._parts.maps.dimmed
        assert explorer._parts.maps.spec != shown
        assert "out of paper" in page.texts(explorer, "sl-notice-text")[0]

    asyncio.run(scene())


def test_the_same_block_can_be_clicked_again(page, show):
    explorer = show("unet", H=8, W=8)
    (picture, *_) = [x for x in page.tree(explorer) if isinstance(x, FigureView)]
    page.say(picture, stage=4)
    assert explorer.state.selected_stage == 4
    explorer.state.stage = 2
    page.say(picture, stage=4)
    assert explorer.state.selected_stage == 4


def test_another_lesson_asks_nothing_more_of_the_one_before(page, make_engine):
    engine = make_engine()

    async def scene():
        explorer = Explorer(check("unet", {"H": 8, "W": 8}), engine=lambda: engine)
        await explorer.idle()
        explorer.state.stage = 5
        await explorer.idle()
        before = len(engine.ran)
        explorer.state.spec = check("resnet", {"H": 4, "W": 4})
        await explorer.idle()
        assert [spec.lesson_name for spec in engine.ran[before:]] == ["resnet"]

    asyncio.run(scene())


@pytest.mark.parametrize("fails", ["trace", "run"])
def test_an_engine_that_raises_leaves_the_page_alive_with_a_sentence(page, make_engine, fails):
    engine = make_engine()
    explorer = Explorer(check("conv2d", {}), engine=lambda: engine)
    setattr(engine, "raises" if fails == "trace" else "run_raises", MemoryError("no <b>room</b> left"))
    page.say(page.slider(explorer, "H"), value=9)
    assert not page.errors
    (notice,) = page.texts(explorer, "sl-notice-text")
    assert "no <b>room</b> left" in notice  # as text, not as HTML
    engine.raises = engine.run_raises = None
    page.say(page.slider(explorer, "H"), value=11)
    assert page.texts(explorer, "shapelab-output-shape") == ["(6, 4, 4)"]
    assert page.texts(explorer, "sl-notice-text") == []


def test_an_engine_that_cannot_be_made_leaves_a_page(page):
    def broken():
        raise ImportError("jax is not here")

    explorer = Explorer(check("conv2d", {}), engine=broken)
    assert "jax is not here" in page.text(explorer)
    assert page.slider(explorer, "H").value == 7


def test_a_first_page_before_any_answer_shows_the_input(page, make_engine):
    engine = make_engine()
    engine.hold_traces.clear()

    async def scene():
        explorer = Explorer(check("unet", {"H": 16}), engine=lambda: engine)
        await asyncio.sleep(0)
        assert "(16, 48, 3)" in page.text(explorer)
        assert page.slider(explorer, "H").value == 16
        engine.hold_traces.set()
        await explorer.idle()
        assert page.texts(explorer, "shapelab-output-shape") == ["(16, 48, 8)"]

    asyncio.run(scene())


@pytest.mark.parametrize("lesson", ["conv1d", "conv2d", "resnet", "unet"])
def test_closing_frees_every_widget(page, show, lesson):
    explorer = show(lesson)
    page.say(page.slider(explorer, "seed"), value=3)
    assert page.models
    explorer.close()
    assert page.models == {}


def test_moving_does_not_gather_widgets(page, show):
    explorer = show("unet")
    counts = []
    for _ in range(4):
        page.say(page.number(explorer, "H"), value=30)
        page.press(page.find(explorer, "sl-ways-out", w.Button)[0])
        page.say(page.number(explorer, "H"), value=64)
        counts.append(len(page.models))
    assert len(set(counts)) == 1


@pytest.mark.parametrize("lesson", ["conv1d", "conv2d", "resnet", "unet"])
def test_the_html_is_whole(page, show, lesson):
    assert page.text(show(lesson))  # asserts that every element is closed
    explorer = show("unet", H=30)
    assert page.text(explorer)
