"""What stands in the cells of a row: short on the page, whole in the title."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from shapelab.display.markup import shape_of
from shapelab.geometry import Padding, Window
from shapelab.geometry.padding import Fill
from shapelab.tracing.records import SPATIAL, Stage

FEW = 6  # unread cells that a title still lists


def window_of(stage: Stage) -> tuple[str, str]:
    """``3×3 /2 dilation 2``, and the same in words."""
    windows = stage.windows or ()
    if not windows:
        return "", ""
    sizes, strides = [w.size for w in windows], [w.stride for w in windows]
    dilations, spreads = [w.dilation for w in windows], [w.base_dilation for w in windows]
    short, words = _times(sizes), f"window {_times(sizes)}, stride {_one(strides)}"
    if set(strides) != {1}:
        short += f" /{_one(strides)}"
    if set(spreads) != {1}:
        short += f" ↑{_one(spreads)}"
        words += f", its input's cells spread {_one(spreads)} apart"
    if set(dilations) != {1}:
        short += f" dilation {_one(dilations)}"
        words += f", dilation {_one(dilations)}"
    return short, words


def padding_of(stage: Stage) -> str:
    """``SAME 1+1``, ``CIRCULAR 1+1, 2+2``, ``VALID``, ``SAME crop 0+1``: in the words of ``shapelab.report``."""
    windows = stage.windows or ()
    if not windows:
        return ""
    transposed = stage.op == "conv_transpose" or any(window.base_dilation > 1 for window in windows)
    each = [_cropped(window) if transposed else (window.padding.lo, window.padding.hi) for window in windows]
    mode = stage.declared if isinstance(stage.declared, str) else _fill([window.padding for window in windows])
    if mode == "VALID" and not any(map(any, each)):
        return mode
    amounts = _one([f"{lo}+{hi}" for lo, hi in each], ", ")
    return " ".join(filter(None, (mode, "crop" if transposed else "", amounts)))


def unread_of(stage: Stage) -> tuple[str, str]:
    """``1 unread``, and which cells; empty where each cell is read."""
    if stage.windows is None or stage.slides_over is None:
        return "", ""
    names = [name for name in stage.layout if name in SPATIAL]
    counts, words = [], []
    for axis, (window, size) in enumerate(zip(stage.windows, stage.slides_over, strict=True)):
        cells = _unread(window, size)
        if cells:
            name = names[axis] if len(names) == len(stage.windows) else f"axis {axis + 1}"
            counts.append(f"{name} {len(cells)}" if len(stage.windows) > 1 else str(len(cells)))
            listed = ", ".join(map(str, cells[:FEW])) + (", …" if len(cells) > FEW else "")
            words.append(f"{name}: of {size} cells no window reads {listed}")
    return ("unread " + ", ".join(counts), "; ".join(words)) if counts else ("", "")


def field_of(stage: Stage) -> str:
    """``7×7``, with a star where statistics couple all cells."""
    return _times([field.size for field in stage.receptive_field or ()]) + "*" * stage.couples_all


def letters_of(stage: Stage) -> str:
    """``NHWC``, a dot for an axis without a name; "" where none has one."""
    return "".join(axis or "·" for axis in stage.layout) if any(stage.layout) else ""


def macs_of(stage: Stage) -> tuple[str, str]:
    """``12 × 1,024`` for a stage that runs more than once, and the product."""
    if not stage.macs:
        return "", ""
    if stage.repeats is None:
        return f"? × {stage.macs:,}", f"{stage.macs:,} MACs a turn; how many turns only the run tells"
    if stage.repeats == 1:
        return f"{stage.macs:,}", f"{stage.flops:,} FLOPs"
    return f"{stage.repeats} × {stage.macs:,}", f"{stage.repeats * stage.macs:,} MACs in all"


def parameters_of(stage: Stage) -> str:
    """Each parameter array and its shape; of many their number."""
    if len(stage.parameters) > FEW:
        return f"{len(stage.parameters)} arrays"
    return "; ".join(f"{parameter.path.split('.')[-1]} {shape_of(parameter.shape)}" for parameter in stage.parameters)


@lru_cache(maxsize=4096)
def _unread(window: Window, size: int) -> tuple[int, ...]:
    """``Window.unread``, which many stages ask with the same numbers; all cells where no window fits."""
    return window.unread(size) if window.padded_size(size) >= window.span else tuple(range(size))


def _cropped(window: Window) -> tuple[int, int]:
    """What a transposed convolution takes away from its full output at either end: the padding as it is declared."""
    return window.span - 1 - window.padding.lo, window.span - 1 - window.padding.hi


def _fill(pads: Sequence[Padding]) -> str:
    """The name of what padding cells hold, where it is not a constant: the program keeps that alone."""
    fills = {pad.fill for pad in pads if pad.total} - {Fill.CONSTANT}
    return fills.pop().name if len(fills) == 1 else ""


def _times(numbers: Sequence[object]) -> str:
    return "×".join(map(str, numbers))


def _one(values: Sequence[object], between: str = "×") -> str:
    """One value for all axes, or each axis's."""
    return str(values[0]) if len(set(values)) == 1 else between.join(map(str, values))
