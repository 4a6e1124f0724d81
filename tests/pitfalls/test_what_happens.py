"""Every mistake does what is said of it in the installed versions, and every right version is right."""

import re
from importlib import import_module

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax import nnx

import shapelab as sl
from oracles import numpy_reference as reference
from shapelab.engine import pitfalls as engine
from shapelab.errors import ShapeError
from shapelab.modules.unet import UNet, max_pool_2x2
from shapelab.pitfalls import GROUPS, PITFALLS
from shapelab.pitfalls.programs import convolution, residual, unet

# What the mistake does at each of its settings, and the error where there is one.
HAPPENS = {
    "kernel_in_oihw": ["shape", "error ValueError", "values"],
    "no_batch_axis": ["error TypeError"],
    "size_rounded_down": ["shape", "fine", "shape"],
    "same_for_padding_1": ["values", "fine", "fine"],
    "bare_param": ["error ValueError"],
    "floats_not_cast": ["error TypeError", "error TypeError", "fine"],
    "no_skip": ["values"],
    "relu_before_addition": ["values"],
    "unequal_channels": ["error TypeError", "values"],
    "valid_in_block": ["error TypeError", "values"],
    "decoder_for_f": ["error ValueError"],
    "concatenate_on_axis_0": ["shape"],
    "join_in_other_order": ["values"],
    "skip_of_wrong_stage": ["error TypeError"],
    "no_pooling": ["error TypeError"],
    "transposed_kernel_3": ["error TypeError", "values"],
    "transposed_stride_1": ["error TypeError", "error TypeError", "fine"],
}
# What the messages are said to name.
NAMED = {
    "no_batch_axis": ("3", "4"),
    "bare_param": ("__jax_array__",),
    "unequal_channels": ("(1, 8, 6, 3)", "(1, 8, 6, 8)"),
    "valid_in_block": ("(1, 8, 8, 4)", "(1, 4, 4, 4)"),
    "decoder_for_f": ("8", "4"),
    "skip_of_wrong_stage": ("(1, 4, 4, 8)", "(1, 8, 8, 4)"),
    "no_pooling": ("(1, 16, 16, 8)", "(1, 8, 8, 8)"),
    "transposed_kernel_3": ("(1, 9, 9, 1)", "(1, 8, 8, 1)"),
    "transposed_stride_1": ("(1, 5, 5, 1)", "(1, 8, 8, 1)"),
}
GROUP = {"convolution": convolution, "residual": residual, "unet": unet}
EVERY = [(name, number) for name, each in PITFALLS.items() for number in range(len(each.settings))]


@pytest.fixture(scope="module")
def outcomes():
    """Every mistake, run once."""
    return {name: engine.run(name) for name in PITFALLS}


def given(name, number=0):
    each = PITFALLS[name]
    return getattr(GROUP[each.group], each.given)(**each.settings[number])


def right(name, number=0):
    each = PITFALLS[name]
    return np.asarray(getattr(GROUP[each.group], each.right)(**given(name, number)))


@pytest.mark.parametrize("name", PITFALLS)
def test_the_mistake_does_what_is_said_of_it(outcomes, name):
    cases = outcomes[name].cases
    assert [f"{case.wrong.kind} {case.wrong.error}".strip() for case in cases] == HAPPENS[name]
    assert cases[0].wrong.kind != "fine", "the first setting is one where the mistake bites"
    assert [case.right.kind for case in cases] == ["fine"] * len(cases)
    assert [dict(case.setting) for case in cases] == [dict(setting) for setting in PITFALLS[name].settings]
    assert all(part in cases[0].wrong.message for part in NAMED.get(name, ()))


def test_every_mistake_is_listed_once():
    assert set(HAPPENS) == set(PITFALLS)
    assert sum(map(len, GROUPS.values())) == len(PITFALLS)


def test_the_versions_are_those_installed(outcomes):
    assert {(each.jax, each.flax) for each in outcomes.values()} == {(jax.__version__, flax.__version__)}


@pytest.mark.parametrize(("name", "number"), [e for e in EVERY if HAPPENS[e[0]][e[1]].startswith("error")])
def test_line_by_line_the_same_error_comes(outcomes, name, number):
    said = outcomes[name].cases[number].wrong
    with pytest.raises((TypeError, ValueError), match=re.escape(said.message)) as raised:
        getattr(GROUP[PITFALLS[name].group], PITFALLS[name].wrong)(**given(name, number))
    assert (type(raised.value).__name__, str(raised.value)) == (said.error, said.message)


def test_numbers_tell_how_far_wrong_values_are(outcomes):
    for name, number in EVERY:
        case = outcomes[name].cases[number]
        if case.wrong.kind == "values":
            assert case.difference > 0.5
            assert 0.1 < case.differing <= 1
        elif case.wrong.kind == "fine":
            assert (case.difference, case.differing) == (0, 0)
        else:
            assert case.difference is None
    overlap = outcomes["transposed_kernel_3"].cases[1]
    assert (overlap.wrong.smallest, overlap.wrong.largest) == (1, 4)
    assert (overlap.right.smallest, overlap.right.largest) == (1, 1)


def test_what_is_not_in_the_gallery_is_refused():
    with pytest.raises(ShapeError, match=r"no pitfall 'nosuch'.*kernel_in_oihw"):
        engine.run("nosuch")


# -- the right versions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(3))
def test_a_kernel_turned_convolves_as_it_should(number):
    each = given("kernel_in_oihw", number)
    kernel = np.einsum("oihw->hwio", each["weight"])
    np.testing.assert_allclose(
        right("kernel_in_oihw", number)[0], reference.conv2d(each["x"][0], kernel, 0, 1), rtol=1e-4, atol=1e-4
    )


def test_an_image_as_a_batch_of_one_convolves_as_it_should():
    each = given("no_batch_axis")
    expected = reference.conv2d(each["image"], each["kernel"], 0, 1)
    np.testing.assert_allclose(right("no_batch_axis"), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("number", range(3))
def test_rounded_up_the_padding_is_that_of_same(number):
    each = given("size_rounded_down", number)
    expected = reference.conv2d(each["x"][0], each["kernel"], 0, each["stride"])
    np.testing.assert_allclose(right("size_rounded_down", number)[0], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("number", range(3))
def test_a_cell_on_every_side_is_what_padding_1_means(number):
    each = given("same_for_padding_1", number)
    padded = np.pad(np.asarray(each["x"][0]), ((1, 1), (1, 1), (0, 0)))
    stride, (high, wide, _) = each["stride"], padded.shape
    windows = [[padded[i : i + 3, j : j + 3] for j in range(0, wide - 2, stride)] for i in range(0, high - 2, stride)]
    expected = np.einsum("ijpqc,pqco->ijo", windows, each["kernel"])
    np.testing.assert_allclose(right("same_for_padding_1", number)[0], expected, rtol=1e-4, atol=1e-4)


def test_the_array_of_a_param_convolves_as_its_layer_does():
    each = given("bare_param")
    np.testing.assert_allclose(right("bare_param"), each["conv"](each["x"]), rtol=1e-5, atol=1e-5)


def test_cast_numbers_build_the_layer_that_ints_build():
    for number in range(3):
        np.testing.assert_array_equal(right("floats_not_cast", number), right("floats_not_cast", 2))
        assert right("floats_not_cast", number).shape == (1, 4, 3, 4)


@pytest.mark.parametrize("name", ["no_skip", "relu_before_addition"])
def test_the_block_with_its_skip_is_the_block_of_the_lesson(name):
    x = given(name)["x"][0]
    np.testing.assert_allclose(right(name).ravel(), sl.resnet_basic_forward(0, x, 4), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["skip_of_wrong_stage", "no_pooling"])
def test_the_network_put_right_is_the_network_of_the_lesson(name):
    x = given(name)["x"][0]
    np.testing.assert_allclose(right(name).ravel(), sl.unet_forward(0, x, 4), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("unequal_channels", [(1, 8, 6, 8)] * 2),
        ("valid_in_block", [(1, 8, 8, 4), (1, 5, 5, 4)]),
        ("decoder_for_f", [(1, 8, 6, 4)]),
        ("concatenate_on_axis_0", [(1, 8, 6, 4)]),
        ("join_in_other_order", [(1, 8, 6, 4)]),
        ("transposed_kernel_3", [(1, 8, 8, 2)] * 2),
        ("transposed_stride_1", [(1, 8, 8, 2), (1, 8, 8, 2), (1, 2, 2, 2)]),
    ],
)
def test_right_versions_keep_the_law_of_their_shapes(outcomes, name, shapes):
    assert [case.right.shape for case in outcomes[name].cases] == shapes


# -- what is said beside them ---------------------------------------------------------------------------------------


def test_layers_of_flax_take_an_image_without_a_batch():
    image = jnp.ones((7, 6, 3))
    layer = nn.Conv(4, (3, 3))
    assert nnx.Conv(3, 4, (3, 3), rngs=nnx.Rngs(0))(image).shape == (7, 6, 4)
    assert layer.apply(layer.init(jax.random.key(0), image), image).shape == (7, 6, 4)


def test_a_param_stands_in_for_its_array_in_arithmetic():
    kernel = given("bare_param")["conv"].kernel
    np.testing.assert_array_equal(kernel * 2, kernel[...] * 2)


def test_a_stride_of_float_is_refused_when_the_layer_is_called():
    conv = nnx.Conv(3, 4, (3, 3), strides=2.0, rngs=nnx.Rngs(0))
    with pytest.raises(TypeError):
        conv(jnp.ones((1, 7, 6, 3)))
    with pytest.raises(TypeError):
        nnx.Conv(3, 4.0, (3, 3), rngs=nnx.Rngs(0))


def test_with_a_scale_of_zero_the_block_gives_x_back_and_the_branch_alone_gives_zeros():
    each = given("no_skip")
    each["block"].bn2.scale[...] = jnp.zeros(4)
    np.testing.assert_array_equal(residual.branch_and_skip(**each), each["x"])
    np.testing.assert_array_equal(residual.branch_alone(**each), np.zeros_like(each["x"]))


def test_relu_before_the_addition_takes_nothing_away():
    x = given("relu_before_addition")["x"]
    assert (np.asarray(residual.relu_then_addition(**given("relu_before_addition"))) >= x).all()
    assert (right("relu_before_addition") < x).any()


def test_linen_reads_the_channels_of_a_join():
    joined = jnp.ones((1, 8, 6, 8))
    decoder = nn.Conv(4, (3, 3))
    assert decoder.apply(decoder.init(jax.random.key(0), joined), joined).shape == (1, 8, 6, 4)


def test_a_decoder_for_2f_refuses_a_join_along_the_batch():
    joined = jnp.concatenate(list(given("concatenate_on_axis_0").values()), axis=0)
    with pytest.raises(ValueError, match="feature dimension"):
        nnx.Conv(8, 4, (3, 3), rngs=nnx.Rngs(0))(joined)


def test_the_other_order_is_as_good_with_its_kernel_turned():
    each = given("join_in_other_order")
    decoder = nnx.Conv(8, 4, (3, 3), rngs=nnx.Rngs(0))
    decoder.kernel[...] = jnp.concatenate([decoder.kernel[:, :, 4:], decoder.kernel[:, :, :4]], axis=2)
    turned = decoder(jnp.concatenate([each["skip"], each["up"]], axis=-1))
    np.testing.assert_allclose(turned, right("join_in_other_order"), rtol=1e-4, atol=1e-4)


def test_the_decoder_meets_the_two_shapes_that_the_message_names():
    net, x = UNet(3, 4, rngs=nnx.Rngs(0)), given("skip_of_wrong_stage")["x"]
    first = net.enc1(x)
    second = net.enc2(max_pool_2x2(first))
    up = net.up2(net.bottom(max_pool_2x2(second)))
    assert up.shape == (1, 4, 4, 8) == second.shape
    assert first.shape == (1, 8, 8, 4)


def test_programs_are_found_where_the_records_say():
    for each in PITFALLS.values():
        programs = import_module(f"shapelab.pitfalls.programs.{each.group}")
        assert all(callable(getattr(programs, name)) for name in (each.given, each.wrong, each.right))
