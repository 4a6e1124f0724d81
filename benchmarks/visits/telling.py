"""The results as a table."""

from __future__ import annotations

from typing import Any

HEADS = ("what", "target", "dashboard, median", "p95", "met", "naive notebook, median", "p95", "ratio")


def table(results: list[dict[str, Any]], *, markdown: bool) -> str:
    """All rows, as text or for a README."""
    lines = [HEADS, *(_line(result) for result in results)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADS))]
    cells = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    if not markdown:
        return "\n".join("  ".join(line).rstrip() for line in cells)
    cells.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def quantity(value: float, unit: str) -> str:
    """A figure with its unit, in three digits or so."""
    if unit == "ms":
        return f"{value / 1000:.3g} s" if value >= 1000 else f"{value:.0f} ms"
    if unit == "bytes":
        for size, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "KB")):
            if value >= size:
                return f"{value / size:.3g} {name}"
        return f"{value:.0f} B"
    return f"{value:.3g}"


def _line(result: dict[str, Any]) -> tuple[str, ...]:
    unit, by = result["unit"], result["by"]
    bound = "≥" if unit == "a second" else "≤"
    target = f"{by} {bound} {quantity(result['target'], unit)}"
    met = {True: "yes", False: "NO", None: "—"}[result["met"]]
    ratio = "—" if result["ratio"] is None else f"{result['ratio']:.3g}×"
    return (result["label"], target, *_pair(result["dashboard"], unit), met, *_pair(result["peer"], unit), ratio)


def _pair(figures: dict[str, float] | None, unit: str) -> tuple[str, str]:
    if figures is None:
        return "—", "—"
    return quantity(figures["median"], unit), quantity(figures["p95"], unit)
