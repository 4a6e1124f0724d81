"""Text into HTML, numbers into words."""

from __future__ import annotations

from html import escape

from shapelab.tracing.records import Shape, Source

LONGEST = 160  # of a text that user code chose, in a cell or a title: a name has no bound, a page has


def text(value: object, longest: int = LONGEST) -> str:
    """A text of unknown origin for HTML, inside or outside an attribute; too long a one loses its middle."""
    return escape(clipped(" ".join(str(value).split()), longest))


def clipped(value: str, longest: int) -> str:
    """The text, or its two ends about an ellipsis."""
    if len(value) <= longest:
        return value
    half = (longest - 1) // 2
    return f"{value[:half]}…{value[-half:]}"


def shape_of(shape: Shape) -> str:
    """A shape as Python writes it."""
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"


def in_short(number: int) -> str:
    """14,560 as it is; 10,300,416 as ``10.3 M``."""
    return f"{number:,}" if number < 100_000 else _scaled(number, 1000, ("", "k", "M", "G", "T", "P", "E"))


def in_bytes(number: int) -> str:
    """602,112 as ``588 KiB``."""
    return _scaled(number, 1024, ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"))


def place(source: Source | None) -> str:
    """``file.py:12``; "" where the line is not known."""
    return f"{source.file}:{source.line}" if source else ""


def _scaled(number: int, base: int, units: tuple[str, ...]) -> str:
    value, power = float(number), 0
    while value >= base * 0.9995 and power < len(units) - 1:  # 999.9 k would be rounded to 1,000 k
        value, power = value / base, power + 1
    digits = 0 if power == 0 or value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:,.{digits}f} {units[power]}".strip()
