"""One colour, one meaning: input blue, padding amber, kernel magenta, output green."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Palette:
    """The colours of one theme. ``*_tint`` is where a colour's scale begins; ``*_text`` meets AA on a panel.

    ``number_*`` are for numbers on cells, whose shades turn from pale to full at other places in the dark than in the
    light: ``number_middle`` is for those that are on the pale side in the light and on the full side in the dark.
    """

    background: str
    panel: str
    ink: str
    muted: str
    line: str
    input: str
    input_tint: str
    padding: str
    padding_tint: str
    padding_text: str
    kernel: str
    kernel_tint: str
    output: str
    output_tint: str
    output_text: str
    number_pale: str
    number_middle: str
    number_full: str
    failed: str


LIGHT = Palette(
    background="#fbfbf9",
    panel="#ffffff",
    ink="#1b2330",
    muted="#5f6b80",
    line="#e3e5ea",
    input="#2f6fb3",
    input_tint="#dfe9f4",
    padding="#e8a33d",
    padding_tint="#fdf4e3",
    padding_text="#935b00",
    kernel="#b5487f",
    kernel_tint="#f3dfe9",
    output="#0f8a6a",
    output_tint="#d9ece6",
    output_text="#0b7559",
    number_pale="#000000",
    number_middle="#000001",
    number_full="#fefefe",
    failed="#b3261e",
)
DARK = Palette(
    background="#12171e",
    panel="#1a2029",
    ink="#f0f3f8",
    muted="#9aa5b6",
    line="#2a323d",
    input="#6aa9e9",
    input_tint="#1f2f43",
    padding="#f0b95b",
    padding_tint="#2e2718",
    padding_text="#f0b95c",
    kernel="#e58ab8",
    kernel_tint="#3a2633",
    output="#47c9a2",
    output_tint="#17352d",
    output_text="#47c9a3",
    number_pale="#ffffff",
    number_middle="#010101",
    number_full="#020202",
    failed="#ff8f85",
)
DARK_FOR_LIGHT = {getattr(LIGHT, f.name): getattr(DARK, f.name) for f in fields(Palette)}

SANS = 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif'
MONO = 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace'

ROLE_COLOURS = {
    "input": (LIGHT.input, LIGHT.input_tint),
    "kernel": (LIGHT.kernel, LIGHT.kernel_tint),
    "output": (LIGHT.output, LIGHT.output_tint),
}


def scale(role: str) -> list[list[object]]:
    """The colour scale of a role, from its tint to its full colour."""
    full, tint = ROLE_COLOURS[role]
    return [[0.0, tint], [1.0, full]]
