"""What a batch norm normalises with, against the module run eagerly."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from shapelab import ShapeError
from shapelab.engine.any_module import subject_of
from shapelab.engine.in_process import Engine
from shapelab.engine.spec import check
from shapelab.modules.resnet_block import BasicBlock
from shapelab.modules.unet import UNet


@pytest.fixture(scope="module")
def engine():
    return Engine()


def layers(engine, spec):
    """The batch norms of a trace: stage number and path."""
    return [(i, stage.path) for i, stage in enumerate(engine.trace(spec).stages) if stage.op == "batch_norm"]


@pytest.mark.parametrize("name", ["resnet", "unet"])
def test_they_are_those_of_the_module_run_eagerly(engine, name):
    values = {"H": 8, "W": 8, "seed": 3}
    spec = check(name, {**values, "features": 3} if name == "resnet" else {**values, "base_features": 2})
    module = BasicBlock(3, rngs=nnx.Rngs(3)) if name == "resnet" else UNet(3, 2, rngs=nnx.Rngs(3))
    norms = layers(engine, spec)
    run = engine.run(spec, [index - 1 for index, _ in norms])
    module(jnp.asarray(run.input))
    for index, path in norms:
        told = engine.statistics(spec, index)
        layer = module
        for part in path.split("."):
            layer = getattr(layer, part)
        normalised = run.stages[index - 1]
        np.testing.assert_allclose(told.batch_mean, normalised.mean((0, 1)), rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(told.batch_variance, normalised.var((0, 1)), rtol=1e-3, atol=1e-5)
        np.testing.assert_array_equal(told.running_mean_before, np.zeros_like(told.batch_mean))
        np.testing.assert_array_equal(told.running_variance_before, np.ones_like(told.batch_mean))
        np.testing.assert_allclose(told.running_mean_after, layer.mean[...], rtol=1e-3, atol=1e-6)
        np.testing.assert_allclose(told.running_variance_after, layer.var[...], rtol=1e-3, atol=1e-6)
        assert (told.momentum, told.epsilon) == (0.99, 1e-5)


def test_in_eval_mode_the_running_values_stay_and_the_batch_has_none(engine):
    spec = check("resnet", {"H": 6, "W": 6, "features": 2, "mode": "eval"})
    for index, _ in layers(engine, spec):
        told = engine.statistics(spec, index)
        assert told.batch_mean is None
        assert told.batch_variance is None
        np.testing.assert_array_equal(told.running_mean_after, told.running_mean_before)
        np.testing.assert_array_equal(told.running_variance_after, told.running_variance_before)


def test_the_first_sixteen_channels_are_told(engine):
    told = engine.statistics(check("resnet", {"H": 4, "W": 4, "features": 20}), 1)
    assert told.batch_mean.shape == told.running_variance_after.shape == (16,)


@pytest.mark.parametrize("stage", [0, 2, 99])
def test_another_stage_has_none(engine, stage):
    with pytest.raises(ShapeError, match=str(stage)):
        engine.statistics(check("resnet", {"H": 4, "W": 4, "features": 2}), stage)


def test_a_module_of_the_caller_s_own_tells_them_from_where_it_stands():
    norm = nnx.BatchNorm(2, momentum=0.5, epsilon=1e-3, rngs=nnx.Rngs(0))
    norm.mean[...] = jnp.array([1.0, 2.0])
    x = np.random.default_rng(0).standard_normal((4, 5, 2)).astype(np.float32)
    spec, engine = subject_of(norm, [jnp.asarray(x)], {"use_running_average": False}, None)
    told = engine.statistics(spec, 0)
    np.testing.assert_allclose(told.batch_mean, x.mean((0, 1)), atol=1e-5)
    np.testing.assert_allclose(told.running_mean_after, 0.5 * np.array([1, 2]) + 0.5 * x.mean((0, 1)), atol=1e-5)
    assert (told.momentum, told.epsilon) == (0.5, 1e-3)
    np.testing.assert_array_equal(norm.mean[...], [1, 2])  # nothing has moved in the caller's module
