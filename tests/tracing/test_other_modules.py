"""Modules and functions that no lesson knows: the tracer reads whatever is called."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx
from jax import lax

from shapelab import Padding, Window, trace
from shapelab.geometry import padding as rules

X = jax.ShapeDtypeStruct((2, 8, 6, 3), jnp.float32)


def abstract(make):
    return nnx.eval_shape(lambda: make(nnx.Rngs(0)))


def paths(made):
    return [(stage.path, stage.op) for stage in made.stages]


class Twice(nnx.Module):
    def __init__(self, rngs):
        self.conv = nnx.Conv(3, 3, (3, 3), rngs=rngs)

    def __call__(self, x):
        return self.conv(self.conv(x))


class Shared(nnx.Module):
    def __init__(self, rngs):
        self.a = nnx.Conv(3, 3, (3, 3), rngs=rngs)
        self.b = self.a

    def __call__(self, x):
        return self.a(x) + self.b(x)


class Listed(nnx.Module):
    def __init__(self, rngs):
        self.blocks = nnx.List([nnx.Conv(3, 3, (3, 3), rngs=rngs) for _ in range(2)])

    def __call__(self, x, *, flag=False, mode="plain", extra=None):
        for block in self.blocks:
            x = block(x)
        assert isinstance(flag, bool)
        assert isinstance(mode, str)
        assert extra is None
        return nnx.relu(x) if flag else x


class Pools(nnx.Module):
    def __init__(self, rngs):
        self.conv = nnx.Conv(3, 2, (1, 1), rngs=rngs)

    def __call__(self, x):
        x = self.conv(x)
        x = nnx.avg_pool(x, (2, 2), strides=(2, 2))
        return nnx.max_pool(x, (3, 2), strides=(2, 1), padding="SAME")


def test_a_module_called_twice_is_two_stages_and_its_parameters_count_once():
    made = trace(abstract(Twice), X)
    assert paths(made) == [("conv", "conv")] * 2
    assert made.params == 3 * 3 * 3 * 3 + 3
    assert made.macs == 2 * (2 * 8 * 6 * 81)
    assert [stage.receptive_field[0].size for stage in made.stages] == [3, 5]
    assert {(edge.source, edge.target) for edge in made.edges} == {(-1, 0), (0, 1)}


def test_a_module_under_two_names_is_one_module():
    made = trace(abstract(Shared), X)
    assert [op for _, op in paths(made)] == ["conv", "conv", "add"]
    assert made.params == 84
    assert {(edge.source, edge.target) for edge in made.edges} == {(-1, 0), (-1, 1), (0, 2), (1, 2)}


def test_modules_in_a_list_are_told_apart_by_number():
    made = trace(abstract(Listed), X)
    assert paths(made) == [("blocks.0", "conv"), ("blocks.1", "conv")]
    assert made.params == 2 * 84


def test_arguments_that_are_no_arrays_are_passed_on_as_they_are():
    made = trace(abstract(Listed), X, flag=True, mode="other", extra=None)
    assert paths(made)[-1] == ("", "relu")
    assert len(made.inputs) == 1


def test_arrays_by_keyword():
    made = trace(
        lambda a, scale: jnp.tanh(a) @ scale,
        jax.ShapeDtypeStruct((4, 5), jnp.float32),
        scale=jax.ShapeDtypeStruct((5, 6), jnp.float32),
    )
    assert [(given.name, given.shape) for given in made.inputs] == [("a", (4, 5)), ("scale", (5, 6))]
    assert [op for _, op in paths(made)] == ["tanh", "matmul"]
    assert (-2, 1) in {(edge.source, edge.target) for edge in made.edges}
    assert made.macs == 4 * 6 * 5
    assert made.outputs[0].shape == (4, 6)


def test_numpy_arrays_are_arrays():
    made = trace(lambda a: a + 1, np.zeros((3, 2), np.float32))
    assert made.outputs[0].shape == (3, 2)


def test_half_precision_is_two_bytes_an_element():
    layer = nnx.eval_shape(
        lambda: nnx.Conv(3, 4, (3, 3), dtype=jnp.bfloat16, param_dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
    )
    made = trace(layer, jax.ShapeDtypeStruct((8, 6, 3), jnp.bfloat16))
    assert [(stage.dtype, stage.bytes) for stage in made.stages] == [("bfloat16", 2 * 8 * 6 * 4)]
    assert {p.dtype for p in made.parameters} == {"bfloat16"}
    assert made.stages[0].flops >= 2 * made.stages[0].macs > 0


def test_a_layer_alone_is_one_stage():
    made = trace(nnx.eval_shape(lambda: nnx.Conv(3, 4, (3, 2), strides=(2, 1), rngs=nnx.Rngs(0))), X)
    assert [stage.op for stage in made.stages] == ["conv"]
    assert made.stages[0].windows == (
        Window(3, 2, padding=Padding(0, 1)),
        Window(2, 1, padding=Padding(0, 1)),
    )


def test_groups_and_dilation_and_an_int_padding():
    layer = nnx.eval_shape(
        lambda: nnx.Conv(4, 6, (3, 3), padding=2, kernel_dilation=(2, 1), feature_group_count=2, rngs=nnx.Rngs(0))
    )
    made = trace(layer, jax.ShapeDtypeStruct((1, 9, 9, 4), jnp.float32))
    (stage,) = made.stages
    assert stage.windows == (Window(3, dilation=2, padding=Padding(2, 2)), Window(3, padding=Padding(2, 2)))
    assert stage.out_shape == (1, 9, 11, 6)
    assert stage.macs == 9 * 11 * 9 * 2 * 6
    assert stage.params == 9 * 2 * 6 + 6


def test_poolings_of_flax():
    made = trace(abstract(Pools), X)
    assert [stage.op for stage in made.stages] == ["conv", "avg_pool", "max_pool"]
    assert [stage.out_shape for stage in made.stages] == [(2, 8, 6, 2), (2, 4, 3, 2), (2, 2, 3, 2)]
    assert made.stages[1].windows == (Window(2, 2), Window(2, 2))
    assert made.stages[2].windows == (Window(3, 2, padding=Padding(0, 1)), Window(2, padding=Padding(0, 1)))
    assert made.stages[2].receptive_field[0].size == 2 + 2 * 2
    assert [stage.source.line > 0 for stage in made.stages] == [True] * 3


def test_a_pooling_slides_also_where_no_convolution_names_the_axes():
    made = trace(lambda x: nnx.max_pool(x, (2, 3), strides=(2, 1)), X)
    assert made.stages[0].windows == (Window(2, 2), Window(3))


@pytest.mark.parametrize("name", ["CIRCULAR", "REFLECT", "CAUSAL"])
def test_a_padding_made_before_the_convolution_is_never_reported_wrong(name):
    layer = nnx.eval_shape(lambda: nnx.Conv(3, 4, (4,), padding=name, rngs=nnx.Rngs(0)))
    made = trace(layer, jax.ShapeDtypeStruct((1, 9, 3), jnp.float32))
    (stage,) = made.stages
    assert (stage.op, stage.out_shape, stage.macs) == ("conv", (1, 9, 4), 9 * 4 * 3 * 4)
    if stage.windows is not None:
        assert stage.windows[0].padding == rules.resolve(name, 9, 4)
    if stage.receptive_field is not None:
        assert stage.receptive_field[0].interval(5) == (
            5 - rules.resolve(name, 9, 4).lo,
            5 + rules.resolve(name, 9, 4).hi,
        )
    assert not stage.couples_all  # no cell depends on more than four others


def test_a_loop_counts_every_turn():
    def loop(x, kernel):
        return lax.scan(lambda carry, _: (jnp.tanh(carry @ kernel), None), x, None, length=3)[0]

    made = trace(loop, jax.ShapeDtypeStruct((2, 5), jnp.float32), jax.ShapeDtypeStruct((5, 5), jnp.float32))
    assert [(stage.op, stage.macs, stage.repeats) for stage in made.stages] == [
        ("matmul", 50, 3),
        ("tanh", 0, 3),
    ]
    assert made.macs == 150


def test_an_operation_that_nothing_knows_is_still_a_stage():
    made = trace(jnp.linalg.cholesky, jax.ShapeDtypeStruct((4, 4), jnp.float32))
    assert made.error is None
    assert all(stage.windows is None for stage in made.stages)
    assert made.outputs[0].shape == (4, 4)
    assert any("cholesky" in stage.op for stage in made.stages)


def test_a_function_that_does_nothing():
    made = trace(lambda x: x, X)
    assert made.stages == ()
    assert made.outputs_from == (-1,)
    assert made.outputs[0].shape == X.shape


def test_an_unbound_linen_module_is_traced_with_variables_made_up_abstractly():
    bound = linen.Dense(3).bind(linen.Dense(3).init(jax.random.key(0), jnp.zeros(X.shape)))
    assert trace(linen.Dense(3), X) == trace(bound, X)
    assert trace(linen.Dense(3), X).params == X.shape[-1] * 3 + 3


@pytest.mark.parametrize("thing", [3, None, "conv", [1, 2]])
def test_what_cannot_be_called_is_refused_with_the_way_out(thing):
    with pytest.raises(TypeError, match=rf"{type(thing).__name__}.*nnx.Module"):
        trace(thing, X)
