"""What it was measured on."""

from __future__ import annotations

import contextlib
import os
import platform
from importlib.metadata import version
from pathlib import Path

import psutil


def describe(chromium: str) -> str:
    """The machine in a sentence. Without its name, and without anybody's."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("jax", "flax", "voila", "ipywidgets", "plotly"))
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{_cores()} cores, {_processor()}, {memory:.0f} GiB, {platform.system()} {platform.machine()}; Python "
        f"{platform.python_version()}, {packages}; headless Chromium {chromium}."
    )


def load() -> float | None:
    """Processes that wanted a core, averaged over the last minute; None where the system does not say."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return platform.processor() or "unknown processor"
