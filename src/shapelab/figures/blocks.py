"""What the blocks of a network look like, whichever way they stand: sizes, colours, words, and where to point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shapelab.figures.canvas import Canvas, Point, Spec
from shapelab.figures.folding import BROKEN, Block, Folded, size_of
from shapelab.figures.theme import LIGHT
from shapelab.tracing.records import Stage, Trace

Box = tuple[float, float, float, float]
"""Left, top, width, height."""

RISE = 0.62  # how far the far side of a block stands above the near one, per pixel of depth
STRONG, PLAIN = 2.8, 1.3
RADIUS = 14.0  # of a join


def colours(trace: Trace, folded: Folded) -> list[tuple[str, str]]:
    """Input blue until the smallest image, that one magenta, output green from where it grows again.

    Where it does not grow again, only blocks that hold a kernel are magenta, and the last is green.
    """
    blue, magenta = (LIGHT.input, LIGHT.input_tint), (LIGHT.kernel, LIGHT.kernel_tint)
    green, neutral = (LIGHT.output, LIGHT.output_tint), (LIGHT.muted, LIGHT.line)
    heights = [size_of(block.shape, block.layout)[0] for block in folded.blocks if block.sign != BROKEN]
    smallest, last = min(heights), len(heights) - 1
    broken = [(LIGHT.failed, LIGHT.background)] * (trace.error is not None)
    if not folded.steps or (heights[last] == smallest and not broken):
        kernels = [any(trace.stages[i].macs for i in block.stages) for block in folded.blocks[: last + 1]]
        worn = [blue, *(magenta if kernel else neutral for kernel in kernels[1:])]
        return [*worn, *broken] if broken or not last else [*worn[:-1], green]
    first, final = heights.index(smallest), last - heights[::-1].index(smallest)
    if smallest == heights[0]:
        first, final = 1, last
    worn = [blue if i < first else green if i > final else magenta for i in range(last + 1)]
    return [*worn, *broken]


def shape_of(block: Block) -> str:
    """The shape as it is written below a block; nothing where nothing came about."""
    return "" if block.sign == BROKEN else "(" + ", ".join(map(str, block.shape)) + ")"


def solid(canvas: Canvas, face: Box, depth: float, worn: tuple[str, str], *, strong: bool) -> None:
    """A block: its front face, and lid and side going back to the upper right."""
    left, top, right, bottom = face[0], face[1], face[0] + face[2], face[1] + face[3]
    rise, weight = depth * RISE, STRONG if strong else PLAIN
    lid = [(left, top), (left + depth, top - rise), (right + depth, top - rise), (right, top)]
    side = [(right, top), (right + depth, top - rise), (right + depth, bottom - rise), (right, bottom)]
    for points in (lid, side, [(left, top), (right, top), (right, bottom), (left, bottom)]):
        canvas.polygon(points, line=worn[0], width=weight, fill=worn[1])


def join(canvas: Canvas, centre: Point, sign: str, worn: tuple[str, str], *, strong: bool) -> None:
    """The place at which two tensors meet: a circle with its sign, ✕ where they do not fit."""
    (x, y), r = centre, RADIUS
    k = 0.5523 * r  # of a circle of four Bézier curves
    points = [(-k, -r), (-r, -k), (-r, 0), (-r, k), (-k, r), (0, r), (k, r), (r, k), (r, 0), (r, -k), (k, -r), (0, -r)]
    around = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in points)
    colour = worn[0] if sign == BROKEN else LIGHT.ink
    width = STRONG if strong or sign == BROKEN else 1.6
    canvas.path(f"M {x:.1f},{y - r:.1f} C {around} Z", line=colour, width=width, fill=LIGHT.panel)
    canvas.text((x, y), f"<b>{sign}</b>", colour=colour, size=18)


def meta(trace: Trace, folded: Folded, places: Sequence[Box], arrows: Mapping[int, Box], selected: int | None) -> Spec:
    """What the view reads: in the order in which they run, the blocks and arrows that stages can be chosen by.

    Args:
      trace: what is shown.
      folded: the same in blocks.
      places: of the blocks, with their words.
      arrows: places of the arrows that stand for stages, by the block they lead to.
      selected: the stage that is selected.
    """
    found: list[Spec] = []
    parts: dict[str, Spec] = {}
    for i, block in enumerate(folded.blocks):
        steps = folded.steps.get(i, ())
        if steps and i in arrows:
            found.append({"box": arrows[i], "stages": steps, "says": _says(folded.arrows.get(i, ""), trace, steps)})
        stages = block.stages if i in arrows else (*steps, *block.stages)
        found.append({"box": places[i], "stages": stages, "says": _says(block.label, trace, stages, shape_of(block))})
    for block_meta in found:
        for stage in block_meta["stages"]:
            parts[f"stage-{stage}"] = {"boxes": [block_meta["box"]], "says": trace.stages[stage].name}
    return {"kind": "network", "blocks": found, "parts": parts, "selected": -1 if selected is None else selected}


def _says(label: str, trace: Trace, stages: Sequence[int], shape: str = "") -> str:
    """``enc1: (64, 48, 8) · 240 parameters · 663,552 MACs · conv, batch_norm, relu``."""
    held: list[Stage] = [trace.stages[i] for i in stages]
    facts = [shape or "(" + ", ".join(map(str, held[-1].out_shape)) + ")" if held else shape]
    params, macs = sum(stage.params for stage in held), sum(stage.macs for stage in held)
    facts += [f"{params:,} parameters"] if params else []
    facts += [f"{macs:,} MACs"] if macs else []
    facts += [", ".join(stage.op for stage in held)] if len(held) > 1 else []
    return f"{label or held[-1].op}: " + " · ".join(filter(None, facts)) if any(facts) else label


def in_words(trace: Trace, folded: Folded) -> str:
    """What the picture shows, for who cannot see it."""
    blocks = folded.blocks
    parts = [f"{b.label} {b.shape}" for b in blocks if b.sign != BROKEN]
    said = [f"{trace.name}: {', '.join(parts)}"]
    said += [f"skip from {blocks[s.source].label} to {blocks[s.target].label}" for s in folded.skips if s.fits]
    for lane in folded.lanes:
        beside = ", ".join(blocks[i].label for i in lane.blocks)
        said.append(f"{beside} beside it from {blocks[lane.source].label} to {blocks[lane.target].label}")
    if trace.error is not None:
        shapes = " and ".join(map(str, trace.error.in_shapes[:2]))
        said.append(f"{blocks[-1].label} fails: {shapes} do not fit" if shapes else f"{blocks[-1].label} fails")
    return "; ".join(said)
