"""A page that says anything to anything: nothing is broken by it, nothing added, and a valid move is answered."""

import comm
import ipywidgets as w
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ipywidgets.widgets.widget import _instances

from oracles.numpy_reference import same_output_size
from shapelab.engine.spec import check
from shapelab.explorers.fronted import Fronted
from shapelab.explorers.gallery import TABS, Gallery
from shapelab.explorers.links import read

NAMES = [name for _, name in TABS]
MARKUP = '"><img src=x onerror=alert(1)><script>alert(1)</script>'
HEARD = ("value", "index", "cell", "stage", "narrow")
WORDS = ["event", "click", "ask", "module", "plotly", "say", "ready", "picture", "do", "undo", "redo", MARKUP]


DEEP, LONG = "deep", "long"  # what a strategy cannot hold, put in place when it is said


def deep(levels):
    inside = []
    for _ in range(levels):
        inside = [inside]
    return inside


plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 80),
    st.sampled_from([2**31, -(2**63), 2**64, 10**400, 1e308, -0.5, float("nan"), float("inf")]),
    st.floats(),
    st.sampled_from(["", "7", "none", MARKUP, *WORDS]),
    st.text(max_size=8),
    st.sampled_from([DEEP, LONG, [0, 0], [3, 4], [-1, 2**80], {"a": {"b": []}}]),
)
nested = st.recursive(
    plain,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(WORDS), inner, max_size=3)),
    max_leaves=6,
)
custom = st.one_of(nested, st.dictionaries(st.sampled_from(WORDS), st.one_of(st.sampled_from(WORDS), nested)))
buffers = st.lists(st.sampled_from([b"", b"\0", b"\x7f" * (128 * 128 * 3), b"\1" * (128 * 128 * 3 + 1)]), max_size=2)
place = st.integers(0, 10**6)

updates = st.tuples(st.just("update"), place, place, nested, buffers)
moves = st.tuples(st.just("move"), place, place, plain, buffers)
customs = st.tuples(st.just("custom"), place, place, custom, buffers)
others = st.tuples(st.sampled_from(["raw", "request_state", "close", "reach"]), place, place, nested, buffers)
hostile = st.lists(st.one_of(updates, moves, customs, others), min_size=60, max_size=120)


def forged(page, widget, number, value):
    """An update of any trait that a widget has, or has not; references may name any widget."""
    names = [*widget.keys, "comm", "_trait_values", "keys", "__class__"]
    others = list(page.widgets)
    if isinstance(value, list) and not value:
        value = [f"IPY_MODEL_{others[number % len(others)]}", "IPY_MODEL_nobody"]
    return {names[number % len(names)]: value}


def utter(page, message):
    """Say one hostile thing to a widget picked by number, be it shown or not."""
    kind, number, other, value, given = message
    value = deep(3000) if value == DEEP else "x" * 100_000 if value == LONG else value
    widgets = list(page.widgets.values())
    widget = widgets[number % len(widgets)]
    if kind == "move":  # of those that hear anything, and the very trait
        hearing = [x for x in widgets if isinstance(x, w.ValueWidget | Fronted | w.ToggleButtons)]
        widget = hearing[number % len(hearing)]
        traits = [name for name in HEARD if name in widget.keys]
        page.deliver(widget, {"method": "update", "state": dict.fromkeys(traits, value)})
    elif kind == "update":
        paths = [["value"], ["x", 0], [[]], 5] if other % 2 else []
        page.deliver(
            widget, {"method": "update", "state": forged(page, widget, other, value), "buffer_paths": paths}, *given
        )
    elif kind == "custom":
        page.deliver(widget, {"method": "custom", "content": value}, *given)
    elif kind == "raw":
        page.deliver(widget, value, *given)
    elif kind == "request_state":
        page.deliver(widget, {"method": "request_state"})
    else:
        told = {"content": {"comm_id": widget.model_id, "data": value}}
        getattr(comm.get_comm_manager(), "comm_close" if kind == "close" else "comm_msg")(None, None, told)


def choose(page, gallery, field, value):
    """Choose one of a field's words, unfolding what holds it."""
    if not page.find(gallery, f"shapelab-control-{field}"):
        page.say(page.find(gallery, "sl-unfold")[0], value=True)
    buttons = next(x for x in page.find(gallery, f"shapelab-control-{field}") if hasattr(x, "options"))
    page.say(buttons, index=list(buttons.options).index(value))


def settle(page, gallery, lesson, sizes):
    """What a visitor does who wants one setting; gives the shape that must come of it."""
    page.say(gallery.picker, index=NAMES.index(lesson))
    if lesson == "conv2d":
        choose(page, gallery, "transposed", "no")
        choose(page, gallery, "padding", "SAME")
    rows, columns = sizes
    page.say(page.number(gallery, "H"), value=rows)
    page.say(page.number(gallery, "W"), value=columns)
    config = gallery.explorer.state.spec.config
    if lesson == "unet":
        return (rows, columns, config.base_features)
    if lesson == "resnet":
        return (rows, columns, config.features)
    return (same_output_size(rows, config.stride), same_output_size(columns, config.stride_w), config.features)


@pytest.fixture
def gallery(page, engine):
    made = Gallery(engine=lambda: engine, link=read("lesson=conv2d&H=9&nonsense=1"))  # with a notice and an address
    for number in range(len(NAMES)):  # all there is, so that anything more is somebody else's doing
        page.say(made.picker, index=number)
    page.say(made.picker, index=NAMES.index("unet"))
    page.say(page.number(made, "H"), value=30)  # with the buttons of its ways out
    assert page.find(made, "sl-ways-out", w.Button)
    yield made
    made.close()


def test_whatever_a_page_says_a_valid_move_is_answered(page, gallery):
    said = 0

    @settings(
        max_examples=32,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(hostile, st.sampled_from(["conv2d", "resnet", "unet"]), st.tuples(*[st.sampled_from([16, 32, 48])] * 2))
    def scene(messages, lesson, sizes):
        nonlocal said
        held = len(_instances)
        for message in messages:
            utter(page, message)
        said += len(messages)
        assert not page.errors
        state = gallery.explorer.state
        assert check(state.spec.lesson_name, vars(state.spec.config), state.spec.image) == state.spec
        expected = settle(page, gallery, lesson, sizes)
        assert page.texts(gallery, "shapelab-output-shape")[-1] == str(expected)
        assert not page.errors
        assert len(_instances) == held
        assert MARKUP not in page.html(gallery)
        page.forget()
        page.sent.clear()

    scene()
    assert said > 2000
