"""The benchmark of a full hall runs, and its numbers fit each other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "load.py"


def test_two_visitors_come_move_and_leave(tmp_path: Path) -> None:
    written = tmp_path / "found.json"
    asked = ["--visitors", "2", "--within", "1", "--minutes", "0.15", "--json", str(written)]
    ended = subprocess.run(
        [sys.executable, str(SCRIPT), *asked], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    runs = json.loads(written.read_text("utf-8"))
    assert len(runs) == 1
    for run in runs:
        tally = run["tally"]
        assert tally["errors"] == []
        assert tally["visits"] == len(tally["widgets"]) == len(tally["page"]) == 2
        assert 2 <= len(tally["moves"]) <= 2 * run["seconds"]
        assert all(0 < page < widgets for page, widgets in zip(tally["page"], tally["widgets"], strict=True))
        assert run["peak"]["kernels"] >= 2
        assert run["after"]["kernels"] <= run["before"]["kernels"]
        assert sum(run["peak"]["bytes"].values()) >= sum(run["before"]["bytes"].values())
        assert all(0 <= spent < 64 * run["seconds"] for spent in run["burned"].values())
        assert sum(run["burned"].values()) > 0
    assert "extrapolated, not measured" in ended.stdout
