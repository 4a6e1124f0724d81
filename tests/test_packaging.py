"""What is handed out: the wheel holds all that the page needs, and the lock all that the wheel needs."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from pathlib import Path
from urllib.request import urlopen

import nbformat
import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from app.server import PATIENCE, environment, serving

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def unpacked(wheel: Path) -> Path:
    folder = wheel.parent / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def metadata(unpacked: Path) -> Message:
    (found,) = unpacked.glob("shapelab-*.dist-info/METADATA")
    return Parser().parsestr(found.read_text(encoding="utf-8"))


def sources() -> Iterator[str]:
    """Every file of the package and of the page in the checkout, by its name in the wheel."""
    for top, inside in ((ROOT / "src" / "shapelab", "shapelab"), (ROOT / "app", "shapelab/app")):
        for file in top.rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts and ".ipynb_checkpoints" not in file.parts:
                yield f"{inside}/{file.relative_to(top).as_posix()}"


def test_the_wheel_holds_every_file_of_the_package_and_of_the_page(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    assert set(sources()) <= held
    for needed in (
        "shapelab/__init__.pyi",
        "shapelab/py.typed",
        "shapelab/trace.schema.json",
        "shapelab/app/dashboard.ipynb",
        "shapelab/app/jupyter_config.py",
        "shapelab/app/template/shapelab/opening.html.j2",
        "shapelab/app/template/shapelab/closing.html.j2",
        "shapelab/app/template/shapelab/frame.css",
        "shapelab/app/template/shapelab/frame.js",
        "shapelab/explorers/figure_plotly.js",
        "shapelab/explorers/figure_pointing.js",
        "shapelab/explorers/figure_view.js",
        "shapelab/explorers/styles/explorer.css",
    ):
        assert needed in held


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        others = [name for name in archive.namelist() if not re.match(r"shapelab(/|-[\d.]+\.dist-info/)", name)]
    assert others == []


def test_the_metadata(metadata: Message, unpacked: Path) -> None:
    assert metadata["Name"] == "shapelab"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description-Content-Type"] == "text/markdown"
    scripts = next(unpacked.glob("shapelab-*.dist-info/entry_points.txt")).read_text()
    assert re.search(r"^shapelab = shapelab\.cli:main$", scripts, re.MULTILINE)
    licence = next(unpacked.glob("shapelab-*.dist-info/licenses/LICENSE")).read_text()
    assert "Apache License" in licence
    needed = {Requirement(line).name for line in metadata.get_all("Requires-Dist", []) if "extra" not in line}
    assert needed == {Requirement(line).name for line in PROJECT["dependencies"]}


def test_the_unpacked_wheel_finds_its_own_page(unpacked: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from shapelab.hosting.app_folder import app_folder\n"
        "print(app_folder())"
    )
    found = subprocess.run(
        [sys.executable, "-I", "-c", code, str(unpacked)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert Path(found.stdout.strip()) == unpacked / "shapelab" / "app"


def test_the_unpacked_wheel_serves_the_page_from_any_folder(unpacked: Path, tmp_path: Path) -> None:
    start = [sys.executable, "-c", "import sys; from shapelab.cli import main; sys.exit(main())"]
    with serving(tmp_path, start=start, env=environment(tmp_path, PYTHONPATH=str(unpacked))) as server:
        with urlopen(server.url, timeout=PATIENCE) as answer:
            html = answer.read().decode()
        kernel = server.kernel_of(html)
        assert kernel.environ()["PYTHONPATH"].startswith(str(unpacked))
    assert "application/vnd.jupyter.widget-view+json" in html


def test_the_notebook_is_one() -> None:
    notebook = nbformat.read(ROOT / "app" / "dashboard.ipynb", as_version=4)
    nbformat.validate(notebook)
    (cell,) = notebook.cells
    assert cell.source.split() == ["import", "shapelab", "as", "sl", "sl.dashboard()"]
    assert (cell.outputs, cell.execution_count) == ([], None)
    assert notebook.metadata.kernelspec.name == "python3"


def lock(name: str) -> list[Requirement]:
    lines = (line.split("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line]


def applying(requirements: list[Requirement], python: str, platform: str) -> list[Requirement]:
    """The requirements whose markers hold for a Python on a platform."""
    there: dict[str, str] = {**default_environment()}  # type: ignore[dict-item]
    there |= {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_version": f"{python}.0",
        "sys_platform": platform,
        "platform_system": PLATFORMS[platform],
        "os_name": "nt" if platform == "win32" else "posix",
        "extra": "",
    }
    return [r for r in requirements if r.marker is None or r.marker.evaluate(there)]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_the_lock_names_an_exact_version_of_each_package_once(name: str) -> None:
    requirements = lock(name)
    assert requirements
    for requirement in requirements:
        assert requirement.url is None, requirement
        (pin,) = requirement.specifier
        assert pin.operator == "==", requirement
        Version(pin.version)
    for python in PYTHONS:
        for platform in PLATFORMS:
            names = [canonicalize_name(r.name) for r in applying(requirements, python, platform)]
            assert len(names) == len(set(names)), (python, platform)


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_the_lock_names_packages_and_nothing_else(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert not [line for line in lines if line.startswith("-") or "/" in line.split("#")[0] or " @ " in line]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_lock_covers_what_the_project_asks_for(python: str, platform: str) -> None:
    pinned = {
        canonicalize_name(r.name): next(iter(r.specifier)).version
        for r in applying(lock("requirements.txt"), python, platform)
    }
    for line in PROJECT["dependencies"]:
        asked = Requirement(line)
        assert asked.specifier.contains(pinned[canonicalize_name(asked.name)]), f"{line}, locked at {pinned}"


def test_the_tests_run_on_what_the_product_is_locked_to() -> None:
    product = {(r.name, str(r.specifier), str(r.marker)) for r in lock("requirements.txt")}
    for python in PYTHONS:
        pinned = {r.name: str(r.specifier) for r in applying(lock("requirements-dev.txt"), python, "linux")}
        for requirement in applying(lock("requirements.txt"), python, "linux"):
            assert pinned[requirement.name] == str(requirement.specifier)
    assert product
