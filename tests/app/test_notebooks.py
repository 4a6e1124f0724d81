"""The widgets as a modeller has them: in JupyterLab and in Notebook, with no Voila anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import shapelab
from app.server import PATIENCE, environment
from shapelab.hosting.ports import free_port

CELLS = [
    """
import gc, weakref
import ipywidgets, jax, jax.numpy as jnp
from flax import nnx
from IPython.display import display
import shapelab as sl

class Net(nnx.Module):
    def __init__(self, rngs):
        self.stem = nnx.Conv(3, 8, (3, 3), strides=2, rngs=rngs)
        self.norm = nnx.BatchNorm(8, rngs=rngs)
        self.head = nnx.Linear(8, 5, rngs=rngs)
    def __call__(self, x):
        return self.head(nnx.relu(self.norm(self.stem(x))).mean((1, 2)))

""",
    """
net = Net(nnx.Rngs(0))
gone = weakref.ref(net.stem)
one = sl.explore(net, jnp.ones((1, 16, 12, 3)))
display(one)
""",
    """
two = sl.explore("conv2d", H=7, stride=2)
display(two)
""",
    """
sl.trace(net, jax.ShapeDtypeStruct((1, 16, 12, 3), jnp.float32))
""",
    """
from ipywidgets.widgets.widget import _instances as alive
held = len(alive)
one.close()
del one, net
import asyncio
for _ in range(100):  # a run that was under way ends first
    gc.collect()
    if gone() is None:
        break
    await asyncio.sleep(0.1)
print("closed:", held - len(alive) > 20, "module freed:", gone() is None)
""",
]
OUTPUTS = ".jp-OutputArea-output"


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server; it serves JupyterLab and Notebook both."""
    home = tmp_path_factory.mktemp("jupyter")
    for name in ("lab", "notebook"):
        made: Any = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in CELLS])
        made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(made, home / f"{name}.ipynb")
    port, root = free_port("127.0.0.1"), str(Path(shapelab.__file__).parents[1])
    options = ["--no-browser", "--allow-root", f"--port={port}", "--ServerApp.token=", "--ServerApp.password="]
    quiet = ["--LabApp.news_url=", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    env = {**environment(home), "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    with (home / "jupyter.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options, *quiet, f"--ServerApp.root_dir={home}"],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=env,
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/api", process, home / "jupyter.log")
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 2 * PATIENCE
    while True:
        try:
            urlopen(url, timeout=PATIENCE).close()
            return
        except URLError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)


def _wait_for_kernel(jupyter: str, notebook: str) -> None:
    """Until the notebook's kernel idles: what is run while it still starts is forgotten."""
    deadline = time.monotonic() + 2 * PATIENCE
    while True:
        with urlopen(f"{jupyter}api/sessions", timeout=PATIENCE) as answer:
            kernels = [session["kernel"] for session in json.load(answer) if session["path"] == notebook]
        if any(kernel["execution_state"] == "idle" and kernel["connections"] for kernel in kernels):
            return
        assert time.monotonic() < deadline, kernels
        time.sleep(0.2)


@pytest.fixture(scope="module", params=["lab", "notebook"])
def notebook(request: pytest.FixtureRequest, browser: Browser, jupyter: str) -> Iterator[Page]:
    """A notebook opened and run down to the trace, cell by cell."""
    context = browser.new_context(viewport={"width": 1500, "height": 4000}, color_scheme="light")
    page = context.new_page()
    page.set_default_timeout(2 * PATIENCE * 1000)
    where = {"lab": "lab/tree/lab.ipynb", "notebook": "notebooks/notebook.ipynb"}[request.param]
    page.goto(jupyter + where)
    _wait_for_kernel(jupyter, f"{request.param}.ipynb")
    for number in range(4):
        run(page, number)
    yield page
    context.close()


def cell(page: Page, number: int) -> Locator:
    return page.locator(".jp-Notebook .jp-CodeCell").nth(number)


def run(page: Page, number: int) -> None:
    """Run a cell and wait until the kernel has numbered it."""
    cell(page, number).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    expect(cell(page, number).locator(".jp-InputPrompt").first).to_have_text(f"[{number + 1}]:", timeout=90_000)


def shape(page: Page, number: int) -> Locator:
    return cell(page, number).locator(".shapelab-output-shape")


def pictures(page: Page, number: int) -> Locator:
    return cell(page, number).locator(".shapelab-figure .main-svg")


def set_field(page: Page, number: int, field: str, value: int) -> None:
    control = cell(page, number).locator(f".shapelab-control-{field} input")
    control.fill(str(value))
    control.press("Enter")


def test_a_module_s_picture_appears_and_follows_its_sliders(notebook: Page) -> None:
    expect(shape(notebook, 1)).to_have_text("(1, 5)")
    expect(pictures(notebook, 1).first).to_be_visible()
    stages = cell(notebook, 1).locator(".sl-stages select option")
    expect(stages.first).to_have_text("stem\u00a0\u00a0(1,\u00a08,\u00a06,\u00a08)")
    set_field(notebook, 1, "H", 30)
    expect(stages.first).to_have_text("stem\u00a0\u00a0(1,\u00a015,\u00a06,\u00a08)")
    handle = cell(notebook, 1).locator(".shapelab-control-W .noUi-handle")
    handle.press("ArrowRight")
    expect(handle).to_have_attribute("aria-valuenow", "13.0")
    handle.press("ArrowRight")
    expect(stages.first).to_have_text("stem\u00a0\u00a0(1,\u00a015,\u00a07,\u00a08)")
    expect(cell(notebook, 1).get_by_role("group", name="stem (1, 15, 7, 8)")).to_be_visible()


def test_two_widgets_in_a_notebook_do_not_meet(notebook: Page) -> None:
    expect(shape(notebook, 2)).to_have_text("(4, 4, 4)")
    set_field(notebook, 2, "H", 12)
    expect(shape(notebook, 2)).to_have_text("(6, 4, 4)")
    set_field(notebook, 1, "N", 3)
    expect(shape(notebook, 1)).to_have_text("(3, 5)")
    expect(shape(notebook, 2)).to_have_text("(6, 4, 4)")


def test_a_trace_shows_itself(notebook: Page) -> None:
    shown = cell(notebook, 3).locator(OUTPUTS)
    for text in ("Net", "stem", "norm", "head", "(1, 8, 6, 8)"):
        expect(shown).to_contain_text(text)
    expect(shown.locator("svg")).to_be_visible()


def test_closing_one_frees_what_it_held_and_leaves_the_other(notebook: Page) -> None:
    run(notebook, 4)
    expect(cell(notebook, 4).locator(OUTPUTS)).to_contain_text("closed: True module freed: True")
    expect(cell(notebook, 1).locator(".shapelab-figure")).to_have_count(0)
    set_field(notebook, 2, "W", 9)
    expect(shape(notebook, 2)).to_have_text("(6, 5, 4)")
