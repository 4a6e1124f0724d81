"""A Linen network: compact modules nested in one another, batch statistics, dropout, a method besides ``__call__``."""

import jax
from flax import linen

from zoo.specimen import Specimen, array


class ConvBlock(linen.Module):
    features: int

    @linen.compact
    def __call__(self, x):
        x = linen.Conv(self.features, (3, 3), use_bias=False, name="conv")(x)
        x = linen.BatchNorm(use_running_average=False, name="bn")(x)
        return linen.relu(x)


class LinenNet(linen.Module):
    def setup(self):
        self.blocks = [ConvBlock(4), ConvBlock(8)]
        self.dropout = linen.Dropout(0.5, deterministic=True)
        self.head = linen.Dense(5)

    def features(self, x):
        for block in self.blocks:
            x = linen.max_pool(block(x), (2, 2), strides=(2, 2))
        return x

    def __call__(self, x):
        x = self.features(x)
        return self.head(self.dropout(x.reshape(x.shape[0], -1)))


IMAGES = array(3, 12, 8, 2)


def bound():
    module = LinenNet()
    return module.bind(jax.eval_shape(module.init, jax.random.key(0), IMAGES))


SPECIMEN = Specimen(bound, (IMAGES,))
