"""The small picture: blocks scaled by H, W and C in the order in which they run, what passes over them above."""

from __future__ import annotations

from dataclasses import dataclass, field

from shapelab.display.blocks import Drawing, Link, title_of
from shapelab.display.layout import RISE, Box, Place, Taken, bottom_of, kinds, lanes, places, width_of, words_at
from shapelab.display.markup import clipped, shape_of, text
from shapelab.figures.theme import LIGHT, SANS
from shapelab.tracing.records import Trace

NAME, SMALL = 11.5, 10.5  # sizes of type
LINE = 14.0
LANE = 9.0  # from one skip to the next above it
LEVEL = 14.0  # ends of an arrow that differ by less are drawn at one height
FEW_SKIPS = 8  # more are drawn thin
FILLS = {
    "input": (LIGHT.input_tint, LIGHT.input),
    "kernel": (LIGHT.kernel_tint, LIGHT.kernel),
    "output": (LIGHT.output_tint, LIGHT.output),
    "plain": (LIGHT.line, LIGHT.muted),
}


def picture(trace: Trace, drawn: Drawing) -> str:
    """An SVG drawing; its text alternative tells the shapes. "" for a trace without a tensor to draw."""
    if not drawn.blocks:
        return ""
    stood, width = places(drawn)
    sheet = _Sheet(drawn, stood, Taken(width))
    sheet.draw()
    top, bottom = sheet.edges()
    size = f'width="{width:.0f}" height="{bottom - top:.0f}" viewBox="0 {top:.0f} {width:.0f} {bottom - top:.0f}"'
    label = f'role="img" aria-label="{text(in_words(trace, drawn), 2000)}"'
    drawing = "\n".join(sheet.parts)
    return (
        f'<div class="sl-picture"><svg {size} {label} font-family="{text(SANS)}" fill="none">\n{drawing}\n</svg></div>'
    )


def in_words(trace: Trace, drawn: Drawing) -> str:
    """What the picture shows, for who cannot see it."""
    blocks = ", ".join(
        f"{title_of(block)} {shape_of(block.shape)}" if block.kind != "failed" else f"{block.label} fails"
        for block in drawn.blocks
    )
    skips = [
        f"{title_of(drawn.blocks[link.source])} to {title_of(drawn.blocks[link.target])}"
        for link in drawn.links
        if link.target - link.source > 1
    ]
    return f"{trace.name}: {blocks}" + (f"; skips from {', '.join(skips)}" if skips else "")


@dataclass
class _Sheet:
    drawn: Drawing
    stood: list[Place]
    taken: Taken
    parts: list[str] = field(default_factory=list)

    def draw(self) -> None:
        """Blocks take their room first, then what is said of them; other words stand where room is left."""
        self.taken.boxes += [(at.left - 2, at.top - 2, at.right + 2, at.bottom + 2) for at in self.stood]
        flows = [link for link in self.drawn.links if link.target - link.source == 1]
        skips = [link for link in self.drawn.links if link.target - link.source > 1]
        lane = lanes([(link.source, link.target) for link in skips])
        for link in sorted(skips, key=lambda one: one.fits):
            self._skip(link, lane[link.source], thin=len(skips) > FEW_SKIPS)
        for link in flows:
            self._flow(link)
        for index, kind in enumerate(kinds(self.drawn)):
            self._block(index, kind)
        down = bottom_of(self.drawn) is not None
        ground = max(at.bottom for at in self.stood)
        for index, at in enumerate(self.stood):
            self._label(index, at.bottom if down else ground)
        for link in flows:
            self._word_on(link)
        for link in skips:
            self._word_over(link, lane[link.source])

    def edges(self) -> tuple[float, float]:
        """Of all that is drawn."""
        top = min(box[1] for box in self.taken.boxes) - 4
        return top, max(box[3] for box in self.taken.boxes) + 4

    def _block(self, index: int, kind: str) -> None:
        block, at = self.drawn.blocks[index], self.stood[index]
        if kind == "failed":
            r = 9
            cross = f"M{at.x - r:.1f} {at.y - r:.1f}l{2 * r} {2 * r}m0 {-2 * r}l{-2 * r} {2 * r}"
            self._path(cross, "sl-broken", LIGHT.kernel, 3)
            self.taken.boxes.append(words_at(at.x, at.y, 2 * r + 4, 2 * r + 4))
            return
        fill, line = FILLS[kind]
        right, top, d, rise = at.x + at.width / 2, at.y - at.height / 2, at.depth, at.y - at.height / 2 - at.top
        lid = f"M{at.left:.1f} {top:.1f}l{d:.1f} {-rise:.1f}h{at.width:.1f}l{-d:.1f} {rise:.1f}z"
        side = f"M{right:.1f} {top:.1f}l{d:.1f} {-rise:.1f}v{at.height:.1f}l{-d:.1f} {rise:.1f}z"
        face = f"M{at.left:.1f} {top:.1f}h{at.width:.1f}v{at.height:.1f}h{-at.width:.1f}z"
        title = text(f"{title_of(block)} {shape_of(block.shape)} {block.type}".strip())
        outline = f'fill="{fill}" stroke="{line}" stroke-width="1.2" stroke-linejoin="round"'
        path = f'<path d="{lid}{side}{face}"/><title>{title}</title>'
        self.parts.append(f'<g class="sl-b-{kind}" {outline}>{path}</g>')

    def _label(self, index: int, bottom: float) -> None:
        """Name and shape below a block, as near as there is room for both, for one, or for a part of one."""
        block, at = self.drawn.blocks[index], self.stood[index]
        x = at.x + at.depth / 2
        shape = self._fails() if block.kind == "failed" else shape_of(block.shape)
        name = clipped(title_of(block), 22)
        step = self.stood[1].x - self.stood[0].x if len(self.stood) > 1 else self.taken.width
        short = clipped(name, max(int(step / (NAME * 0.66)), 3))
        for lines in ((name, shape), (short, shape), (short, "")):
            wide = max(width_of(lines[0], NAME), width_of(lines[1], SMALL, mono=True)) + 6
            for lower in range(0, 120, 6):
                y = bottom + 6 + lower
                height = LINE * (2 if lines[1] else 1)
                centre = min(max(x, wide / 2 + 1), self.taken.width - wide / 2 - 1)
                if self.taken.take((centre - wide / 2, y, centre + wide / 2, y + height)):
                    broken = " sl-broken" if block.kind == "failed" else ""
                    self._text(centre, y + LINE / 2, lines[0], NAME, f"sl-name{broken}", LIGHT.ink)
                    if lines[1]:
                        self._text(centre, y + 1.5 * LINE, lines[1], SMALL, f"sl-mono{broken}", LIGHT.muted)
                    return

    def _fails(self) -> str:
        return "does not fit" if any(not link.fits and link.words for link in self.drawn.links) else "fails"

    def _flow(self, link: Link) -> None:
        start, end = self._ends(link)
        style = ("sl-flow", LIGHT.muted) if link.fits else ("sl-broken", LIGHT.kernel)
        (x0, y0), (x1, y1) = start, end
        middle = (x0 + x1) / 2
        line = f"M{x0:.1f} {y0:.1f}C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
        self._path(f"{line}m-5 -3.5l5 3.5l-5 3.5", *style, 1.4, ", ".join(link.words))

    def _ends(self, link: Link) -> tuple[tuple[float, float], tuple[float, float]]:
        before, after = self.stood[link.source], self.stood[link.target]
        start = before.y - before.depth * RISE / 2  # the middle of the right side
        level = abs(after.y - start) <= LEVEL
        return (before.right + 3, after.y if level else start), (after.left - 4, after.y)

    def _skip(self, link: Link, lane: int, *, thin: bool) -> None:
        """Up from the source, along above all that it passes over, down to the target."""
        before, after = self.stood[link.source], self.stood[link.target]
        x0, x1 = before.x + before.depth, after.x + after.depth / 2 - 3
        y = self._lane_at(link, lane)
        y0, y1 = before.top - 2, after.top - 4
        r = min(8.0, (x1 - x0) / 2, max(y0 - y, 0.0), max(y1 - y, 0.0))
        line = (
            f"M{x0:.1f} {y0:.1f}V{y + r:.1f}Q{x0:.1f} {y:.1f} {x0 + r:.1f} {y:.1f}"
            f"H{x1 - r:.1f}Q{x1:.1f} {y:.1f} {x1:.1f} {y + r:.1f}V{y1:.1f}m-3.5 -5l3.5 5l3.5 -5"
        )
        style = ("sl-skip", LIGHT.padding) if link.fits else ("sl-broken", LIGHT.kernel)
        self._path(line, *style, 0.9 if thin else 1.5, ", ".join(link.words))
        self.taken.boxes += [(x0, y - 2, x1, y + 2), (x0 - 2, y, x0 + 2, y0), (x1 - 4, y, x1 + 4, y1)]

    def _lane_at(self, link: Link, lane: int) -> float:
        """How high a skip runs: above each block that any skip of the same source passes over."""
        reach = max(one.target for one in self.drawn.links if one.source == link.source)
        return min(at.top for at in self.stood[link.source : reach + 1]) - 12 - LANE * lane

    def _word_on(self, link: Link) -> None:
        """The words on an arrow where there is room: all, the first, or a sign of more: its title has all."""
        if not link.words or not link.fits:
            return
        first, *more = link.words
        short = [f"{first} …", "…"] if more else []
        for words in (", ".join(link.words), *short):
            wide = width_of(words, SMALL) + 4
            for centre in self._beside(link, wide):
                if self.taken.take(words_at(*centre, wide, LINE - 1)):
                    self._text(*centre, words, SMALL, "", LIGHT.muted)
                    return

    def _beside(self, link: Link, wide: float) -> list[tuple[float, float]]:
        """Where words may stand at an arrow: above or below a level one, on the inner side of one that climbs."""
        (x0, y0), (x1, y1) = self._ends(link)
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        if abs(y1 - y0) <= LEVEL:
            return [(x, y - 10), (x, y + 10), (x, y - 22), (x, y + 22)]
        if y1 > y0:
            return [(x0 + wide / 2 + 2 + 9 * turn, y0 - 8 + 9 * turn) for turn in range(4)]
        return [(x1 - wide / 2 - 10 - 9 * turn, y1 - 8 + 9 * turn) for turn in range(4)]

    def _word_over(self, link: Link, lane: int) -> None:
        """The words on a skip, above the middle of its line."""
        words = ", ".join(link.words) if link.words else "skip"
        before, after = self.stood[link.source], self.stood[link.target]
        box: Box = words_at((before.right + after.left) / 2, self._lane_at(link, lane) - 9, width_of(words, SMALL), 12)
        colours = ("sl-skip", LIGHT.padding_text) if link.fits else ("sl-broken", LIGHT.kernel)
        if self.taken.take(box):
            self._text((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, words, SMALL, *colours)

    def _text(self, x: float, y: float, words: str, size: float, kind: str, colour: str) -> None:
        kind = f' class="{kind}"' if kind else ""
        place = f'x="{x:.1f}" y="{y + size * 0.35:.1f}" font-size="{size}" text-anchor="middle" fill="{colour}"'
        self.parts.append(f"<text{kind} {place}>{text(words)}</text>")

    def _path(self, line: str, kind: str, colour: str, width: float, title: str = "") -> None:
        inner = f"><title>{text(title)}</title></path>" if title else "/>"
        self.parts.append(f'<path class="{kind}" d="{line}" stroke="{colour}" stroke-width="{width}"{inner}')
