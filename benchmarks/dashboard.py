"""The dashboard beside a naive notebook of the same subject, in the same browser, round by round in turn.

    python benchmarks/dashboard.py [--quick | --once | --repeat N] [--markdown] [--json FILE] [--picture FILE]

The peer (`benchmarks/peer/naive.ipynb`) is what one writes in an afternoon: eager modules, two FigureWidgets, plain
Voila. Times begin at the time stamp of the key press, pointer move or page request, and end when the browser has
painted a frame that shows the new setting; both are taken inside the page. "New" is a setting that nobody has asked
this server for; half of these moves are one step of an arrow key, half are jumps. The notebook computes and paints in
one go, so one time of its (words and first picture) stands for picture and values; "seen" is there what the same
visitor saw. Bytes are counted on the socket, both ways. Memory: USS of the kernel, PSS of the engine's processes
together. MB is a million bytes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright
from visits import machine, ours, peer, serving
from visits.chart import draw
from visits.lessons import Unseen
from visits.rows import ROWS, result
from visits.samples import Plan, Samples
from visits.telling import table
from visits.wire import counted

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-quic",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # plain Voila asks another host for a font
]


@contextmanager
def launched() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield browser
        browser.close()


def measured(plan: Plan, browser: Browser) -> dict[str, Any]:
    """Run all rounds; everything found, ready for JSON."""
    mine, theirs, unseen = Samples(), Samples(), Unseen()
    loads = [machine.load()]
    with serving.dashboard() as served, counted(served.port) as wire:
        for number in range(1, plan.rounds + 1):
            print(f"round {number} of {plan.rounds} …", file=sys.stderr, flush=True)
            minutes = plan.minutes if number == plan.rounds else 0.0
            ours.measure(browser, served, wire, unseen, mine, plan, minutes)
            if number <= plan.peer_rounds:
                with serving.peer() as other, counted(other.port) as other_wire:
                    peer.measure(browser, other, other_wire, theirs, plan)
            loads.append(machine.load())
    return {
        "machine": machine.describe(browser.version),
        "load": loads,
        "plan": vars(plan),
        "rows": [result(row, mine, theirs) for row in ROWS],
        "samples": {"dashboard": mine.found, "peer": theirs.found},
        "lost": mine.lost + theirs.lost,
    }


def told(found: dict[str, Any], *, markdown: bool) -> str:
    """The table, and what must be known to read it."""
    plan = found["plan"]
    words = [
        f"{plan['rounds']} rounds of the dashboard, {plan['peer_rounds']} of the notebook, in turn. {found['machine']}",
        f"Load of the machine before and after each round: {', '.join(map(str, found['load']))}.",
    ]
    if found["lost"]:
        words.append(f"Lost, each counted as the patience with it: {'; '.join(found['lost'])}.")
    return "\n\n".join([table(found["rows"], markdown=markdown), "\n".join(words)])


def plan_of(args: argparse.Namespace) -> Plan:
    if args.once:
        return Plan(rounds=1, peer_rounds=1 - args.without_peer, moves=2, drag=0.7, pause=100, minutes=args.minutes)
    rounds, moves, drag = (1, 4, 1.0) if args.quick else (args.repeat, 8, 2.0)
    peer_rounds = 0 if args.without_peer else 1 if args.quick else rounds
    return Plan(rounds, peer_rounds, moves, drag, pause=300, minutes=args.minutes)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--quick", action="store_true", help="under three minutes")
    length.add_argument("--once", action="store_true", help="one short round, to see that it works")
    length.add_argument("--repeat", type=int, default=5, metavar="N", help="rounds of each (default: %(default)s)")
    parser.add_argument("--without-peer", action="store_true", help="the dashboard alone")
    parser.add_argument("--minutes", type=float, default=0.0, help="of further use before a kernel's memory is read")
    parser.add_argument("--markdown", action="store_true", help="print a table for the README")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure and sample")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw a chart (PNG)")
    parser.add_argument("--again", type=Path, metavar="FILE", help="tell or draw what --json wrote; measure nothing")
    args = parser.parse_args(argv)
    if args.repeat < 1:
        parser.error(f"--repeat {args.repeat}: at least 1")
    if args.picture and args.without_peer:
        parser.error("--picture compares the two: leave out --without-peer")
    with launched() as browser:
        found = json.loads(args.again.read_text("utf-8")) if args.again else measured(plan_of(args), browser)
        if args.json:
            args.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        if args.picture:
            draw(browser, found, args.picture)
    print(told(found, markdown=args.markdown))


if __name__ == "__main__":
    main()
