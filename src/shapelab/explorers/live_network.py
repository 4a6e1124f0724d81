"""What the texts of the network lessons say of the present setting. Shapes, sizes and counts come from the trace."""

from __future__ import annotations

from shapelab.explorers.words import count, shape_text
from shapelab.lessons.base import Config
from shapelab.tracing.records import Stage, Trace

NONE = "none"
PICKS = {  # what a word of the text selects in the picture: the first stage that does this
    "pick_conv": "conv",
    "pick_bn": "batch_norm",
    "pick_relu": "relu",
    "pick_pool": "max_pool",
    "pick_up": "conv_transpose",
    "pick_join": "concatenate",
    "pick_add": "add",
}


def live_network(trace: Trace, config: Config) -> dict[str, str]:
    """The live words of a network, by name; ``pick_…`` are what to select, "" where there is no such stage."""
    given = trace.inputs[trace.main].shape
    fails = trace.error is not None or not trace.outputs
    told = {
        "input_shape": shape_text(given),
        "input_torch": shape_text((1, given[-1], *given[:-1])),
        "output_shape": "no output: the call fails" if fails else shape_text(trace.outputs[0].shape),
        "params": f"{trace.params:,}",
        "macs": count(trace.macs),
        "stages": str(len(trace.stages)),
        "H_in": str(given[0]),
        "W_in": str(given[1]),
        "C_in": str(given[-1]),
        "kernel_shape": _first_kernel(trace),
        "kernel_torch": _first_kernel(trace, torch=True),
        "field": _field(trace),
        "batch_say": _batch_say(trace, given),
    }
    told |= {name: _pick(trace, op) for name, op in PICKS.items()} | _mode(config)
    return told | (_levels(trace, config, given) if "depth" in config.rules() else _block(trace, config))


def _pick(trace: Trace, op: str) -> str:
    found = (i for i, stage in enumerate(trace.stages) if stage.op == op)
    return next((f"stage:{i}" for i in found), "")


def _first_kernel(trace: Trace, *, torch: bool = False) -> str:
    kernels = [p.shape for stage in trace.stages if stage.op == "conv" for p in stage.parameters if len(p.shape) == 4]
    if not kernels:
        return NONE
    rows, columns, given, made = kernels[0]
    return shape_text((made, given, rows, columns) if torch else kernels[0])


def _field(trace: Trace) -> str:
    """The receptive field of the last stage that windows alone lead to."""
    fields = [stage.receptive_field for stage in trace.stages if stage.receptive_field]
    return "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}".join(str(axis.size) for axis in fields[-1]) if fields else NONE


def _batch_say(trace: Trace, given: tuple[int, ...]) -> str:
    """Over how many numbers the first batch norm takes a mean."""
    stage = next((stage for stage in trace.stages if stage.op == "batch_norm"), None)
    if stage is None:
        return "none is reached before the call fails"
    rows, columns = stage.in_shapes[0][:2]
    return f"{rows} · {columns} = {rows * columns:,} numbers a channel"


def _mode(config: Config) -> dict[str, str]:
    mode = str(getattr(config, "mode", "train"))
    if mode == "eval":
        said = "Now it evaluates: fixed running statistics, and every cell depends on its own surroundings alone."
    else:
        said = "Now it trains: statistics of this very input, and every cell depends on the whole image."
    return {"mode": mode, "mode_say": said}


def _block(trace: Trace, config: Config) -> dict[str, str]:
    """Of a residual block: what meets at the addition, and by which way the input comes there."""
    met = next((stage for stage in trace.stages if stage.op == "add"), None)
    if met is not None:
        added = f"{_pair(met.in_shapes, ' + ')} → {_unbroken(met.out_shape)}"
    else:
        added = _unmet(trace, "add", "added")
    if getattr(config, "shortcut", "identity") == "projection":
        way = "Here the shortcut is a projection."
    else:
        way = "Here the shortcut is the input itself."
    return {"added": added, "shortcut_say": way}


def _pair(shapes: tuple[tuple[int, ...], ...], joint: str) -> str:
    return joint.join(_unbroken(shape) for shape in shapes[:2])


def _unbroken(shape: tuple[int, ...]) -> str:
    """A shape that no line breaks."""
    return shape_text(shape).replace(" ", "\N{NO-BREAK SPACE}")


def _levels(trace: Trace, config: Config, given: tuple[int, ...]) -> dict[str, str]:
    """Of a U-Net: its levels, the sizes that fit it, and what meets at a join."""
    pools = sum(stage.op == "max_pool" for stage in trace.stages)
    depth = int(getattr(config, "depth", pools))
    factor = 2**depth
    joins = [stage for stage in trace.stages if stage.op == "concatenate"]
    return {
        "depth": str(depth),
        "depth_say": "once" if depth == 1 else "twice" if depth == 2 else f"{depth} times",
        "factor": str(factor),
        "heights": " → ".join(map(str, _heights(trace.stages, given[0]))),
        "channels": " → ".join(map(str, _channels(trace))) or NONE,
        "fit_H": _fit(given[0], factor),
        "fit_W": _fit(given[1], factor),
        "joined": _joined(joins[-1]) if joins else _unmet(trace, "concatenate", "joined"),
    }


def _heights(stages: tuple[Stage, ...], height: int) -> list[int]:
    """The rows of the image on its way down."""
    return [height, *(stage.out_shape[0] for stage in stages if stage.op == "max_pool")]


def _channels(trace: Trace) -> list[int]:
    """The channels of each level on the way down, as far as the call comes."""
    down: list[int] = []
    for stage in trace.stages:
        if stage.op in ("conv_transpose", "concatenate"):
            break
        if stage.op == "conv" and stage.out_shape[-1] not in down:
            down.append(stage.out_shape[-1])
    return down


def _fit(size: int, factor: int) -> str:
    whole, rest = divmod(size, factor)
    return f"{whole}·{factor} = {size} fits" if not rest else f"{whole}·{factor} + {rest} = {size} does not fit"


def _joined(stage: Stage) -> str:
    return f"{_pair(stage.in_shapes, ' beside ')} give {_unbroken(stage.out_shape)}"


def _unmet(trace: Trace, op: str, done: str) -> str:
    """Of a call that fails: the two shapes that did not fit, if it fails just here."""
    error = trace.error
    if error is not None and error.op == op and len(error.in_shapes) > 1:
        return f"{_pair(error.in_shapes, ' and ')} cannot be {done}"
    return "the call fails before it gets there"
