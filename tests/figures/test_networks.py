"""Pictures of networks over their variants: blocks, shortcuts and joins against the trace, words that never overlap."""

import itertools
import re

import jax
import jax.numpy as jnp
import numpy as np
import plotly.graph_objects as go
import pytest
from flax import nnx

import shapelab as sl
from oracles.sheets import CLEAR, all_text, colours, outside, overlapping_texts
from shapelab.explorers.network_pictures import network_picture
from shapelab.figures.folding import BROKEN, fold
from shapelab.figures.pipeline import pipeline
from shapelab.figures.theme import DARK_FOR_LIGHT, LIGHT
from shapelab.figures.tower import tower

VARIANTS = [
    ("resnet", {}),
    ("resnet", {"stride": 2, "features": 16, "C": 8, "shortcut": "projection"}),
    ("resnet", {"H": 1024, "W": 1024, "C": 8, "features": 64, "shortcut": "projection"}),
    ("resnet", {"stride": 2}),
    ("resnet", {"padding": "VALID"}),
    ("resnet", {"padding": "VALID", "shortcut": "projection"}),
    ("resnet", {"C": 4, "features": 12}),
    ("resnet", {"H": 1, "W": 64}),
    *(("unet", {"H": size, "W": size, "depth": depth}) for depth in (1, 2, 3, 4) for size in (64, 1024)),
    ("unet", {"H": 16, "W": 512, "depth": 4, "base_features": 64}),
    ("unet", {"H": 1024, "W": 32, "depth": 3}),
    ("unet", {"H": 30}),
    ("unet", {"H": 30, "W": 50}),
    ("unet", {"H": 36, "depth": 3}),
]
IDS = [f"{lesson} {' '.join(f'{k}={v}' for k, v in values.items())}".strip() for lesson, values in VARIANTS]
every_variant = pytest.mark.parametrize(("lesson", "settings"), VARIANTS, ids=IDS)
every_width = pytest.mark.parametrize("narrow", [False, True], ids=["wide", "narrow"])


@every_width
@every_variant
def test_words_stand_free_on_the_sheet_whichever_stage_is_selected(traced, lesson, settings, narrow):
    made, _ = traced(lesson, **settings)
    for selected in (None, 0, len(made.stages) - 1):
        spec = network_picture(made, selected, narrow)
        assert overlapping_texts(spec) == []
        assert outside(spec) == []
        assert set(colours(spec)) <= {*DARK_FOR_LIGHT, CLEAR}
    go.Figure(spec)


@every_width
@every_variant
def test_every_stage_can_be_chosen_from_its_place_and_says_its_shape(traced, lesson, settings, narrow):
    made, _ = traced(lesson, **settings)
    meta = network_picture(made, 0, narrow)["layout"]["meta"]
    assert meta["kind"] == "network"
    places = [stage for block in meta["blocks"] for stage in block["stages"]]
    assert sorted(places) == list(range(len(made.stages)))
    assert set(meta["parts"]) == {f"stage-{i}" for i in range(len(made.stages))}
    for block in meta["blocks"]:
        if block["stages"]:
            assert str(made.stages[block["stages"][-1]].out_shape) in block["says"]
            params = sum(made.stages[i].params for i in block["stages"])
            assert (f"{params:,} parameters" in block["says"]) == bool(params)
        assert min(block["box"][2:]) >= 24  # of a finger


@every_width
@every_variant
def test_blocks_carry_names_and_shapes_of_the_trace(traced, lesson, settings, narrow):
    made, _ = traced(lesson, **settings)
    said = all_text(network_picture(made, None, narrow)).split("\n")
    assert str(made.inputs[0].shape) in said
    for path in {stage.path.split(".")[0] for stage in made.stages if stage.layer and "up" not in stage.path}:
        assert path in said
    if made.error is None:
        assert str(made.outputs[0].shape) in said
    else:
        assert BROKEN in said
        assert made.error.op in said
        if not fold(made).lanes:
            assert any(line.endswith("does not fit") for line in said)


def test_a_projection_stands_beside_the_row_from_the_input_to_the_addition(traced):
    made, _ = traced("resnet", C=8, features=16, stride=2, shortcut="projection")
    folded = fold(made)
    (lane,) = folded.lanes
    beside = [made.stages[i] for block in lane.blocks for i in folded.blocks[block].stages]
    assert beside[0].windows[0].size == 1
    assert {stage.op for stage in beside} == {"conv", "batch_norm"}
    assert lane.source == 0
    assert folded.blocks[lane.target].sign == "+"
    row = [folded.blocks[i].label for i in folded.row]
    assert row == ["x", "conv1", "bn1", "relu", "conv2", "bn2", "add", "relu"]
    assert folded.skips == ()
    spec = pipeline(made)
    boxes = {block["stages"][0]: block["box"] for block in spec["layout"]["meta"]["blocks"] if block["stages"]}
    first = made.stages.index(beside[0])
    assert boxes[first][1] + boxes[first][3] < boxes[1][1] + boxes[1][3]


def test_a_skip_without_blocks_of_its_own_lands_on_the_sign_of_the_addition(traced):
    made, _ = traced("resnet")
    folded = fold(made)
    (skip,) = folded.skips
    assert (folded.blocks[skip.source].label, folded.blocks[skip.target].sign) == ("x", "+")
    assert folded.lanes == ()


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_the_blocks_of_a_unet_stand_in_a_u(traced, depth):
    made, _ = traced("unet", H=64, W=64, depth=depth)
    folded = fold(made)
    down = [f"enc{n}" for n in range(1, depth + 1)]
    up = [f"dec{n}" for n in range(depth, 0, -1)]
    assert [block.label for block in folded.blocks] == ["x", *down, "bottom", *up]
    assert len(folded.skips) == depth
    meta = pipeline(made)["layout"]["meta"]
    at = {made.stages[b["stages"][0]].path.split(".")[0]: b["box"] for b in meta["blocks"] if b["stages"]}
    middle = {name: box[1] + box[3] / 2 for name, box in at.items()}
    for upper, lower in itertools.pairwise([*down, "bottom"]):
        assert middle[upper] < middle[lower]
    for lower, upper in itertools.pairwise(["bottom", *up]):
        assert middle[upper] < middle[lower]


@every_width
def test_an_arrow_that_stands_for_a_pooling_is_drawn_strong_when_that_is_selected(traced, narrow):
    made, _ = traced("unet")
    pool = next(i for i, stage in enumerate(made.stages) if stage.op == "max_pool")
    draw = tower if narrow else pipeline
    plain, chosen = (draw(made, selected=selected)["layout"]["shapes"] for selected in (None, pool))
    stronger = [new for old, new in zip(plain, chosen, strict=True) if old["line"]["width"] < new["line"]["width"]]
    assert len(stronger) == 1
    assert " Q " in stronger[0]["path"]


def test_the_chosen_block_is_drawn_strong_and_no_other(traced):
    made, _ = traced("unet")
    plain, chosen = pipeline(made), pipeline(made, selected=8)  # bottom.conv
    differing = [
        new["path"]
        for old, new in zip(plain["layout"]["shapes"], chosen["layout"]["shapes"], strict=True)
        if old["line"]["width"] < new["line"]["width"]
    ]
    assert differing
    (box,) = [b["box"] for b in plain["layout"]["meta"]["blocks"] if 8 in b["stages"]]
    for path in differing:
        x = [float(n) for n in re.findall(r"([-\d.]+),[-\d.]+", path)]
        assert box[0] - 0.5 <= min(x)
        assert max(x) <= box[0] + box[2] + 0.5


def test_a_failing_join_is_a_sign_in_the_colour_of_failure(traced):
    made, _ = traced("unet", H=30)
    spec = pipeline(made)
    (sign,) = [note for note in spec["layout"]["annotations"] if note["text"] == f"<b>{BROKEN}</b>"]
    assert sign["font"]["color"] == LIGHT.failed
    assert f"{made.error.in_shapes[0]} and {made.error.in_shapes[1]} do not fit" in spec["layout"]["meta"]["alt"]


class Attention(nnx.Module):
    def __init__(self, rngs):
        self.norm = nnx.LayerNorm(16, rngs=rngs)
        self.attend = nnx.MultiHeadAttention(2, 16, decode=False, rngs=rngs)
        self.up = nnx.Linear(16, 64, rngs=rngs)
        self.down = nnx.Linear(64, 16, rngs=rngs)

    def __call__(self, x):
        x = x + self.attend(self.norm(x))
        return x + self.down(nnx.gelu(self.up(x)))


class Sequence(nnx.Module):
    def __init__(self, rngs):
        self.convs = nnx.List([nnx.Conv(4 if i == 0 else 8, 8, (3,), strides=2, rngs=rngs) for i in range(3)])
        self.head = nnx.Linear(8, 2, rngs=rngs)

    def __call__(self, x):
        for conv in self.convs:
            x = nnx.relu(conv(x))
        return self.head(x.mean(axis=-2))


class Pyramid(nnx.Module):
    """Two branches of one length, and a third from the image."""

    def __init__(self, rngs):
        self.a = nnx.Conv(3, 4, (3, 3), rngs=rngs)
        self.b = nnx.Conv(3, 4, (5, 5), rngs=rngs)
        self.c = nnx.Conv(8, 4, (1, 1), rngs=rngs)

    def __call__(self, image):
        return self.c(jnp.concatenate([self.a(image), self.b(image)], -1)) * 2.0


@every_width
@pytest.mark.parametrize(
    ("module", "shape"), [(Attention, (1, 10, 16)), (Sequence, (40, 4)), (Pyramid, (1, 20, 20, 3))]
)
def test_modules_of_ones_own_are_drawn_whole(module, shape, narrow):
    made = sl.trace(module(nnx.Rngs(0)), jax.ShapeDtypeStruct(shape, np.float32))
    for selected in (None, *range(len(made.stages))):
        spec = network_picture(made, selected, narrow)
        assert overlapping_texts(spec) == []
        assert outside(spec) == []
    stages = sorted(stage for block in spec["layout"]["meta"]["blocks"] for stage in block["stages"])
    assert stages == list(range(len(made.stages)))
