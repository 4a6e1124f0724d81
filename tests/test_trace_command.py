"""`shapelab trace file.py:Name`: what it finds, builds and answers, in which words, and with which exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.server import command
from shapelab import cli
from shapelab.lessons import LESSONS

NET = '''
"""A user's own file."""
import functools

import jax
import jax.numpy as jnp
from flax import linen, nnx
from sibling import WIDTH

print("printed while imported")


class Net(nnx.Module):
    def __init__(self, width=WIDTH, *, kernel=(3, 3), mode="plain", rngs):
        self.conv = nnx.Conv(3, width, kernel, rngs=rngs)
        self.layers = nnx.List([nnx.Conv(width, width, (1, 1), strides=2, rngs=rngs) for _ in range(2)])
        self.mode = mode

    def __call__(self, x):
        import late  # a sibling too, imported only when it runs

        x = self.conv(x)
        for layer in self.layers:
            x = layer(x)
        return x if self.mode == "plain" else nnx.relu(x)

    def encode(self, x):
        return self.conv(x)

    def unbatched(self, x):
        kernel, numbers = self.conv.kernel[...], ("NHWC", "HWIO", "NHWC")
        return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=numbers)

    def raises(self, x):
        raise RuntimeError("on purpose")


class Outer:
    Inner = Net


class Huge(nnx.Module):
    def __init__(self, rngs):
        self.layer = nnx.Linear(10**7, 10**7, rngs=rngs)  # 400 TB
        print("as shapes" if isinstance(self.layer.kernel[...], jax.core.Tracer) else "for real")

    def __call__(self, x):
        return self.layer(x)


class LooksAtNumbers(nnx.Module):
    def __init__(self, rngs):
        self.layers = nnx.List([nnx.Linear(3, 3, rngs=rngs) for rate in jnp.linspace(0, 1, 4) if float(rate) < 0.9])

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class Masked(nnx.Module):
    def __call__(self, x, *, mask, train, rngs):
        assert isinstance(train, bool)
        return x * mask if train else x + jax.random.normal(rngs.noise(), x.shape)


class Forwarding(Net):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)


class Lin(linen.Module):
    width: int

    @linen.compact
    def __call__(self, x, train):
        return linen.Dense(self.width)(linen.Dropout(0.5, deterministic=not train)(x))


def make(rngs, width=4):
    return Net(width, rngs=rngs)


def make_linen(width):
    return Lin(width)


def product(x, y, scale=2):
    return scale * (x @ y)


def a_list():
    return [1, 2]


too_many = functools.partial(Net, 1, 2, 3)
model = Net(2, rngs=nnx.Rngs(0))
lin = Lin(5)
number = 3


class Plain:
    pass


class Unbuildable(nnx.Module):
    def __init__(self, rngs):
        raise ValueError("cannot be built")
'''


@dataclass
class Answer:
    code: int
    out: str
    err: str

    @property
    def record(self):
        return json.loads(self.out)

    @property
    def sentence(self) -> str:
        """The one line on stderr, besides what the user's file prints."""
        lines = [line for line in self.err.splitlines() if line != "printed while imported"]
        assert len(lines) == 1, self.err
        assert lines[0].startswith("shapelab: ")
        return lines[0]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "sibling.py").write_text("WIDTH = 6\n")
    (tmp_path / "late.py").write_text("")
    inner = tmp_path / "outer_package" / "inner_package"
    inner.mkdir(parents=True)
    (inner.parent / "__init__.py").write_text("FEATURES = 7\n")
    (inner / "__init__.py").write_text("from .deep import Deep\n")
    (inner / "near.py").write_text("from flax import nnx\n\nLAYER = nnx.Linear\n")
    (inner / "deep.py").write_text(
        "from flax import nnx\n\nfrom .. import FEATURES\nfrom .near import LAYER\n\nprint('deep is run')\n\n"
        "class Deep(nnx.Module):\n    def __init__(self, rngs):\n        self.layer = LAYER(3, FEATURES, rngs=rngs)\n\n"
        "    def __call__(self, x):\n        return self.layer(x)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    before = dict(sys.modules)
    yield tmp_path
    for name in sys.modules.keys() - before.keys():  # those of this folder: the next has its own by the same names
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def trace(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """The command in this process, in the folder of the user's files; words are split at blanks."""

    def run(words: str, *more: str) -> Answer:
        capsys.readouterr()
        try:
            code = cli.main(["trace", *words.split(), *more])
        except SystemExit as exit:
            code = int(exit.code or 0)
        return Answer(code, *capsys.readouterr())

    return run


def conv(cin: int, cout: int, size: int) -> int:
    return size * size * cin * cout + cout


# ---- what is found and built


@pytest.mark.parametrize(
    ("target", "width"),
    [
        ("net.py:Net", 6),
        ("./net.py:Net", 6),
        ("net:Net", 6),
        ("net.py:Outer.Inner", 6),
        ("net.py:Net --arg width=5", 5),
        ("net.py:model", 2),
        ("net.py:make", 4),
        ("net.py:make --arg width=9", 9),
        ("net.py:Forwarding", 6),
    ],
)
def test_a_class_a_factory_and_a_module_are_traced(trace, target, width):
    answer = trace(f"{target} --input 1 9 8 3 --json")
    assert answer.code == 0, answer.err
    first, second, third = answer.record["stages"]
    assert [stage["name"] for stage in (first, second, third)] == ["conv", "layers.0", "layers.1"]
    assert first["out_shape"] == [1, 9, 8, width]
    assert third["out_shape"] == [1, 3, 2, width]
    assert answer.record["totals"]["params"] == conv(3, width, 3) + 2 * conv(width, width, 1)
    assert second["unread"] == [[1, 3, 5, 7], [1, 3, 5, 7]]


def test_a_module_inside_a_module_is_traced(trace):
    answer = trace("net.py:model.layers.1 --input 1 6 6 2 --json")
    assert answer.code == 0
    assert answer.record["outputs"][0]["shape"] == [1, 3, 3, 2]


def test_arguments_are_python_literals_and_else_strings(trace):
    answer = trace("net.py:Net --input 1 8 8 3 --json --arg mode=fancy", "--arg", "kernel=(5, 1)")
    assert answer.code == 0
    stages = answer.record["stages"]
    assert [window["size"] for window in stages[0]["windows"]] == [5, 1]
    assert stages[-1]["op"] == "relu"


def test_a_module_is_built_as_shapes_alone(trace):
    answer = trace("net.py:Huge --input 1 10000000 --json")
    assert answer.code == 0, answer.err
    assert answer.record["totals"]["params"] == 10**14 + 10**7
    assert "as shapes" in answer.err
    assert "for real" not in answer.err


def test_a_constructor_that_looks_at_numbers_is_built_for_real(trace):
    answer = trace("net.py:LooksAtNumbers --input 5 3 --json")
    assert answer.code == 0, answer.err
    assert answer.record["totals"]["params"] == 3 * 12


@pytest.mark.parametrize(
    ("target", "width"), [("Lin --arg width=7", 7), ("lin", 5), ("make_linen --arg width=3", 3)], ids=str
)
def test_linen_modules_are_traced(trace, target, width):
    answer = trace(f"net.py:{target} --input 2 4 --set train=False --json")
    assert answer.code == 0, answer.err
    assert answer.record["outputs"][0]["shape"] == [2, width]
    assert answer.record["totals"]["params"] == 5 * width


def test_a_function_with_a_parameter_left_for_an_input_is_traced_itself(trace):
    answer = trace("net.py:product --input 3 4 --input 4 2 bfloat16 --arg scale=3 --json")
    assert answer.code == 0, answer.err
    given = [(tensor["name"], tensor["shape"], tensor["dtype"]) for tensor in answer.record["inputs"]]
    assert given == [("x", [3, 4], "float32"), ("y", [4, 2], "bfloat16")]
    assert answer.record["totals"]["macs"] == 24
    assert "product: x (3, 4) float32, y (4, 2) float32 → (3, 2)" in trace("net.py:product --input 3 4 --input 4 2").out


def test_a_method_is_traced(trace):
    by_name = trace("net.py:Net --method encode --input 2 8 8 3")
    bound = trace("net.py:model.encode --input 2 8 8 3")
    assert by_name.code == bound.code == 0
    assert "→ (2, 8, 8, 6)" in by_name.out
    assert "→ (2, 8, 8, 2)" in bound.out


def test_inputs_by_name_in_any_order_with_dtypes_and_scalars(trace):
    answer = trace("net.py:Masked --input mask=1 8 bool --input 5 1 --set train=True --json")
    assert answer.code == 0, answer.err
    assert {tensor["name"]: (tensor["shape"], tensor["dtype"]) for tensor in answer.record["inputs"]} == {
        "x": ([5, 1], "float32"),
        "mask": ([1, 8], "bool"),
    }
    scalar = trace("net.py:product --input x=3 3 --input y=3 3 --input scale=int32 --json")
    (scale,) = [tensor for tensor in scalar.record["inputs"] if tensor["name"] == "scale"]
    assert (scale["shape"], scale["dtype"], scale["bytes"]) == ([], "int32", 4)


def test_a_forward_that_asks_for_rngs_is_given_them(trace):
    answer = trace("net.py:Masked --input 5 1 --input mask=1 8 --set train=False")
    assert answer.code == 0, answer.err
    assert "→ (5, 1)" in answer.out


def test_a_random_key_can_be_given(trace, folder):
    (folder / "noisy.py").write_text(
        "import jax\n\ndef noisy(key, x):\n    return x + jax.random.normal(key, x.shape)\n"
    )
    answer = trace("noisy.py:noisy --input key --input 3 4 --json")
    assert answer.code == 0, answer.err
    assert answer.record["outputs"][0]["shape"] == [3, 4]
    assert answer.record["inputs"][0]["dtype"].startswith("key")


@pytest.mark.parametrize(
    "target", ["outer_package/inner_package/deep.py:Deep", "outer_package.inner_package.deep:Deep"]
)
def test_a_file_in_packages_imports_its_neighbours(trace, target):
    answer = trace(f"{target} --input 2 3 --json")
    assert answer.code == 0, answer.err
    assert answer.record["outputs"][0]["shape"] == [2, 7]
    assert answer.err == "deep is run\n"  # once: its package imports it too


def test_a_file_named_like_another_module_is_not_taken_for_it(trace, folder):
    before = sys.modules["json"]
    (folder / "json.py").write_text(
        "from sibling import WIDTH\n\n\ndef f(x):\n    import json\n\n"
        "    return x.reshape(json.loads(str(WIDTH)), -1)\n"
    )
    answer = trace("json.py:f --input 12 2")
    assert answer.code == 0, answer.err
    assert "→ (6, 4)" in answer.out
    assert sys.modules["json"] is before


def test_nothing_is_left_changed(trace, folder):
    path, files = list(sys.path), sorted(folder.rglob("*"))
    assert trace("net.py:Net --input 1 8 8 3").code == 0
    assert trace("net.py:Net --method raises --input 1 8 8 3").code == 1
    assert trace("net.py:Nett").code == 1
    assert sys.path == path
    here = [name for name, module in sys.modules.items() if str(folder) in str(getattr(module, "__file__", ""))]
    assert sorted(here) == ["late", "sibling"]  # what an import imported stays, as ever
    assert sorted(folder.rglob("*")) == files
    assert sys.dont_write_bytecode is False


def test_what_the_file_prints_is_no_part_of_the_answer(trace):
    answer = trace("net.py:Net --input 1 8 8 3 --json")
    assert answer.record["name"] == "Net"
    assert answer.err == "printed while imported\n"


# ---- what it prints


def test_depth_folds_and_the_totals_stay(trace):
    whole, folded = (trace(f"net.py:Net --input 1 8 8 3 --json {more}").record for more in ("", "--depth 0"))
    (stage,) = folded["stages"]
    assert stage["op"] == "net"
    assert (whole["depth"], folded["depth"]) == (None, 0)
    assert folded["totals"] == whole["totals"]
    table = trace("net.py:Net --input 1 8 8 3 --depth 0").out
    assert "\n0  net " in table
    assert "layers.0" not in table


def test_markdown(trace):
    lines = trace("net.py:Net --input 1 8 8 3 --markdown").out.splitlines()
    assert lines[0].startswith("**Net: ")
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1
    assert sum(line.startswith("|") for line in lines) == 2 + 3


def test_a_field_named_like_an_option_of_the_command_stands_behind_the_lesson_s_name(trace):
    answer = trace("unet --unet-depth 3 --H 32 --W 32 --depth 0 --json")
    assert answer.code == 0
    record = json.loads(answer.out)
    assert record["depth"] == 0
    assert record["name"] == "UNetOfDepth"


def test_a_lesson_takes_depth_and_limits_too(trace):
    answer = trace("unet --H 32 --depth 1 --json")
    assert answer.code == 0
    assert "enc1" in [stage["name"] for stage in answer.record["stages"]]
    params = answer.record["totals"]["params"]
    assert trace(f"unet --H 32 --fail-above-params {params}").code == 0
    assert trace(f"unet --H 32 --fail-above-params {params - 1}").code == 3


# ---- exit code 1


def test_a_forward_that_lacks_the_batch_axis_says_so(trace):
    answer = trace("net.py:Net --method unbatched --input 8 8 3")
    assert answer.code == 1
    assert "the batch axis is missing" in answer.out
    assert "(1, 8, 8, 3)" in answer.out
    assert "Traceback" not in answer.out + answer.err
    record = trace("net.py:Net --method unbatched --input 8 8 3 --json").record
    assert "the batch axis is missing" in record["error"]["explanation"]


def test_a_forward_that_raises_names_the_line(trace, folder):
    answer = trace("net.py:Net --method raises --input 1 8 8 3")
    line = NET.splitlines().index('        raise RuntimeError("on purpose")') + 1
    assert answer.code == 1
    assert f"net.py:{line}: RuntimeError: on purpose" in answer.out


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("nett.py:Net", ("there is no file nett.py", "net.py?")),
        ("nowhere/net.py:Net", ("there is no file nowhere/net.py",)),
        ("outer_package/:Net", ("is a folder",)),
        ("no_such_package.net:Net", ("no module 'no_such_package'",)),
        ("outer_package.nett:Net", ("no module 'outer_package.nett'",)),
        ("net.py:Nett", ("net.py has no 'Nett'", "did you mean 'Net'?")),
        ("net.py:zzz", ("net.py has no 'zzz'", "there is Net, Outer, Huge")),
        ("net.py:model.cnv", ("net.py:model has no 'cnv'", "did you mean 'conv'?")),
        ("net.py:model.layers.7", ("net.py:model.layers has no '7'", "0, 1")),
        ("net.py:Net.encode", ("encode is a method of Net", "--method encode")),
        ("net.py:number", ("number is of type int",)),
        ("net.py:Plain", ("Plain is a class that derives from neither nnx.Module nor linen.Module",)),
        ("net.py:a_list", ("a_list() gave a list, not a module", "--input")),
        ("net.py:Unbuildable", ("Unbuildable could not be built: net.py:", "ValueError: cannot be built")),
        ("net.py:Net --arg width=wide", ("Net could not be built: net.py:15: ", "'wide'")),
        ("net.py:too_many", ("too_many could not be built: TypeError: ", "positional arguments")),
    ],
)
def test_what_cannot_be_had_is_one_sentence(trace, target, words):
    answer = trace(target)
    assert (answer.code, answer.out) == (1, "")
    for word in words:
        assert word in answer.sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\ndef f(:\n    pass\n", "odd.py cannot be imported: odd.py:2: SyntaxError: "),
        ("import no_such_package\n", "odd.py:1: ModuleNotFoundError: No module named 'no_such_package'"),
        (
            "import numpy\n\n\ndef g():\n    return numpy.zeros(3)[7]\n\n\ng()\n",
            "odd.py:5: IndexError: index 7 is out of bounds",
        ),
        ("from packaging.version import Version\n\nVersion('new')\n", "odd.py:3: InvalidVersion: "),
        ("import json\n\njson.loads('{')\n", "odd.py:3: JSONDecodeError: Expecting property name"),
        ("import sys\n\nsys.exit('enough')\n", "odd.py:3: SystemExit: enough"),
        ("from broken_sibling import x\n", "broken_sibling.py:3: ZeroDivisionError: division by zero"),
        ("raise ValueError('first\\nsecond')\n", "odd.py:1: ValueError: first"),
    ],
)
def test_a_file_that_raises_when_imported_is_one_sentence_with_its_line(trace, folder, text, words):
    (folder / "odd.py").write_text(text)
    (folder / "broken_sibling.py").write_text("# a line\n\nx = 1 / 0\n")
    for target in ("odd.py:f", "odd:f"):
        answer = trace(target)
        assert (answer.code, answer.out) == (1, "")
        assert words.removeprefix("odd.py cannot be imported: ") in answer.sentence


# ---- exit code 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("net.py", "net.py:NAME"),
        ("nothing", "neither FILE.py:NAME nor package.module:NAME, nor a lesson (conv1d,"),
        ("net.py:", "neither FILE.py:NAME"),
        (":Net", "neither FILE.py:NAME"),
        ("net.py:Net[0]", "neither FILE.py:NAME"),
        ("--json unet", "shapelab trace unet"),
        ("net.py:Net", "missing a required argument: 'x'"),
        ("net.py:Net --input", "--input"),
        ("net.py:Net --input 1 8 8 3 --input 1", "too many positional arguments"),
        ("net.py:Net --input y=1 8 8 3", "Net.__call__ takes no 'y': there is x"),
        ("net.py:Net --input x=1 8 8 3 --input x=1 8 8 3", "'x' comes twice"),
        ("net.py:Net --input 1x8x8x3", "'1x8x8x3' is no size"),
        ("net.py:Net --input 1 8.5 8 3", "'8.5' is no size"),
        ("net.py:Net --input 1 -8 8 3", "'-8' is no size"),
        ("net.py:Net --input 1 8 8 3 flaot32", "did you mean 'float32'?"),
        ("net.py:Net --input 1 8 8 3 object", "neither a size nor a dtype"),
        ("net.py:Net --input 1 8 8 3 float64", "JAX_ENABLE_X64=1"),
        ("net.py:Net --input 1-2=3", "is no name"),
        ("net.py:Net --input x=", "neither a size nor a dtype"),
        ("net.py:Net --arg widht=3", "Net takes no 'widht': did you mean 'width'?"),
        ("net.py:Net --arg width", "'width' is not NAME=VALUE"),
        ("net.py:Net --arg width=1 --arg width=2", "--arg is given twice"),
        ("net.py:Net --arg mode=true", "Python writes True, False and None"),
        ("net.py:Lin --input 1 4", "Lin cannot be built without width: give --arg width=VALUE"),
        ("net.py:lin --input 1 4", "missing a required argument: 'train'"),
        ("net.py:lin --input 1 4 --set tarin=True", "takes no 'tarin': did you mean 'train'?"),
        ("net.py:model --arg width=3", "model is built already"),
        ("net.py:Net --method encod --input 1 8 8 3", "Net has no method 'encod': did you mean 'encode'?"),
        ("net.py:product --method f --input 1 1 --input 1 1", "--method f needs a module"),
        ("net.py:product --input x=1 1 --input y=1 1 --set x=3", "x is given twice"),
        ("net.py:Net --depth -1", "-1 is below 0"),
        ("net.py:Net --depth deep", "'deep' is not a whole number"),
        ("net.py:Net --fail-above-params many", "'many' is not a whole number"),
        ("net.py:Net --json --markdown", "not allowed with"),
    ],
)
def test_a_misuse_is_answered_with_the_usage_and_the_way_out(trace, words, says):
    answer = trace(words)
    assert (answer.code, answer.out) == (2, "")
    assert "usage: shapelab trace" in answer.err
    assert says in answer.err
    assert "Traceback" not in answer.err


# ---- exit code 3


def test_a_limit_is_kept_to_the_number(trace):
    record = trace("net.py:Net --input 1 8 8 3 --json").record
    for what in ("params", "macs"):
        most = record["totals"][what]
        kept = trace(f"net.py:Net --input 1 8 8 3 --fail-above-{what} {most}")
        assert (kept.code, "shapelab:" in kept.err) == (0, False)
        above = trace(f"net.py:Net --input 1 8 8 3 --fail-above-{what} {most - 1}")
        assert above.code == 3
        assert f"{most:,} " in above.sentence
        assert f"{most - 1:,} " in above.sentence
        assert f"--fail-above-{what}" in above.sentence
        assert "layers.0" in above.out  # the table is printed all the same


def test_both_limits_are_told_and_folding_does_not_move_them(trace):
    answer = trace("net.py:Net --input 1 8 8 3 --depth 0 --fail-above-params 1 --fail-above-macs 1")
    assert answer.code == 3
    lines = [line for line in answer.err.splitlines() if line.startswith("shapelab: ")]
    assert ["trainable parameters" in line for line in lines] == [True, False]
    assert len(lines) == 2


def test_a_forward_that_fails_is_1_whatever_the_limits(trace):
    assert trace("net.py:Net --method raises --input 1 8 8 3 --fail-above-params 1").code == 1


# ---- the command itself


def test_the_help_tells_the_exit_codes_and_the_lessons(trace):
    answer = trace("--help")
    assert answer.code == 0
    for code, word in ((0, "works"), (1, "fails"), (2, "misused"), (3, "above")):
        assert any(line.split()[:1] == [str(code)] and word in line for line in answer.out.splitlines())
    for word in ("--input", "--arg", "--set", "--method", "--depth", "--fail-above-macs", *LESSONS):
        assert word in answer.out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("net.py:Net --input 1 8 8 3", 0),
        ("net.py:Net --input 1 8 8 4", 1),
        ("net.py:Net --input 1 8 8 3 --arg depth=3", 2),
        ("net.py:Net --input 1 8 8 3 --fail-above-params 9", 3),
    ],
)
def test_the_exit_codes_of_the_process(folder, words, code):
    ran = subprocess.run(
        [*command(), "trace", *words.split()], cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert ran.returncode == code, ran
    assert "Traceback" not in ran.stdout + ran.stderr
