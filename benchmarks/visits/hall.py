"""A hall of visitors without browsers, all in one process: what each waited, and what went wrong."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field

from visits.caller import Caller, TurnedAwayError
from visits.lessons import CONV1D, CONV2D, RESNET, UNET, Lesson

MIX: tuple[tuple[str, Lesson], ...] = (
    ("conv2d", CONV2D),
    ("conv1d", CONV1D),
    ("conv2d", CONV2D),
    ("unet", UNET),
    ("conv2d", CONV2D),
    ("conv1d", CONV1D),
    ("conv2d", CONV2D),
    ("resnet", RESNET),
)
"""Who sits in the hall: half of them at the 2-D convolution."""
SPREAD = 0.5  # part of a pause by which one is longer or shorter
PATIENCE = 15.0  # seconds after which a move counts as lost


@dataclass
class Tally:
    """What all visitors together met; times in seconds."""

    page: list[float] = field(default_factory=list)
    widgets: list[float] = field(default_factory=list)
    moves: list[float] = field(default_factory=list)
    refusals: int = 0
    visits: int = 0
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """How a hall fills.

    Attributes:
      visitors: how many come.
      within: seconds in which they do.
      stay: seconds that each moves sliders.
      pause: seconds from a move's picture to the next move, on average.
      seed: of what they move.
    """

    visitors: int
    within: float
    stay: float
    pause: float
    seed: int = 0


async def fill(url: str, plan: Plan) -> Tally:
    """Let all of them visit a server, and come back when the last has left."""
    tally = Tally()
    visits = (_visit(url, number, plan, tally) for number in range(plan.visitors))
    await asyncio.gather(*visits)
    return tally


async def _visit(url: str, number: int, plan: Plan, tally: Tally) -> None:
    chance = random.Random(f"{plan.seed} {number}")
    name, lesson = MIX[number % len(MIX)]
    caller = Caller(url, f"lesson={name}")
    await asyncio.sleep(plan.within * number / plan.visitors)
    try:
        await _come(caller, tally)
        await _use(caller, lesson, chance, plan, tally)
        tally.visits += 1
    except Exception as error:  # whatever it is, it is what a visitor met
        tally.errors.append(f"visitor {number}: {type(error).__name__}: {error}")
    finally:
        if caller.kernel:
            answer = await caller.leave()
            if answer.code != 204:
                tally.errors.append(f"visitor {number}: leaving was answered {answer.code}")


async def _come(caller: Caller, tally: Tally) -> None:
    """Open the page; where it is full, as often as it takes."""
    while True:
        began = time.perf_counter()
        try:
            await caller.open()
        except TurnedAwayError as error:
            if error.args[0].code != 503:
                raise
            tally.refusals += 1
            await asyncio.sleep(int(error.args[0].headers.get("Retry-After", 5)))
            continue
        tally.page.append(caller.page_seconds)
        tally.widgets.append(time.perf_counter() - began)
        return


async def _use(caller: Caller, lesson: Lesson, chance: random.Random, plan: Plan, tally: Tally) -> None:
    end = time.monotonic() + plan.stay
    settings = dict(lesson.start)
    await caller.until(lambda: _shows(caller, lesson.shown(settings)["picture"]))
    fields = [name for name in lesson.moves if caller.models[caller.slider(name)]["_model_name"] == "IntSliderModel"]
    while time.monotonic() < end:
        await asyncio.sleep(plan.pause * chance.uniform(1 - SPREAD, 1 + SPREAD))
        moved = chance.choice(fields)
        low, high, step = lesson.moves[moved]
        value = chance.choice([each for each in range(low, high + 1, step) if each != settings[moved]])
        settings = lesson.after(settings, moved, value)
        shown = lesson.shown(settings)["picture"]
        began = time.perf_counter()
        await caller.set(caller.slider(moved), value=value)
        try:
            await caller.until(lambda shown=shown: _shows(caller, shown), PATIENCE)  # type: ignore[misc]
        except TimeoutError:
            tally.errors.append(f"{lesson.title} {settings}: no picture in {PATIENCE:.0f} s; it says {caller.alt()}")
            return
        tally.moves.append(time.perf_counter() - began)


def _shows(caller: Caller, words: list[str]) -> bool:
    told = caller.alt()
    return all(word in told for word in words)
