"""Twelve residual convolutions with stacked parameters under ``nnx.scan``, between a stem and a head."""

from flax import nnx

from zoo.specimen import Specimen, abstract, array

DEPTH, WIDTH = 12, 6


class Layer(nnx.Module):
    def __init__(self, rngs):
        self.norm = nnx.LayerNorm(WIDTH, rngs=rngs)
        self.conv = nnx.Conv(WIDTH, WIDTH, (3, 3), rngs=rngs)

    def __call__(self, x):
        return x + nnx.silu(self.conv(self.norm(x)))


class Scanned(nnx.Module):
    def __init__(self, rngs):
        @nnx.split_rngs(splits=DEPTH)
        @nnx.vmap(in_axes=(0,), out_axes=0)
        def stack(rngs):
            return Layer(rngs)

        self.stem = nnx.Conv(3, WIDTH, (3, 3), rngs=rngs)
        self.layers = stack(rngs)
        self.head = nnx.Conv(WIDTH, 2, (3, 3), rngs=rngs)

    def __call__(self, x):
        @nnx.scan(in_axes=(nnx.Carry, 0), out_axes=nnx.Carry)
        def through(x, layer):
            return layer(x)

        return self.head(through(self.stem(x), self.layers))


SPECIMEN = Specimen(abstract(Scanned), (array(1, 20, 20, 3),))
