"""DenseNet-BC for CIFAR, growth 12, depth 100: every layer reads all before it. Huang et al. 2016."""

import jax.numpy as jnp
from flax import nnx

from zoo.specimen import Specimen, abstract, array

GROWTH = 12


class DenseLayer(nnx.Module):
    def __init__(self, cin, *, rngs):
        self.norm1 = nnx.BatchNorm(cin, use_running_average=True, rngs=rngs)
        self.conv1 = nnx.Conv(cin, 4 * GROWTH, (1, 1), use_bias=False, rngs=rngs)
        self.norm2 = nnx.BatchNorm(4 * GROWTH, use_running_average=True, rngs=rngs)
        self.conv2 = nnx.Conv(4 * GROWTH, GROWTH, (3, 3), use_bias=False, rngs=rngs)

    def __call__(self, *features):
        x = jnp.concatenate(features, axis=-1)
        x = self.conv1(nnx.relu(self.norm1(x)))
        return self.conv2(nnx.relu(self.norm2(x)))


class DenseBlock(nnx.Module):
    def __init__(self, cin, depth, *, rngs):
        self.layers = nnx.List([DenseLayer(cin + i * GROWTH, rngs=rngs) for i in range(depth)])

    def __call__(self, x):
        features = [x]
        for layer in self.layers:
            features.append(layer(*features))
        return jnp.concatenate(features, axis=-1)


class Transition(nnx.Module):
    def __init__(self, cin, cout, *, rngs):
        self.norm = nnx.BatchNorm(cin, use_running_average=True, rngs=rngs)
        self.conv = nnx.Conv(cin, cout, (1, 1), use_bias=False, rngs=rngs)

    def __call__(self, x):
        return nnx.avg_pool(self.conv(nnx.relu(self.norm(x))), (2, 2), strides=(2, 2))


class DenseNet(nnx.Module):
    def __init__(self, classes=10, depth=16, *, rngs):
        channels = 2 * GROWTH
        self.stem = nnx.Conv(3, channels, (3, 3), use_bias=False, rngs=rngs)
        self.dense, self.transitions = nnx.List([]), nnx.List([])
        for last in (False, False, True):
            self.dense.append(DenseBlock(channels, depth, rngs=rngs))
            channels += depth * GROWTH
            if not last:
                self.transitions.append(Transition(channels, channels // 2, rngs=rngs))
                channels //= 2
        self.norm = nnx.BatchNorm(channels, use_running_average=True, rngs=rngs)
        self.head = nnx.Linear(channels, classes, rngs=rngs)

    def __call__(self, x):
        x = self.stem(x)
        for i, block in enumerate(self.dense):
            x = block(x)
            if i < len(self.transitions):
                x = self.transitions[i](x)
        return self.head(nnx.relu(self.norm(x)).mean(axis=(1, 2)))


SPECIMEN = Specimen(abstract(lambda rngs: DenseNet(rngs=rngs)), (array(2, 32, 32, 3),))
