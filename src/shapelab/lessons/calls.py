"""A call as a person would write it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def written(name: str, arguments: Mapping[str, Any], seed: int | None = None) -> str:
    """``name(argument=value, ...)``, an argument a line; with a seed the last one is ``rngs=nnx.Rngs(seed)``."""
    lines = [f"{argument}={_literal(value)}" for argument, value in arguments.items()]
    if seed is not None:
        lines.append(f"rngs=nnx.Rngs({seed})")
    return f"{name}(\n  " + ",\n  ".join(lines) + ")"


def called(construction: str, arguments: Mapping[str, Any]) -> str:
    """The call of what a call constructs, where it takes more than its input."""
    if not arguments:
        return construction
    return f"{construction}(x, {', '.join(f'{name}={_literal(value)}' for name, value in arguments.items())})"


def _literal(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)
