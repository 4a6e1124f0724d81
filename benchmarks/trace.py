"""How long `shapelab.trace` takes beside `jax.make_jaxpr` of the same call, and beside `nnx.tabulate`.

    python benchmarks/trace.py [--markdown] [--repeat N]

Each round runs all of them in turn in this one process, beginning with another each time; medians are told. A first
round, not counted, imports and compiles what is done once a process. JAX remembers the programs of its own inner
functions (relu, the statistics of a normalisation) from call to call, for all of them alike. The rounds marked "cold"
run `jax.clear_caches()` before each.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import jax
import jax.numpy as jnp
from flax import nnx

import shapelab
from shapelab.modules.unet import UNet

TRACE, JAXPR, TABULATE = "shapelab.trace", "jax.make_jaxpr", "nnx.tabulate"


def resnet50() -> nnx.Module:
    sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
    from zoo.resnet50 import ResNet50

    return ResNet50(rngs=nnx.Rngs(0))


MODELS: dict[str, tuple[Callable[[], nnx.Module], tuple[int, ...]]] = {
    "ResNet-50, 224×224": (resnet50, (1, 224, 224, 3)),
    "U-Net, 64×48": (lambda: UNet(3, 8, rngs=nnx.Rngs(0)), (64, 48, 3)),
}


def trace(module: nnx.Module, x: jax.Array) -> None:
    shapelab.trace(module, x)


def make_jaxpr(module: nnx.Module, x: jax.Array) -> None:
    graphdef, state = nnx.split(module)
    jax.make_jaxpr(lambda state, x: nnx.merge(graphdef, state)(x))(state, x)


def tabulate(module: nnx.Module, x: jax.Array) -> None:
    nnx.tabulate(module, x)


def seconds(run: Callable[[nnx.Module, jax.Array], None], module: nnx.Module, x: jax.Array, cold: bool) -> float:
    if cold:
        jax.clear_caches()
    gc.collect()
    start = time.perf_counter()
    run(module, x)
    return time.perf_counter() - start


def measured(build: Callable[[], nnx.Module], shape: tuple[int, ...], repeat: int, cold: bool) -> dict[str, float]:
    """Median seconds of each, run in turn."""
    module, x = build(), jnp.ones(shape)
    runs = {TRACE: trace, JAXPR: make_jaxpr, TABULATE: tabulate}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        seconds(run, module, x, cold)
    for number in range(repeat):
        names = list(runs)
        for name in names[number % 3 :] + names[: number % 3]:
            times[name].append(seconds(runs[name], module, x, cold))
    return {name: statistics.median(found) for name, found in times.items()}


def rows(repeat: int) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [
        ("model", "caches", TRACE, JAXPR, f"{TRACE} / {JAXPR}", TABULATE, f"{TABULATE} / {TRACE}")
    ]
    for model, (build, shape) in MODELS.items():
        for cold in (False, True):
            took = measured(build, shape, repeat, cold)
            found.append(
                (
                    model,
                    "cold" if cold else "warm",
                    *(_milliseconds(took[name]) for name in (TRACE, JAXPR)),
                    f"{took[TRACE] / took[JAXPR]:.2f}",
                    _milliseconds(took[TABULATE]),
                    f"{took[TABULATE] / took[TRACE]:.1f}",
                )
            )
    return found


def machine(repeat: int) -> str:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"Medians of {repeat}; Python {platform.python_version()}, jax {version('jax')}, flax {version('flax')}, "
        f"{usable} cores, {platform.system()} {platform.machine()}, {_processor()}."
    )


def _processor() -> str:
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return platform.processor() or "unknown processor"


def _milliseconds(taken: float) -> str:
    return f"{taken * 1000:,.0f} ms" if taken >= 0.1 else f"{taken * 1000:.1f} ms"


def told(table: list[tuple[str, ...]], markdown: bool) -> str:
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in table]
    if not markdown:
        return "\n".join("  ".join(line).rstrip() for line in lines)
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--markdown", action="store_true", help="print a table for the README")
    parser.add_argument("--repeat", type=int, default=9, help="rounds of each (default: %(default)s)")
    args = parser.parse_args(argv)
    if args.repeat < 1:
        parser.error(f"--repeat {args.repeat}: at least 1")
    print(told(rows(args.repeat), args.markdown), machine(args.repeat), sep="\n\n")


if __name__ == "__main__":
    main()
