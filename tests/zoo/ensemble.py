"""Written for one image and mapped over the batch by ``jax.vmap``; four heads as one, by ``nnx.vmap``."""

import jax
from flax import nnx

from zoo.specimen import Specimen, abstract, array

HEADS = 4


class Backbone(nnx.Module):
    """One image in, one vector out: no batch axis anywhere."""

    def __init__(self, *, rngs):
        self.conv1 = nnx.Conv(3, 8, (3, 3), rngs=rngs)
        self.conv2 = nnx.Conv(8, 16, (3, 3), strides=2, rngs=rngs)

    def __call__(self, image):
        return nnx.relu(self.conv2(nnx.relu(self.conv1(image)))).mean((0, 1))


class Ensemble(nnx.Module):
    def __init__(self, classes=5, *, rngs):
        @nnx.split_rngs(splits=HEADS)
        @nnx.vmap
        def heads(rngs):
            return nnx.Linear(16, classes, rngs=rngs)

        self.backbone = Backbone(rngs=rngs)
        self.heads = heads(rngs)

    def __call__(self, images):
        features = jax.vmap(self.backbone)(images)
        each = nnx.vmap(lambda head, x: head(x), in_axes=(0, None))(self.heads, features)
        return nnx.softmax(each).mean(0)


SPECIMEN = Specimen(abstract(lambda rngs: Ensemble(rngs=rngs)), (array(6, 12, 12, 3),))
