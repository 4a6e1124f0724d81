"""Arrays cut from longer rows: the numbers that their initialisers draw, by few programs."""

from math import prod

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from shapelab.engine.drawing import LENGTHS, UnsuitedError, draw_of
from shapelab.tracing.execute import part_for

CELL_BY_CELL = {
    "lecun_normal": nnx.initializers.lecun_normal(),
    "he_uniform": nnx.initializers.he_uniform(),
    "glorot_normal": nnx.initializers.glorot_normal(),
    "normal": nnx.initializers.normal(0.02),
    "uniform": nnx.initializers.uniform(),
    "truncated": nnx.initializers.truncated_normal(lower=-1.0, upper=3.0),
    "constant": nnx.initializers.constant(0.5),
    "zeros": nnx.initializers.zeros_init(),
    "ones": nnx.initializers.ones_init(),
}
KEY = jax.random.key(0)


def constructor(initializer, shape, fold=3):
    return lambda key: initializer(jax.random.fold_in(key, fold), shape, jnp.float32)


def part_of(make):
    closed = jax.make_jaxpr(make)(KEY)
    return part_for(closed, closed.jaxpr.outvars)


def draw(make):
    return draw_of(part_of(make), KEY)


@settings(max_examples=20, deadline=None)
@given(
    name=st.sampled_from(sorted(CELL_BY_CELL)),
    shape=st.lists(st.integers(1, 12), min_size=2, max_size=4).map(tuple),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_beginning_of_a_row_is_what_the_initialiser_draws(name, shape, seed):
    make, key = constructor(CELL_BY_CELL[name], shape), jax.random.key(seed)
    found = draw(make)
    cut = found.cut(found.compiled()(key, *found.numbers)[0])
    assert (cut.shape, cut.dtype) == (shape, np.float32)
    np.testing.assert_allclose(cut, make(key), rtol=2e-6, atol=1e-7)


def test_one_program_serves_all_shapes_of_a_length_whatever_their_fans_and_folds():
    lecun = CELL_BY_CELL["lecun_normal"]
    shapes = [(3, 3, 3, 4), (7, 2, 9), (2, 2), (16, 16)]
    programs = {str(draw(constructor(lecun, shape, fold)).jaxpr) for fold, shape in enumerate(shapes)}
    assert len(programs) == 1
    assert str(draw(constructor(lecun, (3, 3, 30, 4))).jaxpr) not in programs


@pytest.mark.parametrize(
    "make",
    [
        constructor(nnx.initializers.orthogonal(), (4, 4)),
        constructor(nnx.initializers.lecun_normal(), (LENGTHS[-1] + 1, 1)),
        lambda key: jax.random.permutation(key, jnp.arange(9.0)),
        lambda key: jnp.cumsum(jax.random.normal(key, (5,))),
        lambda key: jax.random.normal(key, (5,)) + jnp.arange(5.0),
        lambda key: jax.random.normal(key, (4, 6)) - jax.random.normal(key, (1, 6)),
        lambda key: jax.random.normal(key),
    ],
    ids=["orthogonal", "very long", "shuffled", "summed", "numbered", "by rows", "scalar"],
)
def test_what_a_longer_array_would_begin_otherwise_is_not_cut_from_one(make):
    with pytest.raises(UnsuitedError):
        draw(make)


def test_without_counted_random_numbers_nothing_is_cut():
    before = jax.config.jax_threefry_partitionable
    jax.config.update("jax_threefry_partitionable", False)
    try:
        with pytest.raises(UnsuitedError):
            draw(constructor(CELL_BY_CELL["normal"], (3, 3)))
    finally:
        jax.config.update("jax_threefry_partitionable", before)


@pytest.mark.parametrize("length", LENGTHS)
def test_a_row_is_as_long_as_an_array_needs(length):
    found = draw(constructor(CELL_BY_CELL["normal"], (length // 4, 4)))
    assert found.jaxpr.out_avals[0].shape == (length,)
    assert prod(found.shape) == length
