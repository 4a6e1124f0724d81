"""A U-Net of any depth: at two the one that is written out, elsewhere the same pattern."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from shapelab.modules.unet import UNet
from shapelab.modules.unet_of_depth import UNetOfDepth


@pytest.mark.parametrize("evaluate", [False, True])
def test_at_depth_two_it_is_the_unet_to_the_bit(evaluate):
    x = jax.random.normal(jax.random.key(1), (8, 12, 3))
    written, general = UNet(3, 2, rngs=nnx.Rngs(5)), UNetOfDepth(3, 2, 2, rngs=nnx.Rngs(5))
    np.testing.assert_array_equal(written(x, evaluate), general(x, evaluate))
    one, other = (dict(nnx.to_flat_state(nnx.state(module))) for module in (written, general))
    assert one.keys() == other.keys()
    for path, variable in one.items():
        np.testing.assert_array_equal(variable[...], other[path][...])


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_channels_double_on_the_way_down_and_the_output_has_the_size_of_the_input(depth):
    shapes = nnx.eval_shape(lambda: UNetOfDepth(3, 2, depth, rngs=nnx.Rngs(0)))
    x = jax.ShapeDtypeStruct((2, 32, 16, 3), jnp.float32)
    assert nnx.eval_shape(lambda net, x: net(x), shapes, x).shape == (2, 32, 16, 2)
    widths = [getattr(shapes, f"enc{level}").conv.kernel.shape[-1] for level in range(1, depth + 1)]
    assert [*widths, shapes.bottom.conv.kernel.shape[-1]] == [2 * 2**level for level in range(depth + 1)]


@pytest.mark.parametrize(("depth", "size"), [(1, 7), (3, 12), (4, 24)])
def test_a_size_that_cannot_be_halved_so_often_does_not_fit_at_a_join(depth, size):
    shapes = nnx.eval_shape(lambda: UNetOfDepth(1, 1, depth, rngs=nnx.Rngs(0)))
    with pytest.raises(TypeError, match="concatenate"):
        nnx.eval_shape(lambda net, x: net(x), shapes, jax.ShapeDtypeStruct((size, 16, 1), jnp.float32))
