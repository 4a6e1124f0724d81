"""The benchmark runs, and what it measures that is no time stays within its bounds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "dashboard.py"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """One repetition: the table, and what was written as JSON."""
    written = tmp_path_factory.mktemp("benchmark") / "found.json"
    command = [sys.executable, str(SCRIPT), "--once", "--without-peer", "--json", str(written)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout, json.loads(written.read_text("utf-8"))


def figure(found: dict[str, Any], key: str) -> float:
    (row,) = (row for row in found["rows"] if row["key"] == key)
    median: float = row["dashboard"]["median"]
    return median


def test_every_row_is_measured_and_told(run: tuple[str, dict[str, Any]]) -> None:
    table, found = run
    assert len(found["rows"]) >= 19
    for row in found["rows"]:
        assert row["dashboard"]["n"] >= 1, row["label"]
        assert row["label"] in table


def test_no_move_is_lost(run: tuple[str, dict[str, Any]]) -> None:
    assert run[1]["lost"] == []


@pytest.mark.parametrize(("visit", "most"), [("bytes first", 3_000_000), ("bytes second", 300_000)])
def test_a_visit_costs_few_bytes(run: tuple[str, dict[str, Any]], visit: str, most: int) -> None:
    assert 0 < figure(run[1], visit) <= most


def test_hovering_sends_the_kernel_nothing(run: tuple[str, dict[str, Any]]) -> None:
    assert figure(run[1], "hover") == 0


@pytest.mark.parametrize(("holder", "most"), [("kernel", 60_000_000), ("engine", 1_000_000_000)])
def test_memory_stays_within_its_bound(run: tuple[str, dict[str, Any]], holder: str, most: int) -> None:
    assert 0 < figure(run[1], holder) <= most
