"""What the texts of the convolution lessons say of a setting. Numbers come from the trace, rules stand beside them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from shapelab.explorers.words import shape_text
from shapelab.geometry import Window
from shapelab.geometry.padding import span
from shapelab.lessons.base import Config
from shapelab.tracing.records import Parameter, Stage, Trace

NONE = "none"
FAILS = "none: the call fails"
SIDES = {"H": ("above", "below"), "W": ("left", "right"), "L": ("left", "right")}
CEILING = ("SAME", "SAME_LOWER", "CIRCULAR", "REFLECT", "CAUSAL")  # pad so that ceil(n / stride) windows fit
FILLS = {
    "SAME": "SAME adds as many zeros as give ceil(n / stride) outputs.",
    "SAME_LOWER": "SAME_LOWER adds as many zeros as SAME, and an odd one goes first.",
    "VALID": "VALID adds nothing: the window stays inside the input.",
    "CIRCULAR": "CIRCULAR fills the margin from the other end, as if the axis were a ring.",
    "REFLECT": "REFLECT fills the margin with the input's mirror image.",
    "CAUSAL": "CAUSAL puts all zeros before the first cell: no output sees a later input.",
    "explicit": "Explicit padding adds the zeros that you set on each side.",
}
FILLS_TRANSPOSED = {
    "SAME": "Transposed, SAME pads the spread input until each cell has become stride cells.",
    "VALID": "Transposed, VALID pads the spread input until the window has met every cell with every tap.",
    "CIRCULAR": "Transposed, CIRCULAR folds what sticks out at one end back onto the other.",
    "explicit": "Transposed, explicit padding lies around the spread input.",
}


@dataclass(frozen=True)
class _Axis:
    """One spatial axis of the call: its name, cells before and after, and its window where one is known."""

    name: str
    before: int
    after: int | None
    window: Window | None
    step: int  # the stride as set; of a transposed convolution the window's own is 1


def live_convolution(trace: Trace, config: Config) -> dict[str, str]:
    """The live words of a lone convolution, by name; of a call that fails they say so."""
    stage = next((stage for stage in trace.stages if stage.op in ("conv", "conv_transpose")), None)
    axes = _axes(trace, stage, config)
    kernel = next((p for p in trace.parameters if len(p.shape) == len(axes) + 2), None)
    mode = _mode(stage, config)
    transposed = stage.op == "conv_transpose" if stage else getattr(config, "transposed", "no") == "yes"
    told = {"padding": mode, "padding_say": _padding_say(mode, transposed, len(axes))}
    for i, axis in enumerate(axes):
        told |= _numbers(axis, kernel.shape[i] if kernel else None, getattr(config, "dilation", 1))
        told[f"size_{axis.name}"] = _size(axis, mode, transposed)
        told[f"total_rule_{axis.name}"] = _total(axis, mode, transposed)
        told[f"odd_{axis.name}"] = _odd(axis)
        told[f"unread_{axis.name}"] = _unread(axis)
    told |= _channels(trace, stage) | _transposed(axes, transposed)
    return told | (_kernel(kernel, trace, transposed) if kernel else {})


def _axes(trace: Trace, stage: Stage | None, config: Config) -> list[_Axis]:
    sizes = trace.inputs[trace.main].shape[:-1]
    names = ("L",) if len(sizes) == 1 else ("H", "W")
    after = trace.outputs[0].shape if trace.outputs and trace.error is None else (None,) * len(sizes)
    windows = (stage.windows if stage else None) or (None,) * len(sizes)
    stride = getattr(config, "stride", 1)
    steps = (stride, getattr(config, "stride_w", stride))
    return [_Axis(*facts) for facts in zip(names, sizes, after, windows, steps, strict=False)]


def _mode(stage: Stage | None, config: Config) -> str:
    """The padding as it was set."""
    if stage is not None and stage.declared is not None:
        return stage.declared if isinstance(stage.declared, str) else "explicit"
    return str(getattr(config, "padding", "SAME"))


def _numbers(axis: _Axis, taps: int | None, dilation: int) -> dict[str, str]:
    """The plain numbers of one axis; the kernel's are known also where the trace names no window."""
    window, name = axis.window, axis.name
    numbers = {
        f"{name}_in": axis.before,
        f"{name}_out": axis.after,
        f"stride_{name}": axis.step,
        f"kernel_{name}": taps,
        f"dilation_{name}": window.dilation if window else dilation,
        f"span_{name}": span(taps, dilation) if taps else None,
        f"lo_{name}": window and window.padding.lo,
        f"hi_{name}": window and window.padding.hi,
        f"total_{name}": window and window.padding.total,
    }
    return {name: NONE if number is None else f"{number:,}" for name, number in numbers.items()}


def _size(axis: _Axis, mode: str, transposed: bool) -> str:
    """The rule for the output size with the numbers of one axis in place."""
    n, out, step, window = axis.before, axis.after, axis.step, axis.window
    if out is None:
        return FAILS
    if window is None:
        return f"{n}·{step} = {out}"  # a transposed CIRCULAR, which is more than a window that slides
    reach, total = window.span, window.padding.total
    if transposed and mode == "SAME":
        return f"{n}·{step} = {out}"
    if transposed and mode == "VALID":
        return f"{n}·{step} + max({reach} − {step}, 0) = {out}"
    if transposed:
        return f"({n} − 1)·{step} + 1 + {total} − {reach} + 1 = {out}"
    if mode in CEILING:
        return f"ceil({n} / {step}) = {out}"
    return f"floor(({n} + {total} − {reach}) / {step}) + 1 = {out}"


def _total(axis: _Axis, mode: str, transposed: bool) -> str:
    """The rule for the padding of both sides together, with the numbers of one axis in place."""
    if axis.window is None:
        return FAILS if axis.after is None else "0: it wraps round instead"
    reach, step, padding = axis.window.span, axis.step, axis.window.padding
    if mode == "explicit":
        return f"{padding.lo} + {padding.hi} = {padding.total}"
    if transposed:
        more = f" + max({reach} − {step}, 0)" if mode == "VALID" else ""
        return f"{reach} + {step} − 2{more} = {padding.total}"
    if mode == "VALID":
        return "0"
    if mode in ("SAME", "SAME_LOWER"):
        return f"max(({axis.after} − 1)·{step} + {reach} − {axis.before}, 0) = {padding.total}"
    return f"{reach} − 1 = {padding.total}"


def _odd(axis: _Axis) -> str:
    """How one axis shares out its padding, and on which side an odd cell lies."""
    if axis.window is None:
        return FAILS if axis.after is None else "no padding, so no odd cell"
    lo, hi = axis.window.padding.lo, axis.window.padding.hi
    first, last = SIDES[axis.name]
    if lo == hi:
        return f"{lo} on each side, no odd cell" if lo else "no padding, so no odd cell"
    both = f"{lo} {first}, {hi} {last}"
    return f"{both}: the odd cell goes {first if lo > hi else last}" if abs(lo - hi) == 1 else both


def _unread(axis: _Axis) -> str:
    if axis.window is None:
        return FAILS if axis.after is None else "every cell is read"
    lost = len(axis.window.unread(axis.before))
    return f"{lost} of {axis.before} cells unread" if lost else "every cell is read"


def _padding_say(mode: str, transposed: bool, axes: int) -> str:
    if transposed:
        return FILLS_TRANSPOSED.get(mode, f"flax's transposed convolution does not take {mode}.")
    if mode == "CAUSAL" and axes > 1:
        return "CAUSAL is for one axis of time: flax refuses it for images."
    return FILLS.get(mode, mode)


def _channels(trace: Trace, stage: Stage | None) -> dict[str, str]:
    """Shapes here and in PyTorch, and cost; of the kernel that there is none, for a call that has not come so far."""
    given = trace.inputs[trace.main].shape
    return {
        "input_shape": shape_text(given),
        "input_torch": shape_text((1, given[-1], *given[:-1])),
        "output_shape": shape_text(trace.outputs[0].shape) if trace.outputs and trace.error is None else FAILS,
        "C_in": str(given[-1]),
        "C_out": NONE,
        "params": f"{trace.params:,}",
        "params_say": FAILS,
        "macs": f"{stage.macs:,}" if stage else NONE,
        "kernel_shape": FAILS,
        "kernel_torch": FAILS,
        "groups": NONE,
        "groups_say": FAILS,
    }


def _kernel(kernel: Parameter, trace: Trace, transposed: bool) -> dict[str, str]:
    """The kernel's shape here and in PyTorch, its groups, and the parameters counted."""
    channels = trace.inputs[trace.main].shape[-1]
    *sides, per_group, features = kernel.shape
    groups = channels // per_group
    weights, biases = "·".join(map(str, kernel.shape)), trace.params - prod(kernel.shape)
    others = f" weights + {biases} bias{'es' * (biases > 1)}" if biases else " weights, no bias"
    torch = (per_group, features, *sides) if transposed else (features, per_group, *sides)
    return {
        "C_out": str(features),
        "kernel_shape": shape_text(kernel.shape),
        "kernel_torch": shape_text(torch),
        "groups": str(groups),
        "groups_say": _groups_say(groups, per_group, channels),
        "params_say": f"{weights}{others} = {trace.params:,}",
    }


def _groups_say(groups: int, per_group: int, channels: int) -> str:
    if groups == 1:
        return "one group: each output channel reads " + (
            f"all {channels} input channels" if channels > 1 else "the one input channel"
        )
    if per_group == 1:
        return f"{groups} groups of one channel each, depthwise: an output channel reads one input channel"
    return f"{groups} groups: each output channel reads {per_group} of {channels} input channels"


def _transposed(axes: list[_Axis], transposed: bool) -> dict[str, str]:
    """What differs in words where the convolution is transposed."""
    words = ("down", "across") if len(axes) == 2 else ("cell" + "s" * (axes[0].step > 1),)
    steps = " and ".join(f"{axis.step} {word}" for axis, word in zip(axes, words, strict=False))
    spread = " by ".join(f"{axis.before} → {(axis.before - 1) * axis.step + 1}" for axis in axes)
    letters = "HW" if len(axes) == 2 else "W"
    last = range(2, 2 + len(axes))
    if not transposed:
        order = ", ".join(map(str, (*last, 1, 0)))
        return {
            "stride_say": f"from one output to the next the window moves {steps}",
            "transposed_say": "Here the convolution is not transposed.",
            "torch_layout": f"OI{letters}",
            "torch_move": f"w.transpose({order})",
        }
    order = ", ".join(map(str, (*last, 0, 1)))
    turned = ", ".join(["...", *["::-1"] * len(axes)])
    return {
        "stride_say": f"transposed, neighbouring inputs come to lie {steps} from each other",
        "transposed_say": f"Here: {spread} cells.",
        "torch_layout": f"IO{letters}",
        "torch_move": f"w[{turned}].transpose({order})",
    }
