"""A few facts of each specimen, from the papers or from arithmetic on paper."""

from math import prod
from pathlib import Path

import pytest

from shapelab import Padding, Window
from shapelab.geometry import Fill
from zoo.mobilenet import TABLE
from zoo.specimen import traced
from zoo.wavenet import DILATIONS


def stages(name, path=None, op=None):
    return [s for s in traced(name).stages if path in (None, s.path) and op in (None, s.op)]


def only(name, path, op=None):
    (stage,) = stages(name, path, op)
    return stage


def sizes(stage):
    return None if stage.receptive_field is None else [field.size for field in stage.receptive_field]


def sources(name, stage):
    made = traced(name)
    return [edge.source for edge in made.edges if edge.target == made.stages.index(stage)]


# Published sizes: torchvision's and timm's tables, and the authors' code for DenseNet-BC (k=12, L=100).
@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("resnet50", 25_557_032),
        ("mobilenet", 3_504_872),
        ("densenet", 769_162),
        ("vit", 86_567_656),
        ("convnext", 28_589_128),
    ],
)
def test_published_numbers_of_parameters(name, params):
    assert traced(name).params == params


# ---- resnet50


def test_resnet50_costs_what_the_table_of_the_paper_gives():
    macs, cin, side = 112**2 * 7 * 7 * 3 * 64, 64, 56
    for width, depth, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for i in range(depth):
            before, side = side, side // stride if i == 0 else side
            macs += before**2 * cin * width + side**2 * (9 * width * width + width * 4 * width)
            if i == 0:
                macs += side**2 * cin * 4 * width
            cin = 4 * width
    macs += 2048 * 1000
    assert macs == 4_089_184_256  # as quoted for torchvision's resnet50
    assert traced("resnet50").macs == macs


def test_resnet50_windows_and_fields():
    # SAME at stride 2 on 224: (112 - 1) * 2 + 7 - 224 = 5 cells, two before; on 112: (56 - 1) * 2 + 3 - 112 = 1.
    assert only("resnet50", "stem").windows == (Window(7, 2, padding=Padding(2, 3)),) * 2
    assert only("resnet50", "", "max_pool").windows == (Window(3, 2, padding=Padding(0, 1)),) * 2
    assert only("resnet50", "blocks.3.conv2").windows == (Window(3, 2, padding=Padding(0, 1)),) * 2
    # 7, then 3 at jump 2: 11; per 3x3 at jump j add 2j; v1.5 strides in the 3x3 itself: its jump is still the old one.
    last = {"": 11, "blocks.2.conv3": 11 + 3 * 8, "blocks.6.conv3": 35 + 8 + 3 * 16}
    last |= {"blocks.12.conv3": 91 + 16 + 5 * 32, "blocks.15.conv3": 267 + 32 + 2 * 64}
    for path, size in last.items():
        assert sizes(stages("resnet50", path, None if path else "max_pool")[0]) == [size, size]
    assert only("resnet50", "blocks.15.conv3").receptive_field[0].stride == 32


def test_resnet50_couples_only_from_its_global_mean_on():
    made = traced("resnet50")
    assert [s.name for s in made.stages if s.couples_all] == ["mean", "fc"]
    assert stages("resnet50", "blocks.0.downsample.layers.0")[0].module_type == "Conv"


def test_resnet50_skips():
    made = traced("resnet50")
    adds = [i for i, s in enumerate(made.stages) if s.op == "add"]
    assert len(adds) == 16
    assert [len({e.source for e in made.edges if e.target == i}) for i in adds] == [2] * 16


# ---- mobilenet


def test_mobilenet_costs_what_its_table_gives():
    side, cin = 112, 32
    macs = side**2 * 27 * 32
    for expansion, cout, repeats, stride in TABLE:
        for i in range(repeats):
            hidden = cin * expansion
            macs += side**2 * cin * hidden if expansion > 1 else 0
            side = side // stride if i == 0 else side
            macs += side**2 * (9 * hidden + hidden * cout)
            cin = cout
    macs += side**2 * 320 * 1280 + 1280 * 1000
    assert macs == 300_774_272  # "300M", table 4 of the paper
    assert traced("mobilenet").macs == macs


def test_mobilenet_depthwise_stage():
    depthwise = only("mobilenet", "layers.2.body.layers.1.conv")
    assert depthwise.out_shape == (1, 56, 56, 96)
    assert depthwise.params == 9 * 96
    assert depthwise.macs == 56 * 56 * 9 * 96
    assert depthwise.windows == (Window(3, 2, padding=Padding(0, 1)),) * 2
    assert len(stages("mobilenet", op="relu6")) == 1 + 17 * 2 - 1 + 1  # stem, two a block but one in the first, head
    assert only("mobilenet", "", "avg_pool").windows == (Window(7),) * 2


# ---- densenet


def test_densenet_layers_read_all_before_them():
    for k in range(1, 16):
        joined = only("densenet", f"dense.1.layers.{k}", "concatenate")
        assert len(joined.in_shapes) == len(sources("densenet", joined)) == k + 1
        assert joined.out_shape == (2, 16, 16, 108 + 12 * k)  # (24 + 16 * 12) / 2 channels come in
    assert sizes(only("densenet", "dense.0.layers.15.conv2")) == [3 + 16 * 2] * 2
    assert only("densenet", "transitions.0", "avg_pool").windows == (Window(2, 2),) * 2


# ---- attention_unet


def test_attention_unet_gates_see_what_the_coarse_level_sees():
    gated = only("attention_unet", "layers.gate2", "mul")
    assert len(sources("attention_unet", gated)) == 2
    # 3x3 twice, pool, twice, pool, twice: 32 cells; the gate brings them to every cell of the skip.
    assert sizes(only("attention_unet", "layers.enc2.layers.2")) == [32, 32]
    assert gated.receptive_field is None or min(sizes(gated)) >= 32
    assert only("attention_unet", "layers.up1").windows == (Window(2, base_dilation=2, padding=Padding(1, 1)),) * 2
    assert only("attention_unet", "layers.gate2", "resize").out_shape == (16, 24, 1)
    assert traced("attention_unet").inputs[0].layout == ("H", "W", "C")


# ---- vit


def test_vit_costs_what_its_width_and_depth_give():
    tokens, dim = 14 * 14 + 1, 768
    block = 4 * tokens * dim**2 + 2 * tokens**2 * dim + 2 * tokens * dim * 4 * dim
    assert traced("vit").macs == 2 * (196 * 768 * dim + 12 * block + dim * 1000)


def test_vit_stages():
    assert only("vit", "patch").windows == (Window(16, 16),) * 2
    assert only("vit", "blocks.11.mlp.fc1").out_shape == (2, 197, 3072)
    assert only("vit", "blocks.3.attention.query").out_shape == (2, 197, 12, 64)
    token = only("vit", "", "concatenate")
    assert token.out_shape == (2, 197, 768)
    assert [p.path for p in token.parameters] == ["cls"]
    assert [p.path for p in stages("vit", "", "add")[0].parameters] == ["position"]
    assert len(stages("vit", op="gelu")) == 12


# ---- convnext


def test_convnext_costs_what_its_widths_and_depths_give():
    macs, side, cin = 0, 224, 3
    for depth, dim, patch in ((3, 96, 4), (3, 192, 2), (9, 384, 2), (3, 768, 2)):
        side //= patch
        macs += side**2 * (patch**2 * cin * dim + depth * (49 * dim + 8 * dim * dim))
        cin = dim
    assert traced("convnext").macs == macs + 768 * 1000


def test_convnext_stages_under_remat_keep_their_names():
    depthwise = only("convnext", "stages.2.8.dwconv")
    assert (depthwise.op, depthwise.params) == ("conv", 50 * 384)
    assert depthwise.windows == (Window(7, padding=Padding(3, 3)),) * 2
    # Patches of 4, 2, 2, at jumps 1, 4, 8; three 7x7 at jump 4, three at 8, nine at 16.
    assert sizes(depthwise) == [4 + 3 * 6 * 4 + 4 + 3 * 6 * 8 + 8 + 9 * 6 * 16] * 2
    scaled = only("convnext", "stages.0.1", "mul")
    assert [p.path for p in scaled.parameters] == ["stages.0.1.gamma"]


# ---- vae


def test_vae_outputs():
    made = traced("vae")
    assert [out.shape for out in made.outputs] == [(4, 28, 28, 1), (4, 10), (4, 10)]
    final, mean, variance = (made.stages[i].op for i in made.outputs_from)
    assert (final, mean, variance) == ("sigmoid", "split", "split")


def test_vae_stages():
    assert only("vae", "conv1").windows == (Window(4, 2, padding=Padding(1, 1)),) * 2
    # lax.conv_transpose, SAME: k + s - 2 cells, the larger half first; s > k - 1 would put k - 1 of them first.
    assert only("vae", "deconv1").windows == (Window(4, base_dilation=2, padding=Padding(2, 2)),) * 2
    assert only("vae", "deconv2").windows == (Window(3, base_dilation=2, padding=Padding(2, 1)),) * 2
    assert only("vae", "deconv2").macs == 4 * 14 * 14 * 9 * 32
    assert only("vae", "bn").couples_all  # training mode
    assert {p.path for p in only("vae", "bn").parameters if p.trainable} == {"bn.scale", "bn.bias"}
    assert sizes(only("vae", "conv2")) == [4 + 3 * 2] * 2


# ---- wavenet


def test_wavenet_is_causal_and_sees_what_its_dilations_add_up_to():
    for i, dilation in enumerate(DILATIONS):
        (window,) = only("wavenet", f"stack.{i}.dilated").windows
        assert window == Window(2, dilation=dilation, padding=Padding(dilation, 0))
        (field,) = only("wavenet", f"stack.{i}.dilated").receptive_field
        assert (field.size, field.interval(50)) == (2 + sum(DILATIONS[: i + 1]), (49 - sum(DILATIONS[: i + 1]), 50))
    assert sizes(only("wavenet", "end")) == [2 + sum(DILATIONS)]
    assert not any(stage.couples_all for stage in traced("wavenet").stages)


def test_wavenet_splits_without_arithmetic():
    gates = stages("wavenet", op="split")
    assert len(gates) == len(DILATIONS)
    assert {(gate.flops, gate.macs, gate.layout) for gate in gates} == {(0, 0, ("N", "L", "C"))}


# ---- video


def test_video_has_three_axes_of_space():
    made = traced("video")
    assert made.inputs[0].layout == ("N", "D", "H", "W", "C")
    assert only("video", "", "max_pool").windows == (Window(1), Window(2, 2), Window(2, 2))
    # Height 16 at stride 2: (8 - 1) * 2 + 5 - 16 = 3 cells, one before.
    two = Window(5, 2, padding=Padding(1, 2))
    assert only("video", "conv2").windows == (Window(3, padding=Padding(1, 1)), two, two)
    assert only("video", "conv2").macs == 2 * 8 * 8 * 6 * 75 * 8 * 16
    assert sizes(only("video", "conv2")) == [5, 12, 12]
    assert only("video", "", "avg_pool").windows == (Window(2, 2),) * 3
    assert sizes(only("video", "", "avg_pool")) == [6, 16, 16]


# ---- scanned


def test_scanned_layers_are_told_once_and_counted_twelve_times():
    conv = only("scanned", "layers.conv")
    assert (conv.repeats, conv.macs) == (12, 20 * 20 * 9 * 6 * 6)
    assert conv.windows == (Window(3, padding=Padding(1, 1)),) * 2
    assert {s.repeats for s in traced("scanned").stages} == {1, 12}
    assert traced("scanned").macs == 400 * 9 * (3 * 6 + 12 * 36 + 6 * 2)
    # 3x3 fourteen times: 29 cells. A field that knows of one turn alone would say 7.
    assert sizes(only("scanned", "head")) in (None, [29, 29])
    kernel = next(p for p in traced("scanned").parameters if p.path == "layers.conv.kernel")
    assert kernel.shape == (12, 3, 3, 6, 6)
    assert {p.path: p.shape for p in conv.parameters}["layers.conv.kernel"] == kernel.shape


# ---- shared_depth


def test_shared_depth_counts_every_turn_of_a_state_that_starts_at_zeros():
    made = traced("shared_depth")
    before, inside = stages("shared_depth", op="matmul")
    assert (before.macs, before.repeats) == (3 * 16 * 16, 1)
    assert (inside.macs, inside.repeats) == (3 * 16 * 16, 5)
    assert {p.path for p in inside.parameters} == {"across", "scale"}
    assert [out.shape for out in made.outputs] == [(3, 16), (5,)]


# ---- siamese


def test_siamese_encoder_runs_twice_and_is_held_once():
    made = traced("siamese")
    assert [given.name for given in made.inputs] == ["left", "right"]
    assert made.params == 25 * 8 + 8 + 9 * 8 * 16 + 16 + 16 * 12 + 12
    first, second = stages("siamese", "encoder.layers.0")
    assert sources("siamese", first) == [-1]
    assert [edge.target for edge in made.edges if edge.source == -2] == [6]
    assert first.parameters == second.parameters
    assert made.stages[12].op == "sub"
    assert [edge.source for edge in made.edges if edge.target == 12] == [5, 11]
    assert sizes(stages("siamese", "encoder.layers.3")[0]) == [5 + 1 + 2 * 2] * 2


# ---- two_towers


def test_two_towers_are_told_by_keyword():
    made = traced("two_towers")
    assert [given.name for given in made.inputs] == ["image", "text[mask]", "text[tokens]"]
    assert [out.shape for out in made.outputs] == [(4, 16), (4, 6), (6, 16)]  # image, logits, text: as a dict is flat
    embed = only("two_towers", "text.embed")
    assert (embed.op, embed.macs, embed.flops) == ("embed", 0, 0)  # a look-up computes nothing
    assert sources("two_towers", embed) == [-3]
    assert only("two_towers", "text.project").macs == 6 * 24 * 16
    assert any("temperature" in {p.path for p in s.parameters} for s in stages("two_towers", "", "mul"))


def test_two_towers_counting_a_mask_is_no_floating_point():
    (counted,) = [s for s in stages("two_towers", "text", "sum") if s.in_shapes == ((6, 9),)]
    assert counted.dtype == "int32"
    assert counted.flops == 0


# ---- speech


def test_speech_paddings_are_those_in_effect():
    # flax pads by (span - 1) // 2 and span // 2, whatever the stride.
    assert only("speech", "sub1").windows == (Window(3, 2, padding=Padding(1, 1, Fill.REFLECT)),)
    assert only("speech", "sub2").windows == (Window(3, 2, padding=Padding(1, 1, Fill.CIRCULAR)),)
    assert sizes(only("speech", "sub2")) == [3 + 2 * 2]


def test_speech_couples_nothing_along_time():
    """Norm, gate and dropout work frame by frame: the field stays that of the convolutions."""
    made = traced("speech")
    assert not any(stage.couples_all for stage in made.stages)
    assert sizes(only("speech", "out")) == [7]
    assert [made.stages[i].op for i in made.outputs_from] == ["log_softmax", "add"]


# ---- super_resolution


def test_super_resolution_before_and_behind_the_shuffle():
    assert sizes(only("super_resolution", "conv3")) == [5 + 2 + 2] * 2
    smooth = only("super_resolution", "smooth")
    assert smooth.layout == ("N", "H", "W", "C")
    assert smooth.out_shape == (2, 36, 30, 1)
    # Three neighbouring fine cells lie in at most two coarse ones.
    assert sizes(smooth) in (None, [10, 10])
    assert traced("super_resolution").macs == 2 * 120 * (25 * 64 + 9 * 64 * 32 + 9 * 32 * 9 + 9 * 9)


# ---- mixer


def test_mixer_mixes_tokens_and_channels():
    tokens, dim, n = 16, 20, 2
    block = 2 * dim * tokens * 2 * tokens + 2 * tokens * dim * 4 * dim
    assert traced("mixer").macs == n * (tokens * 48 * dim + 3 * block + dim * 10)
    assert only("mixer", "blocks.layers.2.tokens.layers.0").out_shape == (2, 20, 32)
    assert only("mixer", "blocks.layers.2.channels.layers.2").out_shape == (2, 16, 20)
    assert len(stages("mixer", "blocks.layers.0", "transpose")) == 2


# ---- recurrent


def test_recurrent_cells_run_once_a_step():
    batch, steps, features, hidden = 2, 11, 5, 7
    lstm = 4 * (features * hidden + hidden * hidden)
    gru = 3 * (hidden * hidden + hidden * hidden)
    assert traced("recurrent").macs == batch * steps * (lstm + 2 * gru + 2 * hidden * 3)
    assert only("recurrent", "lstm.cell.hi").repeats == 11
    assert only("recurrent", "lstm.cell.hi").in_shapes == ((2, 7),)
    assert only("recurrent", "gru.backward_rnn.cell.dense_h").macs == batch * hidden * 3 * hidden
    assert only("recurrent", "out").out_shape == (2, 11, 3)


# ---- diffusion


def test_diffusion_block():
    assert only("diffusion", "down").windows == (Window(3, 2, padding=Padding(0, 1)),) * 2
    assert [given.dtype for given in traced("diffusion").inputs] == ["float32", "int32"]
    assert only("diffusion", "middle.conv1", "conv").windows == (Window(3, padding=Padding(1, 1)),) * 2
    assert [p.path for p in only("diffusion", "middle.conv1", "conv").parameters] == ["middle.conv1.kernel"]
    assert sizes(only("diffusion", "middle.conv1", "conv")) == [3 + 2 + 2 * 2] * 2
    assert only("diffusion", "middle.norm1").couples_all
    assert not only("diffusion", "down").couples_all
    assert only("diffusion", "time.layers.2").out_shape == (2, 32)
    # The skip joins in behind everything: one edge over all stages between.
    joined = stages("diffusion", "", "concatenate")[-1]
    assert traced("diffusion").stages.index(only("diffusion", "into")) in sources("diffusion", joined)


# ---- language_model


def test_language_model_costs():
    n, t, dim, vocabulary = 2, 12, 16, 50
    block = 4 * dim * dim + 2 * t * dim + 3 * dim * 2 * dim
    assert traced("language_model").macs == n * t * (3 * block + dim * vocabulary)


def test_language_model_ties_its_embedding():
    made = traced("language_model")
    tied = [s for s in made.stages if "embed.embedding" in {p.path for p in s.parameters}]
    assert [s.out_shape for s in tied] == [(2, 12, 16), (2, 12, 50)]
    assert (tied[0].op, tied[0].flops) == ("embed", 0)
    assert made.params == 50 * 16 + 16 + 3 * (4 * 256 + 3 * 512 + 2 * 16)


def test_language_model_has_no_axis_of_space():
    """No convolution and no pooling names an axis; every second number of a head is no pooling."""
    made = traced("language_model")
    assert {letter for stage in made.stages for letter in stage.layout} == {""}
    assert not any(stage.couples_all for stage in made.stages)


# ---- linen_net


def test_linen_modules_are_told_by_their_names():
    assert only("linen_net", "blocks_0.conv").windows == (Window(3, padding=Padding(1, 1)),) * 2
    assert only("linen_net", "blocks_1.bn").op == "batch_norm"
    assert only("linen_net", "head").params == 3 * 2 * 8 * 5 + 5
    assert traced("linen_net").macs == 3 * (96 * 9 * 2 * 4 + 24 * 9 * 4 * 8 + 48 * 5)
    assert [s.path for s in stages("linen_net", op="relu")] == ["blocks_0", "blocks_1"]


# ---- half_precision


def test_half_precision_is_two_bytes_a_number_and_parameters_are_four():
    made = traced("half_precision")
    assert {s.dtype for s in made.stages if s.layer} == {"bfloat16"}
    assert all(s.bytes == 2 * prod(s.out_shape) for s in made.stages if s.dtype == "bfloat16")
    assert {p.dtype for p in made.parameters} == {"float32"}
    # On 10 and 13 at stride 2: (5 - 1) * 2 + 3 - 10 = 1, (7 - 1) * 2 + 3 - 13 = 2.
    assert only("half_precision", "conv").windows == (
        Window(3, 2, padding=Padding(0, 1)),
        Window(3, 2, padding=Padding(1, 1)),
    )


def test_half_precision_squeeze_is_seen_through_its_jit():
    assert only("half_precision", "squeeze.down").out_shape == (2, 1, 1, 4)
    assert only("half_precision", "squeeze", "mean").couples_all
    assert not only("half_precision", "norm").couples_all
    assert only("half_precision", "head").couples_all


# ---- ensemble


def test_ensemble_stages_keep_their_names_under_vmap():
    conv1, conv2 = only("ensemble", "backbone.conv1"), only("ensemble", "backbone.conv2")
    assert conv1.windows == (Window(3, padding=Padding(1, 1)),) * 2
    assert conv2.windows == (Window(3, 2, padding=Padding(0, 1)),) * 2  # (6 - 1) * 2 + 3 - 12
    assert conv1.macs == 6 * 144 * 27 * 8
    assert conv2.macs == 6 * 36 * 72 * 16
    assert only("ensemble", "heads").macs == 4 * 6 * 16 * 5
    assert only("ensemble", "heads").params == 4 * (16 * 5 + 5)


# ---- hamiltonian


def test_hamiltonian_costs_two_passes_forward_and_back():
    # hidden and out forward; the gradient runs through both backwards, to the input alone.
    assert traced("hamiltonian").macs == 7 * (2 * 10 + 10 * 1) + 7 * (10 * 1 + 2 * 10)
    assert traced("hamiltonian").outputs[0].shape == (7, 2)
    assert {s.path for s in stages("hamiltonian", op="linear")} == {"hidden", "out"}


# What stands in the line that a stage points at.
LINES = [
    ("resnet50", "blocks.5.conv2", "self.conv2(y)"),
    ("resnet50", "blocks.0.downsample.layers.0", "self.downsample(x)"),
    ("mobilenet", "layers.3.body.layers.1.norm", "self.norm(self.conv(x))"),
    ("convnext", "stages.3.2.pwconv1", "self.pwconv1("),
    ("attention_unet", "layers.gate1.psi", "self.psi("),
    ("scanned", "layers.conv", "self.conv("),
    ("half_precision", "squeeze.up", "self.up("),
    ("recurrent", "lstm.cell.hi", "self.lstm(sequence)"),
    ("linen_net", "blocks_0.conv", "linen.Conv("),
    ("two_towers", "text.embed", "self.embed(tokens)"),
]


@pytest.mark.parametrize(("name", "path", "words"), LINES)
def test_a_stage_points_at_its_line(name, path, words):
    source = stages(name, path)[0].source
    assert source is not None
    assert words in Path(source.file).read_text(encoding="utf-8").splitlines()[source.line - 1]
