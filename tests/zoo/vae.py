"""A convolutional VAE: methods, a random stream of its own, three outputs, training-mode batch statistics."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from zoo.specimen import Specimen, abstract, array


class Output(NamedTuple):
    reconstruction: jax.Array
    mean: jax.Array
    log_variance: jax.Array


class VAE(nnx.Module):
    def __init__(self, latent=10, *, rngs):
        self.conv1 = nnx.Conv(1, 32, (4, 4), strides=2, padding=1, rngs=rngs)
        self.bn = nnx.BatchNorm(32, rngs=rngs)
        self.conv2 = nnx.Conv(32, 64, (4, 4), strides=2, padding=1, rngs=rngs)
        self.to_latent = nnx.Linear(7 * 7 * 64, 2 * latent, rngs=rngs)
        self.from_latent = nnx.Linear(latent, 7 * 7 * 64, rngs=rngs)
        self.deconv1 = nnx.ConvTranspose(64, 32, (4, 4), strides=(2, 2), padding="SAME", rngs=rngs)
        self.deconv2 = nnx.ConvTranspose(32, 1, (3, 3), strides=(2, 2), rngs=rngs)
        self.rngs = rngs.fork()

    def encode(self, x):
        x = nnx.leaky_relu(self.bn(self.conv1(x)), 0.2)
        x = nnx.leaky_relu(self.conv2(x), 0.2)
        mean, log_variance = jnp.split(self.to_latent(x.reshape(x.shape[0], -1)), 2, axis=-1)
        return mean, log_variance

    def sample(self, mean, log_variance):
        noise = jax.random.normal(self.rngs.noise(), mean.shape)
        return mean + jnp.exp(0.5 * log_variance) * noise

    def decode(self, z):
        x = nnx.relu(self.from_latent(z)).reshape(-1, 7, 7, 64)
        return nnx.sigmoid(self.deconv2(nnx.relu(self.deconv1(x))))

    def __call__(self, x):
        mean, log_variance = self.encode(x)
        return Output(self.decode(self.sample(mean, log_variance)), mean, log_variance)


SPECIMEN = Specimen(abstract(lambda rngs: VAE(rngs=rngs)), (array(4, 28, 28, 1),))
