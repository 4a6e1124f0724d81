"""The values of a traced program, against the module itself called as flax calls it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from shapelab.modules import conv1d, conv2d, conv2d_linen, resnet_block, unet
from shapelab.tracing.execute import activations
from shapelab.tracing.tracer import program

CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def numbers(shape):
    return np.random.default_rng(3).normal(size=shape).astype(np.float32)


def direct(module, x, read=lambda module, x: module(x)):
    """What flax itself computes, compiled in a hurry."""
    graphdef, state = nnx.split(module)
    run = jax.jit(
        lambda state, x: read(nnx.merge(graphdef, state), x),
        compiler_options={"xla_backend_optimization_level": 0},
    )
    return jax.tree.map(np.asarray, run(state, x))


def values_of(module, x):
    traced = program(module, x)
    return traced.trace, activations(traced, traced.state, traced.arguments)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: conv1d.MyConv1D(2, 3, 4, rngs=nnx.Rngs(0)), (9, 2)),
        (lambda: conv2d.MyConv2D(2, 3, 4, 3, 2, rngs=nnx.Rngs(0)), (7, 8, 2)),
        (lambda: resnet_block.BasicBlock(2, rngs=nnx.Rngs(0)), (4, 5, 2)),
        (lambda: unet.UNet(2, 2, rngs=nnx.Rngs(0)), (8, 12, 2)),
    ],
)
def test_the_last_stage_is_what_the_module_returns(filled, make, shape):
    module, x = filled(make), jnp.asarray(numbers(shape))
    made, values = values_of(module, x)
    assert sorted(values) == list(range(len(made.stages)))
    for number, array in values.items():
        assert array.shape == made.stages[number].out_shape
        assert str(array.dtype) == made.stages[number].dtype
    np.testing.assert_allclose(values[len(made.stages) - 1], direct(module, x), **CLOSE)


def test_linen_too():
    module = conv2d_linen.MyConv2D(3, 4, 3, 2)
    x = jnp.asarray(numbers((7, 8, 2)))
    variables = {"params": {"kernel": jnp.asarray(numbers((4, 3, 2, 3))), "bias": jnp.asarray(numbers((3,)))}}
    made, values = values_of(module.bind(variables), x)
    np.testing.assert_allclose(values[len(made.stages) - 1], module.apply(variables, x), **CLOSE)


def test_every_stage_between_is_what_its_submodule_returns(filled):
    module, x = filled(lambda: unet.UNet(2, 2, rngs=nnx.Rngs(0))), jnp.asarray(numbers((8, 12, 2)))
    made, values = values_of(module, x)

    def read(net, x):
        said = {"enc1.conv": net.enc1.conv(x)}
        skip1 = said["enc1"] = net.enc1(x)
        pooled = said["pool1"] = unet.max_pool_2x2(skip1)
        skip2 = said["enc2"] = net.enc2(pooled)
        said["bottom"] = net.bottom(unet.max_pool_2x2(skip2))
        said["up2"] = net.up2(said["bottom"])
        said["join2"] = jnp.concatenate([said["up2"], skip2], axis=-1)
        said["dec2"] = net.dec2(said["join2"])
        said["up1"] = net.up1(said["dec2"])
        return said

    said = direct(module, x, read)
    stage_of = {(stage.path, stage.op): i for i, stage in reversed(list(enumerate(made.stages)))}
    asked = {
        "enc1.conv": ("enc1.conv", "conv"),
        "enc1": ("enc1", "relu"),
        "pool1": ("", "max_pool"),
        "enc2": ("enc2", "relu"),
        "bottom": ("bottom", "relu"),
        "up2": ("up2", "conv_transpose"),
        "join2": ("", "concatenate"),
        "dec2": ("dec2", "relu"),
        "up1": ("up1", "conv_transpose"),
    }
    for name, key in asked.items():
        np.testing.assert_allclose(values[stage_of[key]], said[name], err_msg=name, **CLOSE)


def test_only_the_stages_asked_for_are_computed(filled):
    module, x = filled(lambda: conv1d.MyConv1D(2, 3, 4, rngs=nnx.Rngs(0))), jnp.asarray(numbers((9, 2)))
    traced = program(module, x)
    assert list(activations(traced, traced.state, traced.arguments, stages=[1])) == [1]


def test_running_statistics_stay_as_they_were(filled):
    module, x = filled(lambda: resnet_block.BasicBlock(2, rngs=nnx.Rngs(0))), jnp.asarray(numbers((4, 5, 2)))
    mean = np.asarray(module.bn1.mean[...]).copy()
    values_of(module, x)
    np.testing.assert_array_equal(np.asarray(module.bn1.mean[...]), mean)
