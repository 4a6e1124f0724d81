"""``shapelab.execute``: the values of stages from one compiled call."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import shapelab as sl


class Net(nnx.Module):
    def __init__(self, rngs):
        self.conv = nnx.Conv(1, 4, (3, 3), rngs=rngs)
        self.norm = nnx.BatchNorm(4, rngs=rngs)

    def __call__(self, x, *, scale=1.0):
        h = nnx.relu(self.norm(self.conv(x)))
        return {"h": h * scale, "label": "kept", "none": None}

    def encode(self, x):
        return self.conv(x)


X = jax.random.normal(jax.random.key(0), (2, 6, 6, 1))


@pytest.fixture
def net():
    return Net(nnx.Rngs(0))


def test_every_stage_has_the_value_that_the_module_computes(net):
    done = sl.execute(net, X)
    assert set(done) == {"conv", "norm", "relu", "mul"}
    np.testing.assert_allclose(done["conv"], net.conv(X), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(done["relu"], nnx.relu(Net(nnx.Rngs(0)).norm(net.conv(X))), rtol=1e-4, atol=1e-4)


def test_the_output_is_what_the_call_returns_whatever_its_shape(net):
    output = sl.execute(net, X, scale=2.0).output
    expected = Net(nnx.Rngs(0))(X, scale=2.0)
    assert set(output) == {"h", "label", "none"}
    assert (output["label"], output["none"]) == ("kept", None)
    np.testing.assert_allclose(output["h"], expected["h"], rtol=1e-4, atol=1e-4)


def test_chosen_stages_alone(net):
    done = sl.execute(net, X, stages=["norm", 0])
    assert set(done) == {"norm", "conv"}
    assert len(done) == 2
    with pytest.raises(KeyError):
        done["relu"]


def test_another_method(net):
    assert list(sl.execute(net, X, method="encode")) == ["conv"]


def test_running_statistics_do_not_move(net):
    before = np.asarray(net.norm.mean[...])
    sl.execute(net, X)
    np.testing.assert_array_equal(net.norm.mean[...], before)


def test_what_cannot_run_says_why(net):
    with pytest.raises(ValueError, match=r"Net cannot run at these shapes.*build conv with in_features=3"):
        sl.execute(net, jnp.ones((1, 6, 6, 3)))
    with pytest.raises(TypeError, match="argument is abstract"):
        sl.execute(net, jax.ShapeDtypeStruct((1, 6, 6, 1), jnp.float32))
    with pytest.raises(TypeError, match="module is abstract"):
        sl.execute(nnx.eval_shape(lambda: Net(nnx.Rngs(0))), X)
    with pytest.raises(ValueError, match="there is no stage 'nosuch'"):
        sl.execute(net, X, stages=["nosuch"])
