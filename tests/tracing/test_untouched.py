"""A trace changes nothing: not the module, not its classes, not the traces of other threads."""

import threading
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from shapelab import trace
from shapelab.modules.conv1d import MyConv1D
from shapelab.modules.resnet_block import BasicBlock
from shapelab.modules.unet import UNet


class Stumbles(nnx.Module):
    def __init__(self, rngs):
        self.conv = nnx.Conv(2, 2, (3, 3), rngs=rngs)
        self.count = nnx.Variable(jnp.zeros((), jnp.int32))

    def __call__(self, x):
        self.count[...] = self.count[...] + 1
        self.conv(x)
        raise RuntimeError("on purpose")


def snapshot(module):
    nodes = [(path, id(node), type(node)) for path, node in nnx.iter_graph(module)]
    arrays = [np.asarray(array).copy() for array in jax.tree.leaves(nnx.state(module))]
    own = {path: sorted(vars(node)) for path, node in nnx.iter_graph(module) if isinstance(node, nnx.Module)}
    return nodes, arrays, own


def same(before, after):
    assert before[0] == after[0]
    assert before[2] == after[2]
    for one, other in zip(before[1], after[1], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("make", "shape", "fails"),
    [
        (lambda: BasicBlock(2, rngs=nnx.Rngs(0)), (4, 4, 2), False),
        (lambda: UNet(1, 2, rngs=nnx.Rngs(0)), (8, 8, 1), False),
        (lambda: UNet(1, 2, rngs=nnx.Rngs(0)), (30, 8, 1), True),
        (lambda: Stumbles(nnx.Rngs(0)), (4, 4, 2), True),
    ],
)
def test_the_module_is_as_it_was(filled, make, shape, fails):
    module = filled(make)
    before = snapshot(module)
    made = trace(module, jnp.zeros(shape))
    assert (made.error is not None) == fails
    assert made.stages
    same(before, snapshot(module))
    trace(module, jnp.zeros(shape))  # and again
    same(before, snapshot(module))


def test_layers_of_flax_still_work_after_a_forward_that_raised(filled):
    call, conv_class = nnx.Conv.__call__, vars(nnx.Conv).copy()
    layer = filled(lambda: nnx.Conv(1, 1, (2,), rngs=nnx.Rngs(0)))
    x = jnp.ones((1, 4, 1))
    before = np.asarray(layer(x))
    assert trace(filled(lambda: Stumbles(nnx.Rngs(0))), jnp.zeros((4, 4, 2))).error is not None
    assert nnx.Conv.__call__ is call
    assert vars(nnx.Conv) == conv_class
    np.testing.assert_array_equal(np.asarray(layer(x)), before)
    names = str(jax.make_jaxpr(layer)(x).eqns[0].source_info.name_stack)
    assert "shapelab" not in names


def test_a_module_that_traces_another_one_in_its_forward(filled):
    inner = filled(lambda: MyConv1D(2, 3, 3, rngs=nnx.Rngs(0)))
    seen = []

    def curious(x):
        seen.append(trace(inner, x))
        return x + 1

    made = trace(curious, jnp.zeros((5, 2)))
    assert [stage.op for stage in made.stages] == ["add"]
    assert [stage.op for stage in seen[0].stages] == ["expand_dims", "conv", "squeeze", "add"]


class Curious(nnx.Module):
    def __init__(self, inner, rngs):
        self.inner = inner
        self.conv = nnx.Conv(2, 3, (3,), rngs=rngs)

    def __call__(self, x):
        trace(self.inner, jnp.zeros((5, 2)))
        return self.conv(x)


def test_calls_after_an_inner_trace_still_name_themselves(filled):
    module = filled(lambda: Curious(MyConv1D(2, 3, 3, rngs=nnx.Rngs(0)), nnx.Rngs(0)))
    made = trace(module, jnp.zeros((1, 5, 2)))
    assert made.error is None
    assert [(stage.path, stage.op) for stage in made.stages] == [("conv", "conv")]


def test_traces_in_several_threads_do_not_meet(filled):
    jobs = [
        (filled(lambda: UNet(1, 1, rngs=nnx.Rngs(0))), jax.ShapeDtypeStruct((8, 12, 1), jnp.float32)),
        (filled(lambda: BasicBlock(3, rngs=nnx.Rngs(0))), jax.ShapeDtypeStruct((6, 5, 3), jnp.float32)),
        (
            filled(lambda: UNet(1, 1, rngs=nnx.Rngs(0))),
            jax.ShapeDtypeStruct((10, 8, 1), jnp.float32),
        ),  # fails
        (filled(lambda: MyConv1D(2, 3, 4, rngs=nnx.Rngs(0))), jax.ShapeDtypeStruct((9, 2), jnp.float32)),
    ]
    alone = [trace(module, x) for module, x in jobs]
    together = threading.Barrier(8)

    def work(number):
        together.wait(timeout=60)
        return [trace(*jobs[(number + turn) % 4]) for turn in range(4)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(work, range(8)))
    for number, traces in enumerate(answers):
        assert traces == [alone[(number + turn) % 4] for turn in range(4)]


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: MyConv1D(2, 3, 4, rngs=nnx.Rngs(0)), (9, 2)),
        (lambda: BasicBlock(2, rngs=nnx.Rngs(0)), (4, 5, 2)),
        (lambda: UNet(1, 2, rngs=nnx.Rngs(0)), (8, 12, 1)),
        (lambda: UNet(1, 2, rngs=nnx.Rngs(0)), (8, 10, 1)),  # fails
    ],
)
def test_shapes_alone_give_the_same_trace_as_arrays(filled, make, shape):
    module, abstract = filled(make), nnx.eval_shape(make)
    with_arrays = trace(module, jnp.zeros(shape))
    assert trace(module, np.zeros(shape, np.float32)) == with_arrays
    assert trace(module, jax.ShapeDtypeStruct(shape, jnp.float32)) == with_arrays
    assert trace(abstract, jax.ShapeDtypeStruct(shape, jnp.float32)) == with_arrays
    assert trace(abstract, jnp.zeros(shape)) == with_arrays
