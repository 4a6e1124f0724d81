"""The five models in plain NumPy, float64, written from their definitions and nothing else.

Loops run over kernel taps or over cells, so that each line can be read against a formula.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Parameters = Mapping[str, npt.ArrayLike]
"""The parameters of one layer by name: "kernel" and "bias", or "scale" and "bias"."""


def same_output_size(size: int, stride: int) -> int:
    """Return ceil(size / stride)."""
    return -(-size // stride)


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return SAME's (lo, hi): just enough for ceil(size / stride) windows, the odd cell at the end."""
    total = max((same_output_size(size, stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def conv1d(x: npt.ArrayLike, kernel: npt.ArrayLike, bias: npt.ArrayLike) -> Array:
    """Convolve (L, C_in) by (K, C_in, C_out), SAME, stride 1."""
    column = np.asarray(x, float)[:, None, :]  # one cell wide
    return conv2d(column, np.asarray(kernel, float)[:, None], bias, 1)[:, 0]


def conv2d(x: npt.ArrayLike, kernel: npt.ArrayLike, bias: npt.ArrayLike, stride: int) -> Array:
    """Convolve (H, W, C_in) by (h, w, C_in, C_out), SAME, one stride for both axes."""
    x, kernel = np.asarray(x, float), np.asarray(kernel, float)
    (height, width, _), (kernel_h, kernel_w, _, features) = x.shape, kernel.shape
    rows, columns = same_output_size(height, stride), same_output_size(width, stride)
    padding = same_padding(height, kernel_h, stride), same_padding(width, kernel_w, stride)
    padded = np.pad(x, (*padding, (0, 0)))
    y = np.zeros((rows, columns, features))
    for p in range(kernel_h):
        for q in range(kernel_w):
            for i in range(rows):
                for j in range(columns):
                    y[i, j] += padded[i * stride + p, j * stride + q] @ kernel[p, q]
    return np.add(y, bias)


def conv_transpose_2x2(x: npt.ArrayLike, kernel: npt.ArrayLike, bias: npt.ArrayLike) -> Array:
    """Scatter each cell of (H, W, C_in) to 2x2 cells of (2H, 2W, C_out).

    The transposed convolution of Flax slides an unflipped kernel over the dilated input, so the
    kernel's last tap is the one that writes to the first of the two cells.
    """
    x, kernel = np.asarray(x, float), np.asarray(kernel, float)
    height, width, _ = x.shape
    y = np.zeros((2 * height, 2 * width, kernel.shape[-1]))
    for i in range(height):
        for j in range(width):
            for p in range(2):
                for q in range(2):
                    y[2 * i + 1 - p, 2 * j + 1 - q] += x[i, j] @ kernel[p, q]
    return np.add(y, bias)


def channel_statistics(x: npt.ArrayLike) -> tuple[Array, Array]:
    """Return each channel's mean and biased variance, over every other axis."""
    cells = np.asarray(x, float).reshape(-1, np.shape(x)[-1])
    mean = cells.sum(axis=0) / len(cells)
    return mean, ((cells - mean) ** 2).sum(axis=0) / len(cells)


def batch_norm(x: npt.ArrayLike, scale: npt.ArrayLike, bias: npt.ArrayLike) -> Array:
    """Normalise each channel by its own mean and variance, epsilon 1e-5."""
    mean, variance = channel_statistics(x)
    normalised = (np.asarray(x, float) - mean) / np.sqrt(variance + 1e-5)
    return np.add(np.multiply(normalised, scale), bias)


def relu(x: Array) -> Array:
    """Cut off below zero."""
    return np.where(x > 0, x, 0.0)


def max_pool_2x2(x: npt.ArrayLike) -> Array:
    """Keep the largest of each 2x2 cells of (H, W, C); an odd last row or column is left out."""
    x = np.asarray(x, float)
    height, width, channels = x.shape
    y = np.zeros((height // 2, width // 2, channels))
    for i in range(height // 2):
        for j in range(width // 2):
            for c in range(channels):
                y[i, j, c] = max(x[2 * i + p, 2 * j + q, c] for p in range(2) for q in range(2))
    return y


def basic_block(x: npt.ArrayLike, layers: Mapping[str, Parameters]) -> Array:
    """Run the residual block on a batch (N, H, W, C); `layers` has conv1, bn1, conv2, bn2."""
    x = np.asarray(x, float)
    y = relu(batch_norm(_conv_each(x, layers["conv1"]), **layers["bn1"]))
    return relu(x + batch_norm(_conv_each(y, layers["conv2"]), **layers["bn2"]))


def unet(x: npt.ArrayLike, layers: Mapping[str, Parameters]) -> Array:
    """Run the U-Net on a batch (N, H, W, C); `layers` has "enc1.conv", "enc1.bn", ..., "up2", ..."""
    skip1 = _conv_bn_relu(np.asarray(x, float), layers, "enc1")
    skip2 = _conv_bn_relu(np.stack([max_pool_2x2(image) for image in skip1]), layers, "enc2")
    y = _conv_bn_relu(np.stack([max_pool_2x2(image) for image in skip2]), layers, "bottom")
    y = np.stack([conv_transpose_2x2(image, **layers["up2"]) for image in y])
    y = _conv_bn_relu(np.concatenate([y, skip2], axis=3), layers, "dec2")
    y = np.stack([conv_transpose_2x2(image, **layers["up1"]) for image in y])
    return _conv_bn_relu(np.concatenate([y, skip1], axis=3), layers, "dec1")


def _conv_bn_relu(x: Array, layers: Mapping[str, Parameters], name: str) -> Array:
    return relu(batch_norm(_conv_each(x, layers[f"{name}.conv"]), **layers[f"{name}.bn"]))


def _conv_each(x: Array, parameters: Parameters) -> Array:
    return np.stack([conv2d(image, parameters["kernel"], parameters["bias"], 1) for image in x])
