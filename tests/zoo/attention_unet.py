"""A U-Net whose skips pass attention gates. Oktay et al. 2018; layers in an ``nnx.Dict``, no batch axis."""

import jax
import jax.numpy as jnp
from flax import nnx

from zoo.specimen import Specimen, abstract, array

WIDTHS = (8, 16, 32)


def double_conv(cin, cout, rngs):
    return nnx.Sequential(
        nnx.Conv(cin, cout, (3, 3), rngs=rngs), nnx.relu, nnx.Conv(cout, cout, (3, 3), rngs=rngs), nnx.relu
    )


class AttentionGate(nnx.Module):
    def __init__(self, skip, gate, *, rngs):
        self.theta = nnx.Conv(skip, skip, (2, 2), strides=(2, 2), use_bias=False, rngs=rngs)
        self.phi = nnx.Conv(gate, skip, (1, 1), rngs=rngs)
        self.psi = nnx.Conv(skip, 1, (1, 1), rngs=rngs)

    def __call__(self, skip, gate):
        alpha = jax.nn.sigmoid(self.psi(jax.nn.relu(self.theta(skip) + self.phi(gate))))
        return skip * jax.image.resize(alpha, (*skip.shape[:-1], 1), method="bilinear")


class AttentionUNet(nnx.Module):
    def __init__(self, cin, classes, *, rngs):
        layers = {"enc0": double_conv(cin, WIDTHS[0], rngs)}
        for i in range(1, len(WIDTHS)):
            wide, narrow = WIDTHS[i], WIDTHS[i - 1]
            layers[f"enc{i}"] = double_conv(narrow, wide, rngs)
            layers[f"gate{i}"] = AttentionGate(narrow, wide, rngs=rngs)
            layers[f"up{i}"] = nnx.ConvTranspose(wide, narrow, (2, 2), strides=(2, 2), rngs=rngs)
            layers[f"dec{i}"] = double_conv(2 * narrow, narrow, rngs)
        self.layers = nnx.Dict(layers)
        self.head = nnx.Conv(WIDTHS[0], classes, (1, 1), rngs=rngs)

    def __call__(self, x):
        skips = []
        for i in range(len(WIDTHS) - 1):
            skips.append(self.layers[f"enc{i}"](x))
            x = nnx.max_pool(skips[-1], (2, 2), strides=(2, 2))
        x = self.layers[f"enc{len(WIDTHS) - 1}"](x)
        for i in reversed(range(1, len(WIDTHS))):
            skip = self.layers[f"gate{i}"](skips[i - 1], x)
            x = self.layers[f"dec{i}"](jnp.concatenate([skip, self.layers[f"up{i}"](x)], axis=-1))
        return self.head(x)


SPECIMEN = Specimen(abstract(lambda rngs: AttentionUNet(1, 3, rngs=rngs)), (array(32, 48, 1),))
