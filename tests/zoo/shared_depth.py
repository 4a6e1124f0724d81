"""One weight-tied block refined by ``lax.scan`` over its own state (ALBERT, deep equilibrium): functional style."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import lax

from zoo.specimen import Specimen, abstract, array

TURNS = 5


class Refiner(nnx.Module):
    """The state starts at zeros: only from the second turn on does it depend on the input."""

    def __init__(self, dim, *, rngs):
        init = nnx.initializers.lecun_normal()
        self.into = nnx.Param(init(rngs.params(), (dim, dim)))
        self.across = nnx.Param(init(rngs.params(), (dim, dim)))
        self.scale = nnx.Param(jnp.ones((dim,)))

    def __call__(self, x):
        across = self.across * jax.nn.softplus(self.scale[...])  # once, before the loop
        driven = x @ self.into

        def turn(state, index):
            state = jnp.tanh(state @ across + driven)
            return state, jnp.sum(state**2) / (index + 1.0)

        state, energies = lax.scan(turn, jnp.zeros_like(driven), jnp.arange(float(TURNS)))
        return state, energies


SPECIMEN = Specimen(abstract(lambda rngs: Refiner(16, rngs=rngs)), (array(3, 16),))
