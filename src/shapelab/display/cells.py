"""What stands in the cells of a row: short on the page, whole in the title."""

from __future__ import annotations

from collections.abc import Sequence

from shapelab.display.markup import shape_of
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


def unread_of(stage: Stage) -> tuple[str, str]:
    """``1 unread``, and which cells; empty where each cell is read."""
    if stage.windows is None or stage.slides_over is None:
        return "", ""
    names = [name for name in stage.layout if name in SPATIAL]
    counts, words = [], []
    for axis, (cells, size) in enumerate(zip(stage.unread or (), stage.slides_over, strict=True)):
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


def _times(numbers: Sequence[object]) -> str:
    return "×".join(map(str, numbers))


def _one(values: Sequence[object], between: str = "×") -> str:
    """One value for all axes, or each axis's."""
    return str(values[0]) if len(set(values)) == 1 else between.join(map(str, values))
