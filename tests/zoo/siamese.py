"""One encoder, called on both of two images, and a distance between its answers."""

import jax.numpy as jnp
from flax import nnx

from zoo.specimen import Specimen, abstract, array


class Siamese(nnx.Module):
    def __init__(self, *, rngs):
        self.encoder = nnx.Sequential(
            nnx.Conv(1, 8, (5, 5), padding="VALID", rngs=rngs),
            nnx.relu,
            lambda x: nnx.max_pool(x, (2, 2), (2, 2)),
            nnx.Conv(8, 16, (3, 3), padding="VALID", rngs=rngs),
            lambda x: x.max(axis=(1, 2)),
            nnx.Linear(16, 12, rngs=rngs),
        )

    def __call__(self, left, right):
        a, b = self.encoder(left), self.encoder(right)
        return jnp.linalg.norm(a - b, axis=-1)


SPECIMEN = Specimen(abstract(lambda rngs: Siamese(rngs=rngs)), (array(3, 20, 20, 1), array(3, 20, 20, 1)))
