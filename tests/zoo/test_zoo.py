"""What holds for every trace, whatever the module: against the module, its jaxpr and definitions alone."""

from collections import Counter
from functools import cache
from itertools import accumulate
from pathlib import Path

import jax
import pytest
from flax import linen, nnx

from shapelab import trace
from zoo.counting import count_call
from zoo.specimen import specimen, traced

HERE = Path(__file__).parent
HELPERS = {"__init__", "specimen", "counting"}
FILES = {path.stem for path in HERE.glob("*.py")}
NAMES = sorted(name for name in FILES - HELPERS if not name.startswith("test_"))


@cache
def built(name):
    return specimen(name).module()


@cache
def counted(name):
    made = specimen(name)
    return count_call(built(name), made.args, made.kwargs)


every = pytest.mark.parametrize("name", NAMES)


def test_the_zoo_is_populated():
    assert len(NAMES) >= 20


@every
def test_the_call_is_complete_and_gives_what_the_module_gives(name):
    made = traced(name)
    assert made.error is None
    assert tuple(output.shape for output in made.outputs) == counted(name).out_shapes
    arrays = [leaf for leaf in jax.tree.leaves((specimen(name).args, dict(specimen(name).kwargs))) if leaf is not True]
    assert [(given.shape, given.dtype) for given in made.inputs] == [(leaf.shape, str(leaf.dtype)) for leaf in arrays]


@every
def test_every_floating_point_operation_lies_in_a_stage(name):
    assert traced(name).flops == counted(name).flops


@every
def test_every_multiply_accumulate_lies_in_a_stage_in_the_programs_order(name):
    """The running sum over stages passes through the running sum over equations: none is split, none is lost."""
    made = traced(name)
    of_stages = list(accumulate(stage.macs * stage.repeats for stage in made.stages))
    of_equations = list(accumulate(equation.macs * equation.times for equation in counted(name).equations))
    assert made.macs == of_equations[-1]
    assert set(of_stages) - {0} <= set(of_equations)


@every
def test_everything_that_slides_is_told_with_its_windows(name):
    """Each convolution and pooling of the program, in order, is one stage with those windows."""
    expected = [
        _moving(equation.slides) for equation in counted(name).equations if equation.slides and equation.of_input
    ]
    slid = [stage for stage in traced(name).stages if stage.macs or "pool" in stage.op]
    windows = [stage.windows for stage in slid if stage.windows is not None]
    told = [[(w.size, w.stride, w.dilation, w.base_dilation) for w in axes] for axes in windows]
    assert [_moving(axes) for axes in told] == expected


def _moving(axes):
    """The axes along which something slides: a pooling of the program also names those along which nothing does."""
    return tuple(axis for axis in axes if axis != (1, 1, 1, 1))


@every
def test_windows_give_the_sizes_of_the_stage(name):
    """Each window slides from the size that the stage reads to the size that it gives."""
    for stage in traced(name).stages:
        if stage.windows is None:
            continue
        places = [axis for axis, letter in enumerate(stage.layout) if letter in ("L", "D", "H", "W")]
        assert len(places) == len(stage.windows), stage
        for place, window in zip(places, stage.windows, strict=True):
            axis = place - len(stage.out_shape)
            assert window.output_size(stage.in_shapes[0][axis]) == stage.out_shape[axis], stage


@every
def test_parameters_are_those_of_the_module(name):
    module, made = built(name), traced(name)
    if isinstance(module, linen.Module):
        own = jax.tree.leaves(module.variables["params"])
    else:
        own = jax.tree.leaves(nnx.state(module, nnx.Param))
    assert made.params == sum(leaf.size for leaf in own)
    assert len({parameter.path for parameter in made.parameters}) == len(made.parameters)


@every
def test_the_stages_read_what_the_program_reads(name):
    read = {parameter.path for stage in traced(name).stages for parameter in stage.parameters}
    assert read == counted(name).reads


@every
def test_edges_join_equal_shapes(name):
    """The shape on an edge is what its source gives; into a loop, one turn's slice of it; out of one, its stack."""
    made = traced(name)
    for edge in made.edges:
        assert edge.source < edge.target
        target = made.stages[edge.target]
        assert edge.shape in target.in_shapes
        if edge.source < 0:
            gives, repeats = [made.inputs[-1 - edge.source].shape], 1
        else:
            source = made.stages[edge.source]
            gives, repeats = [source.out_shape, *getattr(source, "out_shapes", ())], source.repeats
        if repeats < target.repeats:
            gives += [shape[1:] for shape in gives]
        if repeats > target.repeats:
            gives += [(repeats, *shape) for shape in gives]
        assert edge.shape in gives, (edge, made.stages[edge.source].name, target.name)
    for number, stage in enumerate(made.stages):
        joined = Counter(edge.shape for edge in made.edges if edge.target == number)
        assert joined <= Counter(stage.in_shapes)
        if stage.repeats == 1:  # in a loop it may also read what the turn before has left
            assert joined == Counter(stage.in_shapes)


@every
def test_every_stage_is_on_a_way_from_an_input_and_every_output_too(name):
    made = traced(name)
    fed = {-1 - number for number in range(len(made.inputs))}
    for number in range(len(made.stages)):
        stage = made.stages[number]
        sources = {edge.source for edge in made.edges if edge.target == number}
        begins = stage.repeats != 1 and stage.in_shapes  # with what the turn before has left
        derives = name == "hamiltonian" and stage.path == "out" and stage.macs  # from the kernel alone, backwards
        assert sources or begins or derives, (number, stage.name)
        assert sources <= fed, (number, stage.name)
        fed.add(number)
    assert set(made.outputs_from) <= fed
    assert {-1 - number for number in range(len(made.inputs))} <= {edge.source for edge in made.edges}


@every
def test_outputs_come_from_stages_that_give_their_shape(name):
    made = traced(name)
    for output, source in zip(made.outputs, made.outputs_from, strict=True):
        stage = made.stages[source]
        gives = [stage.out_shape, *getattr(stage, "out_shapes", ())]
        assert output.shape in [*gives, *((stage.repeats, *shape) for shape in gives)]


@every
def test_every_line_is_one_of_the_zoo(name):
    """No stage points into a library: what made it is a line of the file that defines the module."""
    for stage in traced(name).stages:
        if stage.name in specimen(name).called_by_flax:
            assert stage.source is None
            continue
        assert stage.source is not None, stage.name
        assert Path(stage.source.file) == HERE / f"{name}.py", stage.name


@every
def test_every_path_is_one_of_the_modules(name):
    """A path leads by attributes and indices from the module to one of the class that the stage names."""
    module = built(name)
    if isinstance(module, linen.Module):
        pytest.skip("Linen's submodules exist only inside a call")
    nodes = {".".join(map(str, path)): type(node).__name__ for path, node in nnx.iter_graph(module)}
    for stage in traced(name).stages:
        assert nodes[stage.path] == stage.module_type


@every
def test_the_module_is_as_it_was(name):
    made = specimen(name)
    module = made.module()
    if isinstance(module, linen.Module):
        before = module.variables
        trace(module, *made.args, **made.kwargs)
        assert jax.tree.all(jax.tree.map(lambda one, other: one is other, module.variables, before))
        return
    nodes = [(path, node, type(node), dict(vars(node))) for path, node in _modules(module)]
    graphdef, state = nnx.split(module)
    trace(module, *made.args, **made.kwargs)
    again, after = nnx.split(module)
    assert again == graphdef
    for one, other in zip(jax.tree.leaves(state), jax.tree.leaves(after), strict=True):
        assert one is other
    for (path, node, cls, own), (path_after, node_after) in zip(nodes, _modules(module), strict=True):
        assert path == path_after
        assert node is node_after
        assert type(node_after) is cls
        assert vars(node_after) == own


def _modules(module):
    return [(path, node) for path, node in nnx.iter_graph(module) if isinstance(node, nnx.Module)]
