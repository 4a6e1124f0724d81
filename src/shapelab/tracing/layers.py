"""The layers of flax that one stage stands for, and what to call it."""

from __future__ import annotations

from flax import linen, nnx

LAYER_OPS: dict[type, str] = {
    nnx.Conv: "conv",
    nnx.ConvTranspose: "conv_transpose",
    nnx.BatchNorm: "batch_norm",
    nnx.LayerNorm: "layer_norm",
    nnx.GroupNorm: "group_norm",
    nnx.RMSNorm: "rms_norm",
    nnx.Linear: "linear",
    nnx.LinearGeneral: "linear",
    nnx.Einsum: "einsum",
    nnx.Embed: "embed",
    nnx.Dropout: "dropout",
    nnx.PReLU: "prelu",
    nnx.LoRA: "lora",
    nnx.LoRALinear: "lora_linear",
    linen.Conv: "conv",
    linen.ConvTranspose: "conv_transpose",
    linen.BatchNorm: "batch_norm",
    linen.LayerNorm: "layer_norm",
    linen.GroupNorm: "group_norm",
    linen.RMSNorm: "rms_norm",
    linen.Dense: "linear",
    linen.DenseGeneral: "linear",
    linen.Einsum: "einsum",
    linen.Embed: "embed",
    linen.Dropout: "dropout",
    linen.PReLU: "prelu",
}


def layer_op(cls: type) -> str | None:
    """What a layer of flax does, also one derived from it; None for anything else."""
    return next((LAYER_OPS[base] for base in cls.__mro__ if base in LAYER_OPS), None)
