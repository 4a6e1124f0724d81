"""What is computed before anybody comes: what first visitors ask, and that it is found on disk."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from app.server import command, environment
from shapelab.engine.in_process import Engine
from shapelab.engine.spec import Spec, check
from shapelab.errors import EngineAwayError
from shapelab.hosting.warm import ask_everything
from shapelab.lessons import LESSONS
from shapelab.pitfalls import PITFALLS
from shapelab.tracing.records import Trace

PATIENCE = 280

FIRST_PICTURE_OF_A_UNET = """
from shapelab.engine.in_process import Engine
from shapelab.engine.spec import check
engine, spec = Engine(), check("unet", {})
first = next(i for i, stage in enumerate(engine.trace(spec).stages) if stage.op == "conv")
print(engine.run(spec, [first]).stages[first].shape)
"""


class Listening:
    """An engine that is away at first, traces for real, and keeps what it was asked."""

    def __init__(self, away: int) -> None:
        self._engine, self._away = Engine(), away
        self.ran: dict[Spec, tuple[int, ...]] = {}
        self.traces: dict[Spec, Trace] = {}
        self.mistakes: set[str] = set()

    def trace(self, spec: Spec) -> Trace:
        self._away -= 1
        if self._away >= 0:
            raise EngineAwayError("the engine does not answer")
        self.traces[spec] = self._engine.trace(spec)
        return self.traces[spec]

    def run(self, spec: Spec, stages: Sequence[int]) -> None:
        self.ran[spec] = tuple(stages)

    def pitfall(self, name: str) -> Any:
        self.mistakes.add(name)


def test_every_lesson_and_preset_is_asked_and_what_can_run_is_run() -> None:
    engine = Listening(away=2)
    ask_everything(engine)
    wanted = {check(name, values) for name, each in LESSONS.items() for values in ({}, *each.presets.values())}
    assert set(engine.traces) == wanted
    assert set(engine.ran) == {spec for spec in wanted if engine.traces[spec].error is None}
    assert len(engine.ran) < len(wanted), "no preset shows a failure any more: this test lost a case"
    assert engine.mistakes == set(PITFALLS)
    for spec, stages in engine.ran.items():  # what a page shows first of a network is its first convolution
        assert engine.traces[spec].stages[stages[0]].op in ("conv", "conv_transpose")


def test_an_engine_that_stays_away_is_said_to_be() -> None:
    with pytest.raises(EngineAwayError):
        ask_everything(Listening(away=10**9), patience=0.3)


@pytest.mark.timeout(600)  # two dozen programs are compiled, on a machine that may do much else
def test_what_was_computed_is_found_by_the_next_process(tmp_path: Path) -> None:
    def kept() -> set[str]:
        return {file.name for file in (tmp_path / "cache").glob("*-cache")}

    told = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "cache"), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    env = environment(tmp_path, **told, JAX_COMPILATION_CACHE_MAX_SIZE="-1")
    done = subprocess.run([*command(), "warm"], env=env, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    first = kept()
    assert first
    again = subprocess.run(
        [sys.executable, "-c", FIRST_PICTURE_OF_A_UNET],
        env={**env, "JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert again.returncode == 0, again.stderr
    assert kept() == first, "something of the U-Net's first picture was compiled anew"
