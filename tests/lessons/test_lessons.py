"""Lessons run the modules they say they run, and every preset works."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import shapelab
from shapelab import LESSONS
from shapelab.engine.inputs import noise

PRESETS = [
    pytest.param(lesson, settings, id=f"{lesson.name}: {title}")
    for lesson in LESSONS.values()
    for title, settings in lesson.presets.items()
]
SMALL = {
    "conv1d": ("conv1d", {"L": 6, "C": 2, "kernel_size": 4, "features": 3, "seed": 5}),
    "conv2d": (
        "conv2d",
        {"H": 5, "W": 6, "C": 2, "kernel_h": 4, "kernel_w": 3, "stride": 2, "features": 3, "seed": 5},
    ),
    "linen": (
        "conv2d",
        {
            "H": 5,
            "W": 6,
            "C": 2,
            "kernel_h": 4,
            "kernel_w": 3,
            "stride": 2,
            "features": 3,
            "library": "linen",
            "seed": 5,
        },
    ),
    "resnet": ("resnet", {"H": 4, "W": 5, "features": 2, "seed": 5}),
    "unet": ("unet", {"H": 4, "W": 8, "C": 2, "base_features": 2, "seed": 5}),
}


def forward(case, config, x):
    """The public forward function on this configuration."""
    match case:
        case "conv1d":
            return shapelab.conv1d_forward(config.seed, x, config.features, config.kernel_size)
        case "conv2d":
            window = (config.kernel_h, config.kernel_w, config.stride)
            return shapelab.conv2d_forward(config.seed, x, config.features, *window)
        case "linen":
            window = (config.kernel_h, config.kernel_w, config.stride)
            return shapelab.conv2d_linen_forward(config.seed, x, config.features, *window)
        case "resnet":
            return shapelab.resnet_basic_forward(config.seed, x, config.features)
    return shapelab.unet_forward(config.seed, x, config.base_features)


@pytest.mark.parametrize("case", sorted(SMALL))
def test_the_constructor_builds_what_the_forward_function_runs(case):
    name, settings = SMALL[case]
    lesson = LESSONS[name]
    config = lesson.Config.of(settings)
    x = noise(lesson.input_shape(config), 1)
    construct = lesson.constructor(config)

    def build_and_run(x):
        module = construct(config.seed)
        if case == "linen":
            return module.init_with_output(jax.random.key(config.seed), x)[0]
        return module(x)

    quick = {"xla_backend_optimization_level": 0}
    ran = jax.jit(build_and_run, compiler_options=quick)(jnp.asarray(x))
    np.testing.assert_allclose(np.ravel(ran), forward(case, config, x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("lesson", "settings"), PRESETS)
def test_every_preset_is_in_bounds_and_can_be_built(lesson, settings):
    config = lesson.Config().replace(**settings)  # as a page applies one: what it does not name stays
    assert all(size >= 1 for size in lesson.input_shape(config))
    module = nnx.eval_shape(lambda: lesson.constructor(config)(0))
    assert jax.tree.leaves(nnx.state(module))


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=list(LESSONS))
def test_a_preset_says_whether_it_fails_and_leads_on_from_any_other(lesson):
    assert len(lesson.presets) <= 5
    for before in lesson.presets.values():
        for name, settings in lesson.presets.items():
            config = lesson.Config().replace(**before).replace(**settings)
            says_failure = "fails" in name or "cannot" in name
            x = jax.ShapeDtypeStruct(lesson.input_shape(config), jnp.float32)
            if before is settings:
                made = shapelab.trace(nnx.eval_shape(lambda c=config: lesson.constructor(c)(0)), x)
                assert (made.error is not None) == says_failure, name
