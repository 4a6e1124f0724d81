"""Facts of stages and traces beside windows: declared padding, unread cells, bytes, folding, ways and loops."""

import pickle

import jax
import jax.numpy as jnp
import pytest
from flax import nnx
from jax import lax

from shapelab import trace
from shapelab.explorers.network_pictures import network_picture
from shapelab.geometry import Fill, Padding
from shapelab.modules.resnet_block import BasicBlock
from shapelab.modules.unet import UNet
from shapelab.report import text_table

RNGS = nnx.Rngs(0)


def image(*shape, dtype=jnp.float32):
    return jax.ShapeDtypeStruct(shape, dtype)


def only(made, op):
    (stage,) = [stage for stage in made.stages if stage.op == op]
    return stage


@pytest.mark.parametrize(
    ("given", "declared", "effective"),
    [
        ("SAME", "SAME", Padding(1, 1)),
        ("VALID", "VALID", Padding(0, 0)),
        ("CIRCULAR", "CIRCULAR", Padding(1, 1, Fill.CIRCULAR)),
        ("REFLECT", "REFLECT", Padding(1, 1, Fill.REFLECT)),
        ("CAUSAL", "CAUSAL", Padding(2, 0)),
        (2, ((2, 2),), Padding(2, 2)),
        ([(3, 1)], ((3, 1),), Padding(3, 1)),
    ],
)
def test_a_layer_tells_the_padding_it_was_given_and_what_it_came_to(given, declared, effective):
    made = trace(nnx.Conv(2, 3, (3,), padding=given, rngs=RNGS), image(1, 9, 2))
    assert made.stages[0].declared == declared
    assert made.stages[0].windows[0].padding == effective


def test_a_transposed_layer_tells_both_the_name_and_the_equation():
    made = trace(nnx.ConvTranspose(2, 3, (2, 2), strides=(2, 2), padding="VALID", rngs=RNGS), image(1, 4, 4, 2))
    (stage,) = made.stages
    assert stage.declared == "VALID"
    assert [window.padding for window in stage.windows] == [Padding(1, 1)] * 2
    assert stage.out_shape == (1, 8, 8, 3)


def test_a_functional_operation_declares_nothing():
    assert trace(lambda x: nnx.max_pool(x, (2, 2)), image(1, 4, 4, 2)).stages[0].declared is None


def test_a_pad_of_its_own_tells_its_cells_and_how_they_are_filled():
    made = trace(
        lambda x: jnp.pad(x, ((0, 0), (2, 1), (0, 0)), mode="wrap") * nnx.max_pool(x, (2,)).sum(), image(1, 6, 1)
    )
    pad = only(made, "pad")
    assert [window.padding for window in pad.windows] == [Padding(2, 1, Fill.CIRCULAR)]
    assert pad.slides_over == (6,)


def test_unread_cells_are_told_per_axis():
    made = trace(nnx.Conv(1, 1, (2, 3), strides=(3, 2), padding="VALID", rngs=RNGS), image(1, 8, 8, 1))
    assert made.stages[0].unread == ((2, 5), (7,))
    assert trace(jnp.tanh, image(2, 3)).stages[0].unread is None


def test_a_kernel_wider_than_its_input_gives_the_empty_axis_that_jax_gives():
    net = nnx.Conv(3, 4, (5, 2), padding="VALID", rngs=RNGS)
    made = trace(net, image(1, 3, 9, 3))
    (stage,) = made.stages
    assert stage.out_shape == net(jnp.ones((1, 3, 9, 3))).shape == (1, 0, 8, 4)
    assert stage.unread == ((0, 1, 2), ())
    assert (stage.macs, stage.bytes) == (0, 0)
    assert [window.fits(size) for window, size in zip(stage.windows, stage.slides_over, strict=True)] == [False, True]
    assert "(1, 0, 8, 4)" in text_table(made)
    assert "(1, 0, 8, 4)" in str(network_picture(made, 0, narrow=False))
    assert "(1, 0, 8, 4)" in str(network_picture(made, 0, narrow=True))


def test_parameters_count_trained_and_fixed_numbers_and_bytes():
    made = trace(nnx.BatchNorm(6, rngs=RNGS), image(4, 6))
    (stage,) = made.stages
    assert (stage.params, stage.params_fixed, stage.parameter_bytes) == (12, 12, 96)
    assert (made.params, made.params_fixed) == (12, 12)


def test_bytes_follow_the_type():
    made = trace(nnx.Linear(4, 8, dtype=jnp.bfloat16, rngs=RNGS), image(2, 4, dtype=jnp.bfloat16))
    assert made.inputs[0].bytes == 2 * 4 * 2
    assert made.stages[0].bytes == 2 * 8 * 2
    assert made.stages[0].parameter_bytes == 4 * (4 * 8 + 8)


def test_the_peak_holds_what_a_skip_keeps_alive():
    def chain(x):  # at most two arrays at a time
        for _ in range(4):
            x = jnp.tanh(x)
        return x

    def skipping(x):  # the input waits for the end
        return chain(x) + x

    one = 4 * 8 * 8
    assert trace(chain, image(8, 8)).peak_activation_bytes == 2 * one
    assert trace(skipping, image(8, 8)).peak_activation_bytes == 3 * one


@pytest.fixture(scope="module")
def unet():
    return trace(nnx.eval_shape(lambda: UNet(3, 8, rngs=nnx.Rngs(0))), image(32, 16, 3))


def test_folding_to_depth_0_is_one_stage_with_the_totals(unet):
    folded = unet.at(0)
    (stage,) = folded.stages
    assert (stage.op, stage.module_type, stage.in_shapes, stage.out_shape) == (
        "u_net",
        "UNet",
        ((32, 16, 3),),
        (32, 16, 8),
    )
    assert (stage.params, stage.macs, stage.flops) == (unet.params, unet.macs, unet.flops)
    assert [edge.source for edge in folded.edges] == [-1]
    assert folded.outputs_from == (0,)


def test_folding_to_depth_1_gives_the_modules_and_the_root_s_own_steps(unet):
    folded = unet.at(1)
    names = [stage.name for stage in folded.stages]
    assert names[:4] == ["enc1", "max_pool", "enc2", "max_pool"]
    assert {"bottom", "up2", "dec2", "up1", "dec1", "concatenate"} <= set(names)
    assert [s.module_type for s in folded.stages if s.name == "enc1"] == ["ConvBNReLU"]
    assert (folded.params, folded.macs, folded.flops) == (unet.params, unet.macs, unet.flops)
    joins = [i for i, stage in enumerate(folded.stages) if stage.op == "concatenate"]
    for join in joins:
        assert len([edge for edge in folded.edges if edge.target == join]) == 2
    skips = {names[edge.source] for edge in folded.skips()}
    assert skips == {"enc1", "enc2"}


def test_folding_deeper_than_the_calls_changes_nothing(unet):
    assert unet.at(9).stages == unet.stages
    assert unet.at(9).edges == unet.edges


def test_a_negative_depth_is_refused(unet):
    with pytest.raises(ValueError, match="depth -1 is below 0"):
        unet.at(-1)


def test_folding_keeps_two_calls_of_one_module_apart():
    class Twice(nnx.Module):
        def __init__(self):
            self.block = BasicBlock(4, rngs=RNGS)

        def __call__(self, x):
            return self.block(self.block(x))

    folded = trace(Twice(), image(8, 8, 4)).at(1)
    assert [(stage.path, stage.calls[0].number) for stage in folded.stages] == [("block", 1), ("block", 2)]
    assert folded.params == folded.stages[0].params == folded.stages[1].params


def test_calls_say_where_each_module_was_called():
    class Outer(nnx.Module):
        def __init__(self):
            self.inner = nnx.Linear(3, 3, rngs=RNGS)

        def __call__(self, x):
            y = jnp.tanh(x)
            return self.inner(y)

    (call,) = trace(Outer(), image(2, 3)).stages[-1].calls
    assert (call.path, call.number, call.module_type) == ("inner", 1, "Linear")
    with open(call.source.file, encoding="utf-8") as text:
        assert "self.inner(y)" in text.read().splitlines()[call.source.line - 1]


def test_a_conditional_shows_every_branch_and_counts_the_costliest():
    small, large = nnx.Linear(8, 8, use_bias=False, rngs=RNGS), nnx.Linear(8, 8, rngs=RNGS)

    class Choice(nnx.Module):
        def __init__(self):
            self.small, self.large = small, large

        def __call__(self, x, flag):
            return lax.cond(flag, lambda y: self.large(self.large(y)), self.small, x)

    made = trace(Choice(), image(2, 8), image(dtype=jnp.bool_))
    branches = [(stage.path, stage.branches[0].index) for stage in made.stages if stage.layer]
    assert branches == [("small", 0), ("large", 1), ("large", 1)]
    assert made.macs == 2 * (2 * 8 * 8)
    join = made.stages[-1]
    assert join.op == "cond"
    sources = {edge.source for edge in made.edges if edge.target == len(made.stages) - 1}
    assert {made.stages[source].path for source in sources if source >= 0} >= {"small", "large"}
    assert made.at(0).macs == made.macs


def test_a_loop_of_unknown_length_counts_one_turn_and_says_so():
    def halve(x):
        return lax.while_loop(lambda y: y.max() > 1, lambda y: jnp.tanh(y) * 0.5, x)

    made = trace(halve, image(4, 4))
    inside = [stage for stage in made.stages if stage.repeats is None]
    assert [stage.op for stage in inside] == ["tanh", "mul"]
    assert made.stages[-1].op == "while"
    assert made.flops >= 2 * 16


def test_a_field_that_grows_from_turn_to_turn_is_not_told():
    conv = nnx.Conv(1, 1, (3,), rngs=RNGS)
    made = trace(lambda x: lax.scan(lambda h, _: (conv(h), None), x, None, length=3)[0], image(1, 9, 1))
    assert all(stage.receptive_field is None for stage in made.stages)


def test_a_trace_survives_pickling_without_its_program(unet):
    again = pickle.loads(pickle.dumps(unet))
    assert again == unet
    assert again.program is None
    assert again.at(1) == unet.at(1)


def test_repr_is_one_line(unet):
    assert "\n" not in repr(unet)
    assert "UNet" in repr(unet)
