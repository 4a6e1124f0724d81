"""The code that is shown is the program that runs: executed as it stands, it gives the lesson's values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax import nnx

from shapelab.engine.in_process import Engine
from shapelab.engine.spec import check
from shapelab.lessons import LESSONS
from shapelab.modules.resnet_block import BasicBlock
from shapelab.modules.resnet_variants import ResidualBlock
from shapelab.modules.unet import UNet
from shapelab.modules.unet_of_depth import UNetOfDepth

SCOPE = {
    "nnx": nnx,
    "nn": nn,
    "BasicBlock": BasicBlock,
    "ResidualBlock": ResidualBlock,
    "UNet": UNet,
    "UNetOfDepth": UNetOfDepth,
}
ONE_D = {"L": 9, "C": 4, "features": 6, "seed": 5}
TWO_D = {"H": 7, "W": 6, "C": 4, "features": 6, "seed": 5}
CALLS = [
    ("conv1d", ONE_D),
    ("conv1d", {**ONE_D, "padding": "CAUSAL", "dilation": 2, "stride": 2}),
    ("conv1d", {**ONE_D, "padding": "explicit", "pad_left": 3, "pad_right": 0, "bias": "no"}),
    ("conv1d", {**ONE_D, "padding": "REFLECT", "groups": 2}),
    ("conv1d", {**ONE_D, "transposed": "yes", "stride": 3}),
    ("conv2d", TWO_D),
    ("conv2d", {**TWO_D, "stride": 1, "stride_w": 3, "padding": "SAME_LOWER", "dilation": 2}),
    ("conv2d", {**TWO_D, "padding": "explicit", "pad_top": 2, "pad_left": 0, "kernel_w": 2}),
    ("conv2d", {**TWO_D, "padding": "CIRCULAR", "groups": 2, "bias": "no"}),
    ("conv2d", {**TWO_D, "padding": "VALID", "library": "linen", "groups": 2, "stride": 1, "stride_w": 2}),
    ("conv2d", {**TWO_D, "library": "linen", "bias": "no", "dilation": 2}),
    ("conv2d", {**TWO_D, "library": "linen", "transposed": "yes", "padding": "explicit"}),
    ("conv2d", {**TWO_D, "transposed": "yes", "padding": "CIRCULAR"}),
    ("resnet", {"H": 5, "W": 4, "features": 3, "seed": 5}),
    ("resnet", {"H": 5, "W": 4, "features": 3, "mode": "eval"}),
    ("resnet", {"H": 5, "W": 4, "C": 2, "features": 3, "stride": 2, "shortcut": "projection", "mode": "eval"}),
    ("unet", {"H": 8, "W": 4, "base_features": 2, "seed": 5}),
    ("unet", {"H": 8, "W": 16, "base_features": 1, "depth": 3, "mode": "eval"}),
]


@pytest.fixture(scope="module")
def engine():
    return Engine()


@pytest.mark.parametrize(("name", "settings"), CALLS)
def test_the_code_shown_gives_the_values_of_the_lesson(engine, name, settings):
    spec = check(name, settings)
    ran = engine.run(spec)
    shown = spec.lesson.code(spec.config)

    def typed(x):
        made = eval(shown, {**SCOPE, "x": x})  # the text itself is what is tested
        if isinstance(made, nn.Module):
            return made.init_with_output(jax.random.key(spec.config.seed), x)[0]
        return made(x) if callable(made) else made

    assert str(spec.config.seed) in shown
    quick = {"xla_backend_optimization_level": 0}
    given = jax.jit(typed, compiler_options=quick)(jnp.asarray(ran.input))
    np.testing.assert_allclose(ran.stages[max(ran.stages)], given, rtol=1e-4, atol=1e-5)
    assert given.shape == engine.trace(spec).outputs[0].shape


@pytest.mark.parametrize("name", sorted(LESSONS))
def test_what_equals_flax_s_default_is_not_written(name):
    shown = LESSONS[name].code(LESSONS[name].Config())
    for argument in ("kernel_dilation", "feature_group_count", "use_bias", "use_running_average"):
        assert argument not in shown


def test_explicit_padding_is_a_pair_for_each_axis():
    config = LESSONS["conv2d"].Config.of({"padding": "explicit", "pad_top": 2, "pad_right": 0})
    assert "padding=((2, 1), (1, 0))" in LESSONS["conv2d"].code(config)
    assert "strides=(2, 3)" in LESSONS["conv2d"].code(config.replace(stride_w=3))
