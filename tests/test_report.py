"""A trace as JSON that its schema describes, and as tables."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from fractions import Fraction

import jax
import jax.numpy as jnp
import pytest
from flax import linen, nnx
from jax import lax
from jsonschema import Draft202012Validator, ValidationError

from shapelab import report, trace
from shapelab.engine.in_process import Engine
from shapelab.engine.spec import check
from shapelab.lessons import LESSONS
from shapelab.tracing.records import numbered
from zoo.specimen import traced

X = jax.ShapeDtypeStruct((1, 8, 6, 3), jnp.float32)


def abstract(make):
    return nnx.eval_shape(lambda: make(nnx.Rngs(0)))


class Layers(nnx.Module):
    """One layer after another, each built by a function of its input channels."""

    def __init__(self, *makers, rngs):
        self.layers = nnx.List([make(rngs) for make in makers])

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


def conv(*size, cin=3, cout=3, **more):
    return lambda rngs: nnx.Conv(cin, cout, size, rngs=rngs, **more)


def up(*size, cin=3, cout=3, **more):
    return lambda rngs: nnx.ConvTranspose(cin, cout, size, rngs=rngs, **more)


def of(*makers, x=X):
    return trace(abstract(lambda rngs: Layers(*makers, rngs=rngs)), x)


def looped(x):
    turns, x = lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, jnp.sin(c[1])), (0, x))
    x = lax.fori_loop(0, 5, lambda i, x: x * 2, x)
    return lax.cond(turns > 2, lambda x: jnp.tanh(x), lambda x: jnp.exp(x) + 1, x)


def branched(x, which):
    return lax.switch(which, [jnp.sin, lambda x: lax.cond(x.sum() > 0, jnp.cos, jnp.tan, x), jnp.exp], x)


class Linen(linen.Module):
    @linen.compact
    def __call__(self, x):
        return linen.Dense(3)(linen.BatchNorm(use_running_average=True)(linen.Conv(4, (3, 3))(x)))


def lesson(name, **values):
    return lambda: Engine().trace(check(name, values))


def refused(x, y):
    return jnp.concatenate([nnx.max_pool(x, (2, 2), (2, 2)), y], -1)


def raises(x):
    raise RuntimeError('a [\n1,\n 2\n] "quoted" ] message\n{"a": [3]}')


TRACES = {
    **{name: lesson(name) for name in LESSONS},
    "linen lesson": lesson("conv2d", library="linen"),
    "unet at an odd size": lesson("unet", H=30),
    "unet of nothing": lesson("unet", H=20, base_features=1, C=1),
    "loops and a branch": lambda: trace(looped, X),
    "branches in branches": lambda: trace(branched, X, jax.ShapeDtypeStruct((), jnp.int32)),
    "refused operands": lambda: trace(refused, X, jax.ShapeDtypeStruct((1, 5, 3, 3), jnp.float32)),
    "an exception": lambda: trace(raises, X),
    "no stage": lambda: trace(lambda x: x, X),
    "nothing at all": lambda: trace(lambda: None),
    "an unbound Linen module": lambda: trace(Linen(), X),
    "a module with the batch missing": lambda: trace(lambda x: lax.conv(x, x[None, 0], (1, 1), "SAME"), X),
    "strides, crops and unread cells": lambda: of(conv(1, 1, strides=2), conv(2, 2, padding=((-1, 0), (3, 1)))),
    "transposed": lambda: of(up(2, 2, strides=3, padding="VALID"), up(3, 3, strides=2), up(3, 3, padding="CIRCULAR")),
    "wrapped and mirrored": lambda: of(conv(3, 3, padding="CIRCULAR"), conv(3, 3, padding="REFLECT")),
    "several in, dictionary out": lambda: traced("two_towers"),
    "tuple out": lambda: trace(lambda x, y: (x + 1, {"both": y @ x, "given": y}), *(jnp.ones((2, 2)),) * 2),
    "scan": lambda: traced("scanned"),
    "bfloat16": lambda: traced("half_precision"),
    "recurrent": lambda: traced("recurrent"),
    "gradients": lambda: traced("hamiltonian"),
    "vmapped": lambda: traced("ensemble"),
    "keys and integers": lambda: traced("language_model"),
    "long": lambda: traced("densenet"),
}
every = pytest.mark.parametrize("name", TRACES)


@pytest.fixture(scope="module")
def schema():
    return report.schema()


@pytest.fixture(scope="module")
def valid(schema):
    return Draft202012Validator(schema)


@pytest.fixture(scope="module")
def made():
    kept = {}

    def get(name):
        if name not in kept:
            kept[name] = TRACES[name]()
        return kept[name]

    return get


# ---- JSON


def test_the_schema_is_one(schema):
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_schema_describes_every_field_and_admits_no_other(schema):
    def objects(part):
        if isinstance(part, dict):
            if part.get("type") == "object":
                yield part
            for inner in part.values():
                yield from objects(inner)
        elif isinstance(part, list):
            for inner in part:
                yield from objects(inner)

    found = list(objects(schema))
    assert len(found) > 10
    for one in found:
        assert one["additionalProperties"] is False
        assert set(one["required"]) == set(one["properties"])
        for name, field in one["properties"].items():
            described = field if "description" in field else schema["$defs"][field["$ref"].rpartition("/")[2]]
            assert len(described["description"]) > 8, name


@every
@pytest.mark.parametrize("depth", [None, 0, 1, 3])
def test_the_record_is_what_the_schema_says(name, depth, made, valid):
    valid.validate(json.loads(report.to_json(made(name), depth=depth)))


def test_the_traces_above_have_what_is_rare(made):
    """Otherwise the schema would be held against less than it describes."""
    stages = [stage for name in TRACES for stage in made(name).stages]
    assert {stage.repeats for stage in stages} >= {None, 1, 5, 12}
    assert max(len(stage.branches) for stage in stages) == 2
    assert any(any(stage.unread or ()) for stage in stages)
    assert any(window.padding.lo < 0 for stage in stages for window in stage.windows or ())
    fields = [field for stage in stages for field in stage.receptive_field or ()]
    assert any(field.stride.denominator > 1 for field in fields)
    assert any(None in field.intervals for field in fields)
    assert any(isinstance(stage.declared, tuple) for stage in stages)
    errors = [made(name).error for name in TRACES if made(name).error]
    assert any(error.dropped_by is not None for error in errors)
    assert any(error.remedy for error in errors)
    assert any(error.source is None or error.op == "" for error in errors)
    assert any(None in error.operands or not error.operands for error in errors)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r: r.update(program="jaxpr"),
        lambda r: r.update(schema="shapelab.trace/2"),
        lambda r: r.pop("totals"),
        lambda r: r["totals"].update(macs=1.5),
        lambda r: r["stages"][0].pop("unread"),
        lambda r: r["stages"][0].update(params=-1),
        lambda r: r["stages"][0].update(out_shape=["8", 4]),
        lambda r: r["stages"][0]["windows"][0].update(size=0),
        lambda r: r["stages"][0]["windows"][0]["padding"].update(fill="zeros"),
        lambda r: r["stages"][0].update(repeats="?"),
        lambda r: r["edges"][0].update(weight=1),
        lambda r: r.update(error="failed"),
    ],
)
def test_the_schema_refuses_what_is_no_record(spoil, made, valid):
    record = json.loads(report.to_json(made("conv2d")))
    spoil(record)
    with pytest.raises(ValidationError):
        valid.validate(record)


@every
def test_the_record_tells_what_the_trace_does(name, made):
    told = made(name)
    record = json.loads(report.to_json(told))
    whole = json.loads(json.dumps(asdict_of(told), default=lambda value: value.value))
    for key, value in whole.items():
        if key != "stages":
            assert record[key] == value, key
    assert len(record["stages"]) == len(told.stages)
    for stage, fields, read in zip(told.stages, whole["stages"], record["stages"], strict=True):
        kept = {key: read[key] for key in fields}
        for field in kept["receptive_field"] or []:
            of_intervals = {key: field.pop(key) for key in ("size", "stride", "start")}
            seen = [interval for interval in field["intervals"] if interval]
            assert of_intervals["size"] == max((last - first + 1 for first, last in seen), default=0)
            assert Fraction(of_intervals["stride"]) == Fraction(field["shift"], len(field["intervals"]))
            assert of_intervals["start"] == (seen[0][0] if seen else 0)
        assert kept == fields
        trainable = {True: 0, False: 0}
        for parameter in stage.parameters:
            trainable[parameter.trainable] += parameter.size
        assert (read["params"], read["params_fixed"]) == (trainable[True], trainable[False])
        assert read["parameter_bytes"] == sum(parameter.bytes for parameter in stage.parameters)
    assert [stage["name"] for stage in record["stages"]] == numbered(told.stages)
    assert "program" not in record


def asdict_of(told):
    """The dataclass as dictionaries, without the program, which cannot be copied."""
    fields = asdict(replace(told, program=None))
    del fields["program"]
    return fields


@every
def test_the_totals_are_of_the_whole_call_at_any_depth(name, made):
    told = made(name)
    expected = {
        "params": told.params,
        "params_fixed": told.params_fixed,
        "macs": told.macs,
        "flops": told.flops,
        "peak_activation_bytes": told.peak_activation_bytes,
    }
    for depth in (None, 0, 1):
        record = json.loads(report.to_json(told, depth=depth))
        assert (record["schema"], record["depth"], record["totals"]) == ("shapelab.trace/1", depth, expected)
        assert len(record["stages"]) == len(told.stages if depth is None else told.at(depth).stages)


def test_unread_cells_are_listed_every_one():
    record = json.loads(report.to_json(of(conv(1, 1, strides=(3, 1)), x=jax.ShapeDtypeStruct((1, 400, 2, 3), "f4"))))
    (stage,) = record["stages"]
    assert stage["unread"] == [[cell for cell in range(400) if cell % 3], []]


def test_loops_branches_and_names_in_json(made):
    record = json.loads(report.to_json(made("loops and a branch")))
    repeats = {stage["op"]: stage["repeats"] for stage in record["stages"]}
    assert repeats["sin"] is None
    assert repeats["mul"] == 5
    ways = {stage["op"]: [branch["index"] for branch in stage["branches"]] for stage in record["stages"]}
    assert {ways["tanh"][0], ways["exp"][0]} == {0, 1}
    names = [stage["name"] for stage in json.loads(report.to_json(made("long")))["stages"]]
    assert len(set(names)) == len(names) > 100


def test_a_message_of_several_lines_and_brackets_is_kept_to_the_letter(made):
    told = made("an exception")
    assert told.error.message.count("\n") == 4
    assert json.loads(report.to_json(told))["error"]["message"] == told.error.message


def test_lists_of_plain_values_stand_on_one_line(made):
    text = report.to_json(made("conv2d"))
    assert '"out_shape": [4, 4, 4],' in text
    assert not re.search(r"^\s*\d+,?$", text, re.MULTILINE)


# ---- tables


def cells(told, column, depth=None):
    """A column of the Markdown table."""
    lines = [line for line in report.markdown(told, depth).splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row[rows[0].index(column)] for row in rows[2:]]


@pytest.mark.parametrize(
    ("layer", "padding"),
    [
        (conv(3, 3), "SAME 1+1"),
        (conv(3, 2, strides=2), "SAME 0+1, 0+0"),
        (conv(3, 3, strides=2), "SAME 0+1"),
        (conv(3, 3, padding="VALID"), "VALID"),
        (conv(3, 3, padding="CIRCULAR"), "CIRCULAR 1+1"),
        (conv(4, 2, padding="REFLECT"), "REFLECT 1+2, 0+1"),
        (conv(3, 3, padding=2), "2+2"),
        (conv(3, 3, padding=((0, 1), (2, 2))), "0+1, 2+2"),
        # Transposed: the full output has (n - 1)·s + k cells, 2·(n - 1) + 3 = 2n + 1 here; SAME keeps 2n of them.
        (up(3, 3, strides=2), "SAME crop 0+1"),
        (up(2, 2, strides=2, padding="VALID"), "VALID"),
        (up(3, 3, padding="VALID"), "VALID"),
        (up(3, 3), "SAME crop 1+1"),
        # flax takes explicit padding as lax does, of the spread input: 4 - 1 - 1 = 2 off at each end.
        (up(4, 4, strides=2, padding=1), "crop 2+2"),
    ],
)
def test_padding_is_told_by_its_name_and_amounts(layer, padding):
    assert cells(of(layer), "padding") == [padding]


@pytest.mark.parametrize("name", ["SAME", "VALID"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_crop_is_what_the_output_lacks_of_the_full_one(name, stride, size):
    told = of(up(size, size, strides=stride, padding=name))
    (text,) = cells(told, "padding")
    crops = [int(n) for n in re.findall(r"-?\d+(?=\+)|(?<=\+)-?\d+", text)] or [0, 0]
    full = (8 - 1) * stride + size
    assert told.outputs[0].shape[1] == full - crops[0] - crops[1]


def test_functional_padding_has_no_name_but_that_of_what_it_repeats():
    kernel = jnp.ones((3, 3, 3, 3))
    numbers = ("NHWC", "HWIO", "NHWC")

    def slid(x, padding):
        return lax.conv_general_dilated(x, kernel, (1, 1), padding, dimension_numbers=numbers)

    def wrapped(x):
        return slid(jnp.pad(x, ((0, 0), (1, 1), (2, 2), (0, 0)), mode="wrap"), "VALID")

    assert cells(trace(slid, X, "SAME"), "padding") == ["1+1"]
    assert cells(trace(wrapped, X), "padding") == ["CIRCULAR 1+1, 2+2", "0+0"]


class Deep(nnx.Module):
    def __init__(self, rngs):
        self.encoder = Layers(conv(1, 1), rngs=rngs)
        self.encoder.a_block_with_a_long_name = Layers(conv(1, 1), rngs=rngs)
        inner = self.encoder.a_block_with_a_long_name
        inner.another_quite_long_name = Layers(conv(1, 1), rngs=rngs)

    def __call__(self, x):
        long = self.encoder.a_block_with_a_long_name.another_quite_long_name
        return jnp.concatenate([nnx.relu(long(x)), *(self.encoder(x * n) for n in range(10))], -1)


def test_the_text_table_cuts_long_names_and_lists_and_the_markdown_does_not():
    told = trace(abstract(Deep), X)
    whole = "encoder.a_block_with_a_long_name.another_quite_long_name.layers.0"
    text, table = report.text_table(told), report.markdown(told)
    assert whole in table
    assert whole not in text
    assert "encoder.….another_quite_long_name.layers.0" in text
    (joined,) = [line for line in text.splitlines() if "concatenate" in line]
    (joined_whole,) = [line for line in table.splitlines() if "concatenate" in line]
    sources = joined_whole.strip("| ").rpartition("| ")[2]
    assert len(sources.split(", ")) == 11
    assert joined.endswith(", ".join(sources.split(", ")[:7]) + ", … 4 more")


@every
def test_tables_have_a_line_a_stage_in_columns(name, made):
    told = made(name)
    lines = report.text_table(told).split("\n\n", 2)[1].splitlines()
    assert len(lines) == 2 + len(told.stages)
    at = lines[0].index("op")
    assert all(line[at - 1] == " " and line[at] != " " for line in lines[2:])
    assert all(len(line) <= len(lines[1]) for line in lines)
    rows = [line for line in report.markdown(told).splitlines() if line.startswith("| ")]
    assert len(rows) == 2 + len(told.stages)
    assert {len(re.split(r"(?<!\\)\|", row)) for row in rows} == {len(report.HEADER) + 2}


def test_of_several_inputs_a_stage_names_those_that_it_reads(made):
    assert cells(trace(lambda x: x + 1, X), "reads") == ["in"]
    told = trace(lambda image, mask: image * mask + image, X, X)
    assert cells(told, "reads") == ["image, mask", "0, image"]


def test_loops_and_branches_in_the_table(made):
    names = cells(made("loops and a branch"), "stage")
    assert "sin × ?" in names
    assert "mul × 5" in names
    assert {"tanh (branch 2 of 2)", "exp (branch 1 of 2)"} <= set(names)


def test_a_table_folds_and_its_totals_stay(made):
    told = made("unet")
    folded, whole = report.text_table(told, depth=1), report.text_table(told)
    assert re.search(r"^ *0  enc1 +convbn_relu ", folded, re.MULTILINE)
    assert "enc1.conv" in whole
    assert "enc1.conv" not in folded
    assert folded.splitlines()[-1] == whole.splitlines()[-1]
    assert cells(told, "padding", depth=1)[0] == "SAME 1+1"


def test_a_failure_is_told_with_its_cause_and_the_way_out(made):
    told = made("unet at an odd size")
    for text in (report.text_table(told), report.markdown(told)):
        last = text.splitlines()[-3:]
        assert last[0].startswith("FAILED in concatenate at ")
        assert "unet.py:" in last[0]
        assert last[1] == told.error.explanation != ""
        assert last[2] == told.error.remedy != ""
