"""Image and text, by keyword only, into one dictionary. CLIP in small; Radford et al. 2021."""

import jax.numpy as jnp
from flax import nnx

from zoo.specimen import Specimen, abstract, array


class ImageTower(nnx.Module):
    def __init__(self, dim, *, rngs):
        self.patches = nnx.Conv(3, 32, (4, 4), strides=4, padding="VALID", rngs=rngs)
        self.project = nnx.Linear(32, dim, use_bias=False, rngs=rngs)

    def __call__(self, image):
        return self.project(jnp.mean(nnx.gelu(self.patches(image)), (1, 2)))


class TextTower(nnx.Module):
    def __init__(self, dim, *, rngs):
        self.embed = nnx.Embed(100, 24, rngs=rngs)
        self.project = nnx.LinearGeneral(24, dim, rngs=rngs)

    def __call__(self, tokens, mask):
        x = jnp.where(mask[..., None], self.embed(tokens), 0.0)
        return self.project(x.sum(1) / jnp.maximum(mask.sum(1, keepdims=True), 1))


class TwoTowers(nnx.Module):
    def __init__(self, *, dim=16, rngs):
        self.image = ImageTower(dim, rngs=rngs)
        self.text = TextTower(dim, rngs=rngs)
        self.temperature = nnx.Param(jnp.array(2.66))

    def __call__(self, *, text, image, normalise=True):
        features = {"image": self.image(image), "text": self.text(**text)}
        if normalise:
            features = {name: x / jnp.linalg.norm(x, axis=-1, keepdims=True) for name, x in features.items()}
        logits = jnp.exp(self.temperature) * features["image"] @ features["text"].T
        return {"logits": logits, **features}


SPECIMEN = Specimen(
    abstract(lambda rngs: TwoTowers(rngs=rngs)),
    kwargs={
        "image": array(4, 16, 16, 3),
        "text": {"tokens": array(6, 9, dtype=jnp.int32), "mask": array(6, 9, dtype=jnp.bool_)},
        "normalise": True,
    },
)
