"""A forward that raises: the stages before it, and the arithmetic of what went wrong."""

from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from shapelab import trace
from shapelab.modules import unet


def trace_unet(height, width, base=8, channels=3):
    module = nnx.eval_shape(lambda: unet.UNet(channels, base, rngs=nnx.Rngs(0)))
    return trace(module, jax.ShapeDtypeStruct((height, width, channels), jnp.float32))


# size -> the two shapes at the join, the axis, the pooling that dropped cells of it, cells before and after
FAILS = [
    ((30, 48), ((14, 24, 16), (15, 24, 16)), 0, 7, (15, 7)),
    ((29, 48), ((28, 48, 8), (29, 48, 8)), 0, 3, (29, 14)),
    ((31, 48), ((14, 24, 16), (15, 24, 16)), 0, 7, (15, 7)),
    ((33, 48), ((32, 48, 8), (33, 48, 8)), 0, 3, (33, 16)),
    ((64, 46), ((32, 22, 16), (32, 23, 16)), 1, 7, (23, 11)),
    ((64, 45), ((64, 44, 8), (64, 45, 8)), 1, 3, (45, 22)),
    ((6, 4), ((2, 2, 16), (3, 2, 16)), 0, 7, (3, 1)),
    ((5, 4), ((4, 4, 8), (5, 4, 8)), 0, 3, (5, 2)),
]


@pytest.mark.parametrize(("size", "shapes", "axis", "pooling", "cells"), FAILS)
def test_the_pooling_that_dropped_the_row_is_found(size, shapes, axis, pooling, cells):
    made = trace_unet(*size)
    error = made.error
    assert error is not None
    assert made.outputs == ()
    assert "concatenate" in error.op
    assert error.in_shapes == shapes
    assert error.axis == axis
    assert error.dropped_by == pooling
    assert made.stages[pooling].op == "max_pool"
    numbers = f"{cells[0]} to {cells[1]} along {'HW'[axis]}"
    assert numbers in error.explanation
    assert f"index {cells[0] - 1} " in error.explanation
    for shape in shapes:
        assert str(shape) in error.message
    made_by = [made.stages[operand].out_shape for operand in error.operands]
    assert tuple(made_by) == shapes
    assert [made.stages[operand].path for operand in error.operands] == (
        ["up2", "enc2"] if pooling == 7 else ["up1", "enc1"]
    )


@pytest.mark.parametrize(("height", "completed"), [(30, 12), (29, 17), (31, 12)])
def test_the_stages_before_the_failure_are_all_there(height, completed):
    made, whole = trace_unet(height, 48), trace_unet(32, 48)
    assert whole.error is None
    assert len(made.stages) == completed
    assert [(s.path, s.op) for s in made.stages] == [(s.path, s.op) for s in whole.stages[:completed]]
    assert made.params == whole.params  # of the whole module, run or not
    assert made.macs == sum(stage.macs for stage in made.stages) > 0


def test_the_line_that_failed_is_the_modules_own():
    source = trace_unet(30, 48).error.source
    assert source.file == unet.__file__
    line = Path(source.file).read_text(encoding="utf-8").splitlines()[source.line - 1]
    assert "concatenate" in line
    assert "skip2" in line
    source = trace_unet(29, 48).error.source
    line = Path(source.file).read_text(encoding="utf-8").splitlines()[source.line - 1]
    assert "skip1" in line


@pytest.mark.parametrize(("height", "width"), [(1, 8), (2, 8), (3, 8), (8, 1), (2, 2)])
def test_an_image_too_small_to_halve_twice_is_a_failure_and_no_crash(height, width):
    made = trace_unet(height, width, base=1, channels=1)
    assert made.error is not None
    assert made.error.message
    assert made.outputs == ()
    assert [stage.op for stage in made.stages[:4]] == ["conv", "batch_norm", "relu", "max_pool"]


def test_wrong_channels_name_the_layer():
    module = nnx.eval_shape(lambda: unet.UNet(3, 2, rngs=nnx.Rngs(0)))
    made = trace(module, jax.ShapeDtypeStruct((8, 8, 5), jnp.float32))
    assert made.stages == ()
    assert made.error.path == "enc1.conv"
    assert made.error.dropped_by is None
    assert "5 channels" in made.error.explanation
    assert "takes 3" in made.error.explanation
    assert made.error.remedy == "build enc1.conv with in_features=5"


class AddsTooFew(nnx.Module):
    def __init__(self, rngs):
        self.conv = nnx.Conv(3, 3, (3, 3), strides=(2, 1), padding="VALID", rngs=rngs)

    def __call__(self, x):
        return x[:, :3, :6] + self.conv(x)


def test_an_addition_that_does_not_fit_says_so_with_both_shapes():
    module = nnx.eval_shape(lambda: AddsTooFew(nnx.Rngs(0)))
    made = trace(module, jax.ShapeDtypeStruct((2, 10, 8, 3), jnp.float32))
    assert made.error.in_shapes == ((2, 3, 6, 3), (2, 4, 6, 3))
    assert made.error.axis == 1
    assert [stage.op for stage in made.stages] == ["slice", "conv"]
    assert "add" in made.error.op  # not a name of JAX's own insides


def test_the_cells_an_addition_misses_are_traced_to_the_convolution_that_left_them():
    class Pooled(nnx.Module):
        def __init__(self, rngs):
            self.conv = nnx.Conv(3, 3, (3, 3), rngs=rngs)
            self.up = nnx.ConvTranspose(3, 3, (2, 2), strides=(2, 2), padding="VALID", rngs=rngs)

        def __call__(self, x):
            x = self.conv(x)
            return jnp.add(x, self.up(nnx.avg_pool(x, (2, 2), strides=(2, 2))))

    module = nnx.eval_shape(lambda: Pooled(nnx.Rngs(0)))
    made = trace(module, jax.ShapeDtypeStruct((2, 8, 9, 3), jnp.float32))
    assert sorted(made.error.in_shapes) == [(2, 8, 8, 3), (2, 8, 9, 3)]
    assert made.error.axis == 2
    assert made.stages[made.error.dropped_by].op == "avg_pool"
    assert "9 to 4 along W" in made.error.explanation


@pytest.mark.parametrize("error", [ValueError, KeyError, ZeroDivisionError, AssertionError])
def test_any_exception_of_the_forward_is_an_answer(error):
    def forward(x):
        y = jnp.sin(x)
        if y.shape == (3,):
            raise error("said so")
        return y

    made = trace(forward, jnp.zeros(3))
    assert [stage.op for stage in made.stages] == ["sin"]
    assert error.__name__ in made.error.message
    assert "said so" in made.error.message
    assert made.error.source.file == __file__


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interruption_is_no_answer(error):
    def forward(x):
        raise error

    with pytest.raises(error):
        trace(forward, jnp.zeros(3))
