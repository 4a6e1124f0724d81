"""What can go wrong with the user's code, in sentences."""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Sequence
from pathlib import Path

from shapelab.tracing.frames import is_library

_PACKAGE = Path(__file__).resolve().parents[1]
MOST = 12  # names that a sentence lists


class LoadError(Exception):
    """What was named cannot be had; the message is a sentence."""


class ArgumentError(LoadError):
    """What was named is there, but cannot be given these arguments; the message is a sentence."""


def near(name: str, names: Sequence[str]) -> str:
    """The name among ``names`` that may be meant, else what there is; to stand behind "there is no such name"."""
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f": did you mean {close[0]!r}?"
    return f": there is {', '.join(names[:MOST])}{', …' if len(names) > MOST else ''}" if names else ""


def what_was_raised(error: BaseException) -> str:
    """``net.py:12: ValueError: …``: the last line of the user's own code that an exception passed through."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_short(error.filename)}:{error.lineno}: {type(error).__name__}: {error.msg}"
    said = next(iter(str(error).strip().splitlines()), "")
    text = f"{type(error).__name__}: {said}" if said else type(error).__name__
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_users(frame.filename)]
    return f"{_short(own[-1].filename)}:{own[-1].lineno}: {text}" if own else text


def _is_users(file: str) -> bool:
    path = Path(file).resolve()
    ours = path.is_relative_to(_PACKAGE) and not path.is_relative_to(_PACKAGE / "modules")
    return not (ours or file.startswith("<") or is_library(file) or "site-packages" in path.parts)


def _short(file: str) -> str:
    """A file's path as seen from the current folder, where it lies below."""
    path, here = Path(file).resolve(), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
