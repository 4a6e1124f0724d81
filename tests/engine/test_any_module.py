"""A module of the caller's own as something to explore."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

import shapelab as sl
from shapelab.engine.any_module import subject_of


class Net(nnx.Module):
    def __init__(self, rngs):
        self.conv = nnx.Conv(3, 4, (3, 3), strides=2, rngs=rngs)
        self.head = nnx.Linear(4, 2, rngs=rngs)

    def __call__(self, x, *, flip=False):
        h = nnx.relu(self.conv(x))
        return self.head((h[:, ::-1] if flip else h).mean((1, 2)))

    def features(self, x):
        return self.conv(x)


X = jax.random.normal(jax.random.key(0), (2, 8, 10, 3))


def fields(spec):
    return {name: getattr(spec.config, name) for name in spec.config.rules()}


def test_the_fields_are_the_axes_that_can_move():
    spec, _ = subject_of(Net(nnx.Rngs(0)), [X], {}, None)
    assert fields(spec) == {"N": 2, "H": 8, "W": 10}
    assert spec.input_shape == (2, 8, 10, 3)


def test_an_axis_without_a_name_moves_where_the_module_lets_it():
    spec, engine = subject_of(lambda x: jnp.tanh(x) @ jnp.ones((3, 5)), [np.ones((4, 3), np.float32)], {}, None)
    assert fields(spec) == {"axis_0": 4}
    assert engine.trace(spec.changed({"axis_0": 7})).outputs[0].shape == (7, 5)


def test_the_trace_follows_the_fields():
    spec, engine = subject_of(Net(nnx.Rngs(0)), [X], {"flip": True}, None)
    made = engine.trace(spec.changed({"H": 15}))
    assert made.stages[0].out_shape == (2, 8, 5, 4)
    assert "getitem" in [stage.op for stage in made.stages]


def test_values_are_the_module_s_own():
    net = Net(nnx.Rngs(0))
    spec, engine = subject_of(net, [X], {}, None)
    values = engine.run(spec)
    np.testing.assert_allclose(values.stages[0], net.conv(X), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(values.stages[max(values.stages)], net(X), rtol=1e-4, atol=1e-4)
    assert engine.run(spec.changed({"W": 6})).stages[0].shape == (2, 4, 3, 4)


def test_a_module_of_shapes_has_none():
    spec, engine = subject_of(nnx.eval_shape(lambda: Net(nnx.Rngs(0))), [X], {}, None)
    assert engine.run(spec) is None
    assert engine.trace(spec).outputs[0].shape == (2, 2)


def test_methods_linen_modules_and_functions_are_subjects_too():
    for subject, method, shape in [
        (Net(nnx.Rngs(0)), "features", (2, 4, 5, 4)),
        (linen.Conv(5, (3, 3)), None, (2, 8, 10, 5)),
        (lambda x: nnx.avg_pool(x, (2, 2), strides=(2, 2)), None, (2, 4, 5, 3)),
    ]:
        spec, engine = subject_of(subject, [X], {}, method)
        assert engine.trace(spec).outputs[0].shape == shape


def test_the_nearest_sizes_are_found_for_any_module():
    from shapelab.modules.unet import UNet

    net = nnx.eval_shape(lambda: UNet(3, 2, rngs=nnx.Rngs(0)))
    spec, engine = subject_of(net, [jax.ShapeDtypeStruct((30, 30, 3), jnp.float32)], {}, None)
    assert engine.ways_out(spec) == ({"H": 28, "W": 28}, {"H": 28, "W": 32})


def test_a_call_without_an_array_is_refused():
    with pytest.raises(sl.ShapeError, match="explore\\(module, x\\)"):
        subject_of(lambda: jnp.ones(3), [], {}, None)


def test_two_subjects_are_two_names():
    one, _ = subject_of(jnp.tanh, [X], {}, None)
    other, _ = subject_of(jnp.exp, [X], {}, None)
    assert one.lesson_name != other.lesson_name
