"""What a failure says: the cause with its numbers, and a change that works - the tests make the change."""

import re

import jax
import jax.numpy as jnp
import pytest
from flax import nnx
from jax import lax

from shapelab import trace
from shapelab.modules.unet import UNet


def image(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def raw(lhs, rhs):
    return lax.conv_general_dilated(lhs, rhs, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


@pytest.mark.parametrize(("height", "works"), [(30, (28, 32)), (33, (32, 36)), (5, (4, 8))])
def test_a_skip_that_lost_a_row_names_sizes_that_work(height, works):
    net = nnx.eval_shape(lambda: UNet(3, 4, rngs=nnx.Rngs(0)))
    error = trace(net, image(height, 16, 3)).error
    assert "along H" in error.explanation
    assert error.remedy == f"x with H = {works[0]} or {works[1]} gets past it"
    for size in works:
        assert trace(net, image(size, 16, 3)).error is None


def test_the_sizes_named_go_by_the_axis_that_failed_alone():
    net = nnx.eval_shape(lambda: UNet(3, 4, rngs=nnx.Rngs(0)))
    error = trace(net, image(32, 18, 3)).error
    assert re.search(r"W = 16 or 20", error.remedy)


def test_a_missing_batch_axis():
    error = trace(raw, image(7, 7, 3), image(3, 3, 3, 4)).error
    assert (
        "the input (7, 7, 3) has 3 axes and the kernel (3, 3, 3, 4) 4: the batch axis is missing" in error.explanation
    )
    assert error.remedy == "add one: x[None] has the shape (1, 7, 7, 3)"
    assert trace(raw, image(1, 7, 7, 3), image(3, 3, 3, 4)).error is None


def test_a_kernel_in_oihw():
    error = trace(raw, image(1, 7, 7, 8), image(16, 8, 3, 3)).error
    assert "as OIHW it would fit" in error.explanation
    assert error.remedy == "kernel.transpose(2, 3, 1, 0) has the shape (3, 3, 8, 16), HWIO"
    assert trace(lambda x, k: raw(x, k.transpose(2, 3, 1, 0)), image(1, 7, 7, 8), image(16, 8, 3, 3)).error is None


def test_an_image_with_its_channels_first():
    error = trace(raw, image(1, 3, 32, 40), image(5, 5, 3, 4)).error
    assert "as NCHW it would fit" in error.explanation
    assert error.remedy == "x.transpose(0, 2, 3, 1) has the shape (1, 32, 40, 3), NHWC"
    assert trace(lambda x, k: raw(x.transpose(0, 2, 3, 1), k), image(1, 3, 32, 40), image(5, 5, 3, 4)).error is None


class Joins(nnx.Module):
    """Its second layer was built for one of the two tensors that are joined."""

    def __init__(self, layer, rngs):
        self.first = nnx.Conv(3, 8, (3, 3), rngs=rngs)
        self.second = layer(8, 4, rngs)

    def __call__(self, x):
        h = self.first(x)
        return self.second(jnp.concatenate([h, nnx.relu(h)], axis=-1))


@pytest.mark.parametrize(
    "layer",
    [lambda i, o, rngs: nnx.Conv(i, o, (3, 3), rngs=rngs), lambda i, o, rngs: nnx.Linear(i, o, rngs=rngs)],
    ids=["conv", "linear"],
)
def test_channels_that_a_concatenation_doubled(layer):
    error = trace(Joins(layer, nnx.Rngs(0)), image(1, 9, 9, 3)).error
    assert "has 16 channels" in error.explanation
    assert "takes 8" in error.explanation
    assert "concatenate joined 8 + 8" in error.explanation
    assert error.remedy == "build second with in_features=16"
    mended = Joins(lambda i, o, rngs: layer(2 * i, o, rngs), nnx.Rngs(0))
    assert trace(mended, image(1, 9, 9, 3)).error is None


def test_a_layer_of_other_features():
    made = trace(nnx.Linear(5, 4, rngs=nnx.Rngs(0)), image(2, 3))
    assert made.error.op == "linear"
    assert made.error.remedy.endswith("in_features=3")


def test_a_failure_of_another_kind_gives_no_advice():
    def fails(x):
        raise RuntimeError(f"no {x.shape}")

    error = trace(fails, image(2, 3)).error
    assert error.message == "RuntimeError: no (2, 3)"
    assert (error.explanation, error.remedy) == ("", "")


def test_what_a_broken_call_had_begun_is_no_stage():
    def fails(x):
        return jnp.tanh(x) @ jnp.ones((7, 2))

    made = trace(fails, image(2, 3))
    assert [stage.op for stage in made.stages] == ["tanh"]
