"""A sheet of paper for a figure: places in design pixels from the top left, gathered into one Plotly spec.

The view multiplies a whole sheet, type included, by one factor to fit its place: what does not overlap here overlaps
nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from shapelab.figures.theme import LIGHT, MONO, SANS

Point = tuple[float, float]
Spec = dict[str, Any]


@dataclass
class Canvas:
    """A sheet ``width`` by ``height`` design pixels; x to the right, y down."""

    width: float
    height: float
    data: list[Spec] = field(default_factory=list)
    shapes: list[Spec] = field(default_factory=list)
    annotations: list[Spec] = field(default_factory=list)
    tips: list[Spec] = field(default_factory=list)
    """Grids whose cells say something under the pointer, as the view reads them."""

    def text(
        self,
        at: Point,
        text: str,
        *,
        colour: str = LIGHT.muted,
        size: float = 13,
        mono: bool = False,
        anchor: str = "center",
        baseline: str = "middle",
        angle: float = 0,
        name: str | None = None,
    ) -> None:
        """One line of text. ``text`` may hold Plotly's <b> and <i>; it must come from this package."""
        self.annotations.append(
            {
                **({"name": name} if name else {}),
                "x": at[0],
                "y": at[1],
                "text": text,
                "showarrow": False,
                "xanchor": anchor,
                "yanchor": baseline,
                "textangle": angle,
                "font": {"color": colour, "size": size, "family": MONO if mono else SANS},
            }
        )

    def rectangle(
        self,
        corner: Point,
        size: Point,
        *,
        line: str | None = None,
        fill: str | None = None,
        width: float = 1,
        below: bool = False,
        opacity: float = 1.0,
        name: str | None = None,
    ) -> None:
        """A rectangle from its top left corner."""
        self.shapes.append(
            {
                **({"name": name} if name else {}),
                "type": "rect",
                "x0": corner[0],
                "y0": corner[1],
                "x1": corner[0] + size[0],
                "y1": corner[1] + size[1],
                "line": {"color": line or "rgba(0,0,0,0)", "width": width if line else 0},
                "fillcolor": fill or "rgba(0,0,0,0)",
                "layer": "below" if below else "above",
                "opacity": opacity,
            }
        )

    def path(
        self,
        path: str,
        *,
        line: str,
        width: float = 1.5,
        fill: str | None = None,
        below: bool = False,
        opacity: float = 1.0,
        name: str | None = None,
    ) -> None:
        """An SVG path in the sheet's coordinates (M, L, C, Z with absolute numbers); nothing where it is empty."""
        if not path or not width:
            return
        self.shapes.append(
            {
                **({"name": name} if name else {}),
                "type": "path",
                "path": path,
                "line": {"color": line, "width": width},
                "fillcolor": fill or "rgba(0,0,0,0)",
                "layer": "below" if below else "above",
                "opacity": opacity,
            }
        )

    def polygon(self, points: Sequence[Point], *, line: str, fill: str, width: float) -> None:
        """A closed, filled outline."""
        self.path(f"M {_joined(points)} Z", line=line, fill=fill, width=width)

    def open_line(self, points: Sequence[Point], *, line: str, opacity: float) -> None:
        """A thin open line, behind everything."""
        self.path(f"M {_joined(points)}", line=line, width=1, below=True, opacity=opacity)

    def link(self, start: Point, end: Point, *, colour: str, upright: bool = False, name: str | None = None) -> None:
        """A thin S-shaped line that leaves and arrives level (upright: plumb)."""
        (x0, y0), (x1, y1) = start, end
        middle = ((x0 + x1) / 2, (y0 + y1) / 2)
        bends = [(x0, middle[1]), (x1, middle[1])] if upright else [(middle[0], y0), (middle[0], y1)]
        path = f"M {_joined([start])} C {' '.join(_joined([p]) for p in [*bends, end])}"
        self.path(path, line=colour, opacity=0.65, name=name)

    def arrow(
        self, start: Point, end: Point, bend: float = 0, *, lean: float = 0, colour: str, width: float = 1.6
    ) -> None:
        """A curved arrow, its middle lifted by ``bend`` pixels and moved to the left by ``lean``."""
        (x0, y0), (x1, y1) = start, end
        middle = ((x0 + x1) / 2 - 2 * lean, (y0 + y1) / 2 - 2 * bend)
        self.path(f"M {x0:.1f},{y0:.1f} Q {middle[0]:.1f},{middle[1]:.1f} {x1:.1f},{y1:.1f}", line=colour, width=width)
        dx, dy = x1 - middle[0], y1 - middle[1]
        length = max((dx * dx + dy * dy) ** 0.5, 1e-6)
        ux, uy = dx / length, dy / length
        left = (x1 - 9 * ux - 4 * uy, y1 - 9 * uy + 4 * ux)
        right = (x1 - 9 * ux + 4 * uy, y1 - 9 * uy - 4 * ux)
        self.polygon([end, left, right], line=colour, width=1, fill=colour)

    @staticmethod
    def width_of(text: str, size: float, mono: bool = False) -> float:
        """About how wide a line of text is, on the wide side: for placing, where only the browser knows."""
        return len(text) * size * (0.62 if mono else 0.56)

    @classmethod
    def flowed(cls, notes: Sequence[str], size: float, room: float) -> list[str]:
        """Notes in as few lines as have room for them; empty ones are left out."""
        lines: list[str] = []
        for note in filter(None, notes):
            longer = f"{lines[-1]}, {note}" if lines else note
            if lines and cls.width_of(longer, size) <= room:
                lines[-1] = longer
            else:
                lines.append(note)
        return lines

    def spec(self, title: str, meta: Spec | None = None) -> Spec:
        """The figure. ``title`` says in words what the picture shows, for who cannot see it."""
        axis = {"visible": False, "fixedrange": True, "zeroline": False, "showgrid": False}
        return {
            "data": self.data,
            "layout": {
                "width": self.width,
                "height": self.height,
                "margin": {"l": 0, "r": 0, "t": 0, "b": 0, "pad": 0},
                "paper_bgcolor": "rgba(0,0,0,0)",
                "plot_bgcolor": "rgba(0,0,0,0)",
                "xaxis": {**axis, "range": [0, self.width]},
                "yaxis": {**axis, "range": [self.height, 0]},
                "shapes": self.shapes,
                "annotations": self.annotations,
                "showlegend": False,
                "dragmode": False,
                "hovermode": False,
                "meta": {"alt": title, "tips": self.tips, **(meta or {})},
            },
        }


def _joined(points: Sequence[Point]) -> str:
    return " L ".join(f"{x:.1f},{y:.1f}" for x, y in points)
