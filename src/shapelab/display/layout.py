"""Where the blocks of a picture stand, and where words find room among them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from shapelab.display.blocks import Block, Drawing
from shapelab.figures.canvas import Canvas
from shapelab.figures.folding import size_of

WIDTH = 720.0
MARGIN = 56.0  # half of what the words below the first and the last block may take
UNIT = 92.0  # how tall the tallest block stands
STEP = 128.0  # at most from one block to the next
DROP = 36.0  # how much lower a block stands in a U for each halving of the image
RISE = 0.5  # how far the far side of a block stands above the near one, per pixel of depth


@dataclass(frozen=True)
class Place:
    """A block's front face by its centre and size, and its depth to the upper right."""

    x: float
    y: float
    width: float
    height: float
    depth: float

    @property
    def top(self) -> float:
        """Of the far side."""
        return self.y - self.height / 2 - self.depth * RISE

    @property
    def bottom(self) -> float:
        """Of the front face."""
        return self.y + self.height / 2

    @property
    def left(self) -> float:
        """Of the front face."""
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        """Of the far side."""
        return self.x + self.width / 2 + self.depth


Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass
class Taken:
    """The boxes that are drawn on already."""

    width: float
    boxes: list[Box] = field(default_factory=list)

    def free(self, box: Box) -> bool:
        """Whether a box lies on the sheet and meets none that is taken."""
        inside = box[0] >= 1 and box[2] <= self.width - 1
        return inside and not any(
            box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3] for other in self.boxes
        )

    def take(self, box: Box) -> bool:
        """Take a box if it is free."""
        found = self.free(box)
        if found:
            self.boxes.append(box)
        return found


def words_at(x: float, y: float, width: float, height: float) -> Box:
    """The box of a line of words centred at x, its middle at y."""
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def width_of(words: str, size: float, *, mono: bool = False) -> float:
    """About how wide words are, on the wide side."""
    return Canvas.width_of(words, size, mono) * (1 if mono else 1.08)


def bottom_of(drawn: Drawing) -> tuple[int, int] | None:
    """The first and last block of the bottom of a U; None where the image does not shrink and grow again."""
    heights = {index: _size(block)[0] for index, block in enumerate(drawn.blocks) if _is_image(block, drawn)}
    smallest = min(heights.values(), default=1.0)
    low = [index for index, height in heights.items() if height == smallest]
    if not low:
        return None
    before = max((height for index, height in heights.items() if index < low[0]), default=0)
    after = max((height for index, height in heights.items() if index > low[-1]), default=0)
    return (low[0], low[-1]) if min(before, after) >= 2 * smallest else None


def _is_image(block: Block, drawn: Drawing) -> bool:
    """Whether a block has as many axes as the input: a vector beside the images is no part of a U."""
    return block.kind != "failed" and len(block.shape) == len(drawn.blocks[0].shape)


def kinds(drawn: Drawing) -> list[str]:
    """The colour that each block wears: of a U the way down blue, its bottom magenta, the way up green."""
    low = bottom_of(drawn)
    return [
        block.kind
        if low is None or block.kind in ("failed", "input")
        else ("input" if index < low[0] else "output" if index > low[1] else "kernel")
        for index, block in enumerate(drawn.blocks)
    ]


def places(drawn: Drawing) -> tuple[list[Place], float]:
    """Where each block stands, and the width of the sheet. The tallest block's middle is at height 0."""
    sizes = [_size(block) for block in drawn.blocks]
    tallest = max(size[0] for size, block in zip(sizes, drawn.blocks, strict=True) if _is_image(block, drawn))
    widest = max(max(h, w) for h, w, _ in sizes)
    deepest, down = max(c for _, _, c in sizes), bottom_of(drawn) is not None
    step = min(STEP, (WIDTH - 2 * MARGIN) / max(len(sizes) - 1, 1))
    found: list[Place] = []
    for index, (h, w, c) in enumerate(sizes):
        height = max(UNIT * h / widest, 8.0)
        depth = min(max(0.3 * UNIT * w / widest, 4.0), step * 0.26)
        width = min(6.0 + 36.0 * math.sqrt(c / deepest), step * 0.4)
        y = DROP * round(math.log2(tallest / h)) - (UNIT - height) * 0.1 if down else 0.0
        if found and not _is_image(drawn.blocks[index], drawn):
            y = found[-1].y
        found.append(Place(MARGIN + step * index - depth / 2, y, width, height, depth))
    return found, 2 * MARGIN + step * (len(sizes) - 1)


def lanes(spans: Sequence[tuple[int, int]]) -> dict[int, int]:
    """A lane above the blocks for each source of skips, so that no two that overlap share one; inner ones lower."""
    reach: dict[int, int] = {}
    for source, target in spans:
        reach[source] = max(reach.get(source, target), target)
    lane: dict[int, int] = {}
    for source in sorted(reach, key=lambda one: (reach[one] - one, one)):
        near = {lane[o] for o in lane if o < reach[source] and source < reach[o]}
        lane[source] = next(number for number in range(len(reach) + 1) if number not in near)
    return lane


def _size(block: Block) -> tuple[float, float, float]:
    """H, W and C, at least 1 each; the batch is no size of an image."""
    if block.kind == "failed":
        return 1.0, 1.0, 1.0
    named = list(zip(block.layout, block.shape, strict=False))
    batched = len(named) > 1 and named[0][0] == "N"
    shape = block.shape[1:] if batched else block.shape
    layout = block.layout[1:] if batched else block.layout
    h, w, c = size_of(shape, layout)
    axes = dict(named)
    h, w = float(axes.get("H", h)), float(axes.get("W", w))  # of a video the frames, not the time
    return max(h, 1.0), max(w, 1.0), max(c, 1.0)
