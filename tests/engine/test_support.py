"""What a cell depends on: the outline of the windows, and the gradient of the running program."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from shapelab import ShapeError
from shapelab.engine.any_module import subject_of
from shapelab.engine.in_process import Engine
from shapelab.engine.spec import check
from shapelab.errors import TooLargeError
from shapelab.modules.unet import UNet

TINY = {"H": 16, "W": 8, "base_features": 2, "mode": "eval"}


@pytest.fixture(scope="module")
def engine():
    return Engine()


@pytest.mark.parametrize("dilation", [1, 2])
def test_the_heat_of_a_convolution_is_its_kernel(engine, dilation):
    spec = check("conv2d", {"H": 12, "W": 12, "stride": 2, "padding": "VALID", "dilation": dilation})
    field = engine.support(spec, 0, (2, 3))
    kernel = engine.run(spec, [0]).parameters["kernel"].sum(axis=-1)  # over the output's channels
    expected = np.zeros((12, 12))
    expected[4 : 4 + 3 * dilation : dilation, 6 : 6 + 3 * dilation : dilation] = np.abs(kernel).sum(axis=-1)
    np.testing.assert_allclose(field.heat, expected, rtol=1e-4, atol=1e-5)
    assert field.outline == field.cells == ((4, 4 + 2 * dilation), (6, 6 + 2 * dilation))
    assert (field.coupled_by, field.explanation) == (None, "")


def test_a_circular_window_at_the_edge_reads_the_other_end(engine):
    field = engine.support(check("conv1d", {"L": 9, "kernel_size": 3, "padding": "CIRCULAR"}), 0, (0,))
    assert list(np.flatnonzero(field.heat)) == [0, 1, 8]
    assert field.cells == ((0, 8),)


def test_the_heat_is_the_gradient_of_the_eager_module(engine):
    spec = check("unet", TINY)
    last = len(engine.trace(spec).stages) - 1
    field = engine.support(spec, last, (5, 2))
    module = UNet(3, 2, rngs=nnx.Rngs(0))
    x = jnp.asarray(engine.run(spec, [last]).input)
    gradient = jax.grad(lambda x: module(x, True)[5, 2].sum())(x)
    np.testing.assert_allclose(field.heat, np.abs(gradient).sum(axis=-1), rtol=1e-3, atol=1e-5)
    assert field.outline == field.cells  # no cell of the theoretical field is missed, however many are hidden at x


def test_batch_statistics_couple_the_whole_image_and_running_ones_do_not(engine):
    train, evaluate = (check("resnet", {"H": 12, "W": 12, "features": 2, "mode": mode}) for mode in ("train", "eval"))
    coupled, alone = engine.support(train, 3, (6, 6)), engine.support(evaluate, 3, (6, 6))
    assert coupled.coupled_by == 1
    assert "all of the input" in coupled.explanation
    assert coupled.cells == ((0, 11), (0, 11))
    assert coupled.outline == alone.outline == alone.cells == ((4, 8), (4, 8))
    assert alone.coupled_by is None


def test_large_inputs_come_thinned(engine):
    field = engine.support(check("conv1d", {"L": 1000}), 0, (500,))
    assert len(field.heat) <= 128
    assert field.cells == ((499, 502),)


def test_it_is_asked_once(engine):
    spec = check("conv1d", {"L": 8})
    assert engine.support(spec, 0, (3,)) is engine.support(spec, 0, [3])


@pytest.mark.parametrize(("stage", "cell"), [(0, (10,)), (0, (-1,)), (0, (1, 2, 3)), (1, (0,)), (-1, (0,))])
def test_a_place_there_is_not_is_refused(engine, stage, cell):
    with pytest.raises(ShapeError, match=r"\d"):
        engine.support(check("conv1d", {}), stage, cell)


def test_a_gradient_too_large_is_refused(engine):
    with pytest.raises(TooLargeError):
        engine.support(check("unet", {"H": 1024, "W": 1024, "base_features": 16}), 20, (0, 0))


def test_a_module_of_the_caller_s_own_tells_it_too():
    spec, engine = subject_of(nnx.Conv(3, 2, (3, 3), rngs=nnx.Rngs(0)), [jnp.ones((2, 6, 7, 3))], {}, None)
    field = engine.support(spec, 0, (0, 3))
    assert field.outline == field.cells == ((0, 1), (2, 4))
    assert field.heat.shape == (6, 7)
    with pytest.raises(ShapeError, match="outside"):
        engine.support(spec, 0, (6, 0))
