"""A hall of visitors on one public server: how long each waits, and what that takes of the machine.

    python benchmarks/load.py [--visitors 100] [--within 60] [--minutes 1] [--pause 5] [--quick | --soak]
                              [--repeat N] [--json FILE]

Each visitor opens the page by HTTP, reads all widgets over its websocket as a browser does, moves a slider every few
seconds to a random value, waits for the picture that says so, and leaves. There is no browser: what painting
takes is in `benchmarks/dashboard.py`. Nearly every setting is one that nobody has asked for, so caches help little.
Visitors and server share one machine; what the visitors themselves take of it is told apart. MB is a million bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import psutil
from visits import machine, serving
from visits.hall import Plan, Tally, fill
from visits.holding import PARTS, Holding, Watch, look

MANY = 300
BURIAL = 20.0  # seconds for the server to clear up behind the last visitor


@dataclass(frozen=True)
class Run:
    """One filling of the hall."""

    plan: Plan
    tally: Tally
    before: Holding
    peak: Holding
    after: Holding
    seconds: float
    own: float

    @property
    def burned(self) -> dict[str, float]:
        """Processor time that each part took, seconds."""
        return {part: self.after.seconds[part] - self.before.seconds[part] for part in PARTS}


async def run(url: str, server: psutil.Process, plan: Plan) -> Run:
    """Fill the hall once."""
    before, began, own = look(server), time.monotonic(), time.process_time()
    watch = Watch(server)
    watching = asyncio.create_task(watch.keep())
    tally = await fill(url, plan)
    watching.cancel()
    took, spent = time.monotonic() - began, time.process_time() - own
    deadline = time.monotonic() + BURIAL
    while (after := look(server)).kernels > before.kernels and time.monotonic() < deadline:
        await asyncio.sleep(0.5)
    return Run(plan, tally, before, watch.peak, after, took, spent)


def told(found: Run) -> str:
    """A run in lines."""
    tally, plan, burned = found.tally, found.plan, found.burned
    each = max(found.peak.memory - found.before.memory, 0) / plan.visitors
    cores = sum(burned.values()) / found.seconds
    shares = ", ".join(f"{part} {seconds:.0f}" for part, seconds in burned.items())
    peaks = ", ".join(f"{part} {held / 1e6:,.0f}" for part, held in found.peak.bytes.items())
    lines = [
        f"{plan.visitors} visitors within {plan.within:.0f} s, each {plan.stay:.0f} s, a move every {plan.pause:g} s; "
        f"{found.seconds:.0f} s in all",
        f"  visits ended well {tally.visits}, errors {len(tally.errors)}, turned away {tally.refusals} times",
        f"  to the whole page   {_times(tally.page)}",
        f"  to all widgets      {_times(tally.widgets)}",
        f"  a move's picture    {_times(tally.moves)}",
        f"  core-seconds {sum(burned.values()):.0f} ({shares}); the visitors themselves {found.own:.0f}",
        f"  memory at most {found.peak.memory / 1e6:,.0f} MB ({peaks}); {each / 1e6:.0f} MB a visitor",
        f"  afterwards {_rest(found.after)}; before {_rest(found.before)}",
        f"  extrapolated, not measured: {MANY} visitors hold {(found.before.memory + MANY * each) / 1e9:.1f} GB "
        f"and, at this rate of moves, keep at most {cores * MANY / plan.visitors:.1f} cores busy",
    ]
    return "\n".join([*lines, *(f"  error: {error}" for error in tally.errors[:10])])


def _times(seconds: list[float]) -> str:
    if len(seconds) < 2:
        return f"n {len(seconds)}"
    cuts = statistics.quantiles(seconds, n=20, method="inclusive")
    return f"p50 {1000 * cuts[9]:.0f} ms, p95 {1000 * cuts[18]:.0f} ms (n {len(seconds)})"


def _rest(held: Holding) -> str:
    return f"{held.memory / 1e6:,.0f} MB, {held.kernels} kernels, {held.files} files, {held.threads} threads"


def main() -> None:
    """Run what was asked for."""
    asked = _arguments().parse_args()
    plan = Plan(asked.visitors, asked.within, 60 * asked.minutes, asked.pause)
    if asked.quick:
        plan = Plan(12, 10, 20, asked.pause)
    if asked.soak:
        plan, asked.repeat = Plan(30, 30, 300, asked.pause), max(asked.repeat, 2)
    found = []
    with serving.dashboard(["--public", "--max-visitors", str(plan.visitors + 2)]) as served:
        for number in range(asked.repeat):
            loads = machine.load()
            once = replace(plan, seed=number)
            found.append(asyncio.run(run(f"http://127.0.0.1:{served.port}/", served.process, once)))
            print(f"load of the machine before: {loads}\n{told(found[-1])}", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps([_plain(each) for each in found], indent=1), encoding="utf-8")
    if any(each.tally.errors for each in found):
        raise SystemExit(1)


def _plain(found: Run) -> dict[str, Any]:
    return {**asdict(found), "burned": found.burned}


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--visitors", type=int, default=100)
    parser.add_argument("--within", type=float, default=60.0, help="seconds in which they all come")
    parser.add_argument("--minutes", type=float, default=1.0, help="that each stays")
    parser.add_argument(
        "--pause", type=float, default=5.0, help="seconds for which each looks at a picture, on average"
    )
    parser.add_argument("--repeat", type=int, default=1, help="times, on the same server")
    parser.add_argument("--quick", action="store_true", help="12 visitors, 20 seconds")
    parser.add_argument("--soak", action="store_true", help="30 visitors, five minutes, twice: does anything grow?")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser


if __name__ == "__main__":
    main()
