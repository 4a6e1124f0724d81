"""Modules made for their shapes alone: what is traced with them is what is traced with the others."""

import jax
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from shapelab.engine.in_process import Engine
from shapelab.engine.spec import check
from shapelab.engine.undrawn import undrawn

KEY = jax.random.key(0)
SETTINGS = st.one_of(
    st.tuples(
        st.just("conv2d"),
        st.fixed_dictionaries(
            {
                "library": st.sampled_from(("nnx", "linen")),
                "features": st.integers(1, 16),
                "C": st.integers(1, 8),
                "kernel_h": st.integers(1, 5),
                "stride": st.integers(1, 3),
            }
        ),
    ),
    st.tuples(st.just("conv1d"), st.fixed_dictionaries({"features": st.integers(1, 16), "L": st.integers(5, 40)})),
    st.tuples(st.just("resnet"), st.fixed_dictionaries({"features": st.integers(2, 16)})),
    st.tuples(st.just("unet"), st.fixed_dictionaries({"base_features": st.integers(2, 16)})),
)


@settings(max_examples=25, deadline=None)
@given(asked=SETTINGS)
def test_a_trace_is_the_same(asked):
    spec = check(*asked)
    assert Engine(draws=False).trace(spec) == Engine().trace(spec)


@pytest.mark.parametrize(
    "name", ["lecun_normal", "he_uniform", "glorot_normal", "normal", "uniform", "truncated_normal"]
)
def test_nothing_is_drawn_meanwhile_and_all_of_it_afterwards(name):
    make = getattr(nnx.initializers, name)()

    def drawn():
        return jax.make_jaxpr(lambda key: make(key, (3, 4), "float32"))(KEY)

    with undrawn():
        alone = drawn()
    assert "random_bits" not in str(alone)
    assert "random_bits" in str(drawn())
    assert alone.out_avals == drawn().out_avals


def test_draws_are_back_after_a_constructor_that_failed():
    with pytest.raises(ZeroDivisionError), undrawn():
        raise ZeroDivisionError
    assert "random_bits" in str(jax.make_jaxpr(lambda key: jax.random.normal(key, (2,)))(KEY))
