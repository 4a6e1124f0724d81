"""A Hamiltonian network: its answer is the gradient of a learnt energy. Greydanus et al. 2019."""

import jax
import jax.numpy as jnp
from flax import nnx

from zoo.specimen import Specimen, abstract, array


class Hamiltonian(nnx.Module):
    def __init__(self, hidden=10, *, rngs):
        self.hidden = nnx.Linear(2, hidden, rngs=rngs)
        self.out = nnx.Linear(hidden, 1, use_bias=False, rngs=rngs)

    def energy(self, state):
        return jnp.sum(self.out(jnp.tanh(self.hidden(state))))

    def __call__(self, state):
        by_place, by_momentum = jnp.unstack(jax.grad(self.energy)(state), axis=-1)
        return jnp.stack([by_momentum, -by_place], axis=-1)


SPECIMEN = Specimen(abstract(lambda rngs: Hamiltonian(rngs=rngs)), (array(7, 2),))
