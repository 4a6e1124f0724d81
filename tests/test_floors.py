"""The rooms of the house: who may import whom, and what an import costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import shapelab

PACKAGE = Path(shapelab.__file__).parent
STDLIB = sys.stdlib_module_names

FLOORS = {
    "errors": -1,
    "geometry": 0,
    "modules": 0,
    "tracing": 1,
    "lessons": 1,
    "pitfalls": 1,
    "figures": 2,
    "report": 2,
    "engine": 2,
    "display": 3,
    "explorers": 3,
    "hosting": 4,
    "loading": 2,
    "trace_command": 4,
    "cli": 5,
}
# What a room may import besides the standard library, itself and `errors`; the longest name that fits counts.
ROOMS = {
    "errors": set(),
    "geometry": set(),
    "modules": {"jax", "flax", "numpy"},
    "tracing": {"jax", "jaxlib", "flax", "numpy", "geometry"},
    "tracing.records": {"geometry", "tracing.folding", "display"},
    "tracing.folding": {"tracing.records"},
    "tracing.axes": {"geometry"},
    "lessons": {"jax", "flax", "modules", "geometry"},
    "pitfalls": set(),
    "pitfalls.programs": {"jax", "flax", "numpy", "modules"},
    "figures": {"numpy", "geometry", "tracing.records"},
    "report": {"geometry", "tracing.records"},
    "loading": {"jax", "flax", "numpy"},
    "loading.sentences": {"tracing.frames"},
    "display": {"geometry", "tracing.records", "report", "figures"},
    "engine": {"jax", "flax", "numpy", "psutil", "lessons", "tracing", "geometry", "pitfalls"},
    "engine.spec": {"lessons"},
    "engine.answers": {"numpy"},
    "engine.ahead": {"lessons"},
    "engine.wire": {"msgspec", "numpy", "tracing.records"},
    "engine.client": {"tracing.records", "pitfalls.outcome", "engine.wire"},
    "engine.pool": {"engine.wire", "engine.worker", "engine.fair"},
    "engine.service": {"starlette", "psutil", "engine", "pitfalls"},
    "engine.questions": {"starlette", "msgspec", "engine.wire"},
    "engine.fair": {"engine.wire"},
    "engine.counts": {"engine.wire"},
    "engine.__main__": {"uvicorn", "engine"},
    "explorers.quiet": {"comm", "ipykernel", "ipywidgets", "explorers.pump"},
    "explorers": {
        "anywidget",
        "comm",
        "IPython",
        "ipywidgets",
        "traitlets",
        "numpy",
        "engine",
        "figures",
        "geometry",
        "lessons",
        "pitfalls",
        "tracing.records",
    },
}
# The one import that goes up: a Trace shows itself in a notebook, and asks for what draws it only then.
UP_WHEN_CALLED = {("tracing.records", "display")}
HEAVY = {"jax", "jaxlib", "flax", "plotly"}
# Files whose import may not even lead to one of HEAVY.
LIGHT = (
    "geometry",
    "lessons",
    "pitfalls.convolution",
    "pitfalls.outcome",
    "pitfalls.records",
    "pitfalls.residual",
    "pitfalls.unet",
    "figures",
    "display",
    "explorers",
    "errors",
    "report",
    "engine.spec",
    "engine.answers",
    "engine.ahead",
    "engine.cache",
    "engine.client",
    "engine.pool",
    "engine.service",
    "engine.wire",
    "tracing.records",
)

FILES = sorted(path for path in PACKAGE.rglob("*.py"))


def name_of(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(path):
    """(module, whether it happens at import time) for every import of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    package = ["shapelab", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) not in inside
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) + 1 - node.level]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            for alias in node.names:
                whole = f"{module}.{alias.name}"
                is_file = whole.startswith("shapelab.") and is_module(whole)
                yield (whole if is_file else module), id(node) not in inside


def is_module(dotted):
    place = PACKAGE.joinpath(*dotted.split(".")[1:])
    return place.with_suffix(".py").exists() or (place / "__init__.py").exists()


def allowed_for(name):
    fitting = [room for room in ROOMS if name == room or name.startswith(f"{room}.")]
    return ROOMS[max(fitting, key=len)] if fitting else None


def within(name, names):
    return any(name == one or name.startswith(f"{one}.") for one in names)


CASES = [pytest.param(path, id=name_of(path) or "shapelab") for path in FILES]


def test_every_file_lives_on_a_floor():
    rooms = {name_of(path).split(".")[0] for path in FILES} - {""}
    assert rooms <= set(FLOORS)
    assert {"geometry", "modules", "tracing", "lessons", "figures", "engine", "explorers"} <= rooms


@pytest.mark.parametrize("path", CASES)
def test_imports_go_down_only(path):
    room = name_of(path).split(".")[0]
    if not room:
        return  # the lazy front door names everything and imports nothing; see below
    for module, at_import in imports(path):
        if module.startswith("shapelab."):
            other = module.split(".")[1]
            if (name_of(path), other) in UP_WHEN_CALLED and not at_import:
                continue
            assert other == room or FLOORS[other] < FLOORS[room], f"{room} imports {module}"


@pytest.mark.parametrize("path", CASES)
def test_a_room_imports_what_it_may(path):
    name = name_of(path)
    allowed = allowed_for(name)
    if allowed is None:
        return
    room = name.split(".")[0]
    own = {room} if name not in ROOMS or name == room else set()
    for module, at_import in imports(path):
        top = module.split(".")[0]
        if top in STDLIB:
            continue
        inner = module.removeprefix("shapelab.") if top == "shapelab" else module
        assert inner == "shapelab" or within(inner, allowed | own | {"errors"}) or same_light(name, inner), (
            f"{name} imports {module}"
        )
        if room == "lessons" and at_import:
            assert not within(inner, {"jax", "flax", "modules"}), f"{name} imports {module} when it is imported"


def same_light(name, inner):
    """A light file may import another light file of its room."""
    return name.split(".")[0] == inner.split(".")[0] and within(inner, LIGHT)


def reached(path, seen):
    """What importing a file loads from outside the project, by itself or through other files."""
    outside = set()
    pending = [path]
    while pending:
        current = pending.pop()
        if current in seen:
            continue
        seen.add(current)
        for module, at_import in imports(current):
            if not at_import:
                continue
            if not module.startswith("shapelab"):
                outside.add((module.split(".")[0], name_of(current)))
                continue
            parts = module.split(".")[1:]
            for end in range(1, len(parts) + 1):
                place = PACKAGE.joinpath(*parts[:end])
                pending += [f for f in (place.with_suffix(".py"), place / "__init__.py") if f.exists()]
    return outside


@pytest.mark.parametrize("path", [p for p in CASES if within(name_of(p.values[0]), LIGHT)])
def test_light_rooms_reach_nothing_heavy_by_any_path(path):
    outside = reached(path, set())
    assert not [(module, by) for module, by in outside if module in HEAVY]


def test_modules_and_tracing_do_not_know_each_other():
    for path in FILES:
        room = name_of(path).split(".")[0]
        reaches = {module.split(".")[1] for module, _ in imports(path) if module.startswith("shapelab.")}
        if room == "modules":
            assert reaches <= {"modules", "errors"}
        if room == "tracing":
            assert not reaches & {"modules", "lessons"}


@pytest.mark.parametrize(
    "statement",
    [
        "import shapelab",
        "import shapelab; shapelab.LESSONS; shapelab.Trace; shapelab.Window; shapelab.ShapeError",
        "import shapelab.explorers.gallery, shapelab.figures.pipeline",
        "import shapelab; shapelab.explore; shapelab.dashboard",
        "import shapelab.report",
        "import shapelab.engine.client, shapelab.engine.wire",
        "import shapelab.engine.service, shapelab.engine.pool",
        "import shapelab.display",
        "from shapelab.engine.spec import check; check('unet', {'H': 32})",
    ],
)
def test_an_import_pulls_in_neither_jax_nor_flax_nor_plotly(statement):
    code = f"import sys; {statement}; print(*sorted(m for m in {sorted(HEAVY)} if m in sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(PACKAGE.parent), "PATH": ""},
    )
    assert ran.stdout.strip() == ""


def test_every_public_name_is_there():
    promised = [
        "conv1d_forward",
        "conv2d_forward",
        "conv2d_linen_forward",
        "resnet_basic_forward",
        "unet_forward",
        "trace",
        "Trace",
        "Stage",
        "Window",
        "Padding",
        "ReceptiveField",
        "ShapeError",
        "explore",
        "LESSONS",
    ]
    for name in promised:
        assert getattr(shapelab, name) is not None
    assert set(promised) <= set(dir(shapelab))
