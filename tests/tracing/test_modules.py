"""The five modules, stage by stage, against numbers derived by hand from their definitions."""

import inspect
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from shapelab import Padding, Window, trace
from shapelab.modules import conv1d, conv2d, conv2d_linen, resnet_block, unet


def image(*shape, dtype=jnp.float32):
    return jax.ShapeDtypeStruct(shape, dtype)


def trace_conv1d(length, channels, kernel, features):
    module = nnx.eval_shape(lambda: conv1d.MyConv1D(channels, features, kernel, rngs=nnx.Rngs(0)))
    return trace(module, image(length, channels))


def trace_conv2d(library, height, width, channels, kernel_h, kernel_w, stride, features):
    x = image(height, width, channels)
    if library == "linen":
        module = conv2d_linen.MyConv2D(features, kernel_h, kernel_w, stride)
        return trace(module.bind(jax.eval_shape(module.init, jax.random.key(0), x)), x)
    module = nnx.eval_shape(lambda: conv2d.MyConv2D(channels, features, kernel_h, kernel_w, stride, rngs=nnx.Rngs(0)))
    return trace(module, x)


def trace_resnet(*shape):
    return trace(nnx.eval_shape(lambda: resnet_block.BasicBlock(shape[-1], rngs=nnx.Rngs(0))), image(*shape))


def trace_unet(*shape, base):
    return trace(nnx.eval_shape(lambda: unet.UNet(shape[-1], base, rngs=nnx.Rngs(0))), image(*shape))


def rows(made):
    return [(stage.path, stage.op, stage.in_shapes, stage.out_shape) for stage in made.stages]


def edges(made):
    return {(edge.source, edge.target, edge.shape) for edge in made.edges}


def text_at(source):
    return Path(source.file).read_text(encoding="utf-8").splitlines()[source.line - 1]


# (length, channels, kernel, features), (lo, hi)
ONE = [
    ((10, 3, 4, 4), (1, 2)),
    ((10, 3, 3, 5), (1, 1)),
    ((5, 2, 9, 3), (4, 4)),
    ((1, 1, 1, 1), (0, 0)),
    ((64, 16, 16, 16), (7, 8)),
]


@pytest.mark.parametrize(("sizes", "padding"), ONE)
def test_conv1d(sizes, padding):
    length, channels, kernel, features = sizes
    made = trace_conv1d(*sizes)
    assert made.error is None
    assert made.name == "MyConv1D"
    assert rows(made) == [
        ("", "expand_dims", ((length, channels),), (1, length, channels)),
        ("", "conv", ((1, length, channels),), (1, length, features)),
        ("", "squeeze", ((1, length, features),), (length, features)),
        ("", "add", ((length, features),), (length, features)),
    ]
    window = Window(kernel, padding=Padding(*padding))
    assert [stage.windows for stage in made.stages] == [None, (window,), None, None]
    assert [stage.params for stage in made.stages] == [0, kernel * channels * features, 0, features]
    assert made.params == kernel * channels * features + features
    assert [stage.macs for stage in made.stages] == [0, length * kernel * channels * features, 0, 0]
    assert made.macs == made.stages[1].macs
    assert edges(made) == {
        (-1, 0, (length, channels)),
        (0, 1, (1, length, channels)),
        (1, 2, (1, length, features)),
        (2, 3, (length, features)),
    }
    assert made.outputs_from == (3,)
    assert made.outputs[0].shape == (length, features)
    assert [(f.size, f.stride, f.start) for f in made.stages[-1].receptive_field] == [(kernel, 1, -padding[0])]
    assert not any(stage.couples_all for stage in made.stages)
    assert [stage.layout for stage in made.stages] == [
        ("N", "L", "C"),
        ("N", "L", "C"),
        ("L", "C"),
        ("L", "C"),
    ]
    assert made.inputs[0].layout == ("L", "C")
    assert made.inputs[0].name == "x"


# (height, width, channels, kernel_h, kernel_w, stride, features), (H, W of the output), padding of H, of W
TWO = [
    ((7, 7, 3, 3, 3, 2, 4), (4, 4), (1, 1), (1, 1)),
    ((7, 8, 3, 3, 3, 2, 4), (4, 4), (1, 1), (0, 1)),
    ((7, 8, 1, 4, 3, 2, 2), (4, 4), (1, 2), (0, 1)),
    ((12, 12, 2, 2, 2, 4, 3), (3, 3), (0, 0), (0, 0)),
    ((1, 1, 1, 11, 1, 8, 1), (1, 1), (5, 5), (0, 0)),
    ((64, 5, 16, 1, 10, 1, 16), (64, 5), (0, 0), (4, 5)),
]


@pytest.mark.parametrize("library", ["nnx", "linen"])
@pytest.mark.parametrize(("sizes", "out", "rows_padded", "columns_padded"), TWO)
def test_conv2d(library, sizes, out, rows_padded, columns_padded):
    height, width, channels, kernel_h, kernel_w, stride, features = sizes
    made = trace_conv2d(library, *sizes)
    assert made.error is None
    assert made.name == "MyConv2D"
    assert rows(made) == [
        ("", "expand_dims", ((height, width, channels),), (1, height, width, channels)),
        ("", "conv", ((1, height, width, channels),), (1, *out, features)),
        ("", "squeeze", ((1, *out, features),), (*out, features)),
        ("", "add", ((*out, features),), (*out, features)),
    ]
    convolution = made.stages[1]
    assert convolution.windows == (
        Window(kernel_h, stride, padding=Padding(*rows_padded)),
        Window(kernel_w, stride, padding=Padding(*columns_padded)),
    )
    kernel = kernel_h * kernel_w * channels * features
    assert [(p.path, p.shape, p.layout) for p in convolution.parameters] == [
        ("kernel", (kernel_h, kernel_w, channels, features), ("H", "W", "I", "O"))
    ]
    assert (convolution.params, made.stages[3].params, made.params) == (kernel, features, kernel + features)
    assert made.macs == convolution.macs == out[0] * out[1] * kernel
    assert convolution.flops == 2 * convolution.macs
    assert convolution.bytes == 4 * out[0] * out[1] * features
    assert [(f.size, f.stride, f.start) for f in made.stages[3].receptive_field] == [
        (kernel_h, stride, -rows_padded[0]),
        (kernel_w, stride, -columns_padded[0]),
    ]
    assert made.outputs[0].layout == made.inputs[0].layout == ("H", "W", "C")
    assert made.skips() == ()


@pytest.mark.parametrize("shape", [(16, 16, 8), (1, 1, 1), (5, 9, 3), (2, 6, 7, 4)])
def test_resnet_block(shape):
    channels, cells = shape[-1], 1
    for size in shape[:-1]:
        cells *= size
    made = trace_resnet(*shape)
    assert made.error is None
    assert [(stage.path, stage.op) for stage in made.stages] == [
        ("conv1", "conv"),
        ("bn1", "batch_norm"),
        ("", "relu"),
        ("conv2", "conv"),
        ("bn2", "batch_norm"),
        ("", "add"),
        ("", "relu"),
    ]
    assert [stage.in_shapes for stage in made.stages] == [(shape,)] * 5 + [(shape, shape), (shape,)]
    assert {stage.out_shape for stage in made.stages} == {shape}
    one = Window(3, padding=Padding(1, 1))
    assert [stage.windows for stage in made.stages] == [(one, one), None, None, (one, one), None, None, None]
    kernel = 9 * channels * channels
    assert [stage.params for stage in made.stages] == [
        kernel + channels,
        2 * channels,
        0,
        kernel + channels,
        2 * channels,
        0,
        0,
    ]
    assert made.params == 2 * kernel + 6 * channels
    assert [stage.macs for stage in made.stages] == [cells * kernel, 0, 0, cells * kernel, 0, 0, 0]
    assert made.macs == 2 * cells * kernel
    chain = {(i - 1, i, shape) for i in range(7)}
    assert edges(made) == {*chain, (-1, 5, shape)}
    assert [(skip.source, skip.target) for skip in made.skips()] == [(-1, 5)]
    assert [stage.receptive_field[0].size for stage in made.stages] == [3, 3, 3, 5, 5, 5, 5]
    assert made.stages[-1].receptive_field[1].interval(0) == (-2, 2)
    assert [stage.couples_all for stage in made.stages] == [False, *[True] * 6]
    not_trained = {p.path for p in made.parameters if not p.trainable}
    assert not_trained == {"bn1.mean", "bn1.var", "bn2.mean", "bn2.var"}


def unet_by_hand(batch, height, width, channels, f1):
    """(path, op, in shapes, out shape, params, macs) of each of the 21 stages."""
    f2, f3 = 2 * f1, 4 * f1
    stages = []

    def at(level, features):
        return (*batch, height // level, width // level, features)

    cells = {level: (height // level) * (width // level) * (batch[0] if batch else 1) for level in (1, 2, 4)}

    def block(path, level, before, after):
        stages.append(
            (
                f"{path}.conv",
                "conv",
                (at(level, before),),
                at(level, after),
                9 * before * after + after,
                cells[level] * 9 * before * after,
            )
        )
        stages.append((f"{path}.bn", "batch_norm", (at(level, after),), at(level, after), 2 * after, 0))
        stages.append((path, "relu", (at(level, after),), at(level, after), 0, 0))

    def up(path, level, before, after):
        stages.append(
            (
                path,
                "conv_transpose",
                (at(level, before),),
                at(level // 2, after),
                4 * before * after + after,
                cells[level] * 4 * before * after,
            )
        )
        joined = at(level // 2, after)
        stages.append(("", "concatenate", (joined, joined), at(level // 2, 2 * after), 0, 0))

    block("enc1", 1, channels, f1)
    stages.append(("", "max_pool", (at(1, f1),), at(2, f1), 0, 0))
    block("enc2", 2, f1, f2)
    stages.append(("", "max_pool", (at(2, f2),), at(4, f2), 0, 0))
    block("bottom", 4, f2, f3)
    up("up2", 4, f3, f2)
    block("dec2", 2, 2 * f2, f2)
    up("up1", 2, f2, f1)
    block("dec1", 1, 2 * f1, f1)
    return stages


@pytest.mark.parametrize(
    ("batch", "height", "width", "channels", "base"),
    [((), 64, 48, 3, 8), ((), 4, 4, 1, 1), ((), 8, 20, 2, 5), ((3,), 12, 8, 16, 2), ((), 128, 128, 1, 32)],
)
def test_unet(batch, height, width, channels, base):
    made = trace_unet(*batch, height, width, channels, base=base)
    expected = unet_by_hand(batch, height, width, channels, base)
    assert made.error is None
    assert len(made.stages) == len(expected) == 21
    for stage, row in zip(made.stages, expected, strict=True):
        assert (stage.path, stage.op, stage.in_shapes, stage.out_shape, stage.params, stage.macs) == row
    assert made.params == sum(row[4] for row in expected)
    assert made.macs == sum(row[5] for row in expected)
    windows = {
        "conv": Window(3, padding=Padding(1, 1)),
        "max_pool": Window(2, stride=2),
        "conv_transpose": Window(2, base_dilation=2, padding=Padding(1, 1)),
    }
    for stage in made.stages:
        one = windows.get(stage.op)
        assert stage.windows == (None if one is None else (one, one))
    chain = {(i - 1, i) for i in range(21)}
    assert {(edge.source, edge.target) for edge in made.edges} == {*chain, (6, 12), (2, 17)}
    assert [(skip.source, skip.target, skip.shape) for skip in made.skips()] == [
        (6, 12, expected[6][3]),
        (2, 17, expected[2][3]),
    ]
    assert made.outputs[0].shape == (*batch, height, width, base)
    assert made.outputs_from == (20,)
    # 3x3, pooled, 3x3, pooled, 3x3
    assert [made.stages[i].receptive_field[0].size for i in (0, 3, 4, 7, 8)] == [3, 4, 8, 10, 18]
    assert [made.stages[i].receptive_field[1].stride for i in (0, 3, 4, 7, 8, 20)] == [1, 2, 2, 4, 4, 1]
    assert {stage.layout for stage in made.stages} == {("H", "W", "C") if not batch else ("N", "H", "W", "C")}


def test_unet_of_the_first_page():
    made = trace_unet(64, 48, 3, base=8)
    assert (len(made.stages), made.params, made.macs) == (21, 14_560, 10_297_344)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: trace_conv1d(10, 3, 4, 4), {1: "conv_general_dilated", 3: "self.bias"}),
        (lambda: trace_conv2d("linen", 7, 7, 3, 3, 3, 2, 4), {1: "conv_general_dilated", 2: "squeeze"}),
        (lambda: trace_resnet(8, 8, 2), {0: "self.conv1", 4: "self.bn2", 5: "x + y", 6: "relu"}),
        (
            lambda: trace_unet(8, 8, 1, base=1),
            {0: "self.conv", 3: "reduce_window", 12: "concatenate", 16: "self.up1"},
        ),
    ],
)
def test_each_stage_knows_its_line_in_the_modules_file(make, words):
    made = make()
    for stage, word in words.items():
        source = made.stages[stage].source
        assert Path(source.file).parent == Path(inspect.getfile(unet)).parent
        assert word in text_at(source)


sizes = st.integers(1, 24)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    which=st.sampled_from(["conv1d", "nnx", "linen", "resnet", "unet"]),
    height=sizes,
    width=sizes,
    channels=st.integers(1, 4),
    kernel=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    stride=st.integers(1, 5),
    features=st.integers(1, 4),
)
def test_every_edge_joins_equal_shapes_and_totals_are_sums(which, height, width, channels, kernel, stride, features):
    made = {
        "conv1d": lambda: trace_conv1d(height, channels, kernel[0], features),
        "resnet": lambda: trace_resnet(height, width, channels),
        "unet": lambda: trace_unet(4 * height, 4 * width, channels, base=features),
    }.get(which, lambda: trace_conv2d(which, height, width, channels, *kernel, stride, features))()
    assert made.error is None
    for edge in made.edges:
        given_shape = made.inputs[-1 - edge.source].shape if edge.source < 0 else made.stages[edge.source].out_shape
        assert edge.shape == given_shape
        assert edge.shape in made.stages[edge.target].in_shapes
        assert edge.source < edge.target
    for number, stage in enumerate(made.stages):
        reads = [edge.shape for edge in made.edges if edge.target == number]
        assert sorted(reads) == sorted(stage.in_shapes)
    for number, output in zip(made.outputs_from, made.outputs, strict=True):
        assert made.stages[number].out_shape == output.shape
    assert made.macs == sum(stage.macs for stage in made.stages)
    assert made.flops == sum(stage.flops for stage in made.stages)
    assert made.params == sum(stage.params for stage in made.stages)  # none of the five shares a parameter
    for stage in made.stages:
        if stage.windows and stage.op != "conv_transpose":
            places = [axis for axis, name in enumerate(stage.layout) if name in "LHW"]
            before = [stage.in_shapes[0][axis] for axis in places]
            after = [stage.out_shape[axis] for axis in places]
            assert [w.output_size(n) for w, n in zip(stage.windows, before, strict=True)] == after
