"""``Trace.receptive_field``: the support by gradient, beside brute force and the theoretical field."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from shapelab import trace
from shapelab.modules.resnet_block import BasicBlock

X = jax.random.normal(jax.random.key(1), (1, 9, 8, 2))


class Net(nnx.Module):
    """A ReLU and a max pool hide cells at any one input."""

    def __init__(self, rngs):
        self.first = nnx.Conv(2, 3, (3, 3), strides=2, rngs=rngs)
        self.second = nnx.Conv(3, 4, (3, 2), kernel_dilation=2, rngs=rngs)

    def __call__(self, x):
        x = nnx.max_pool(nnx.relu(self.first(x)), (2, 2), padding="SAME")
        return self.second(x)


def touched(module, cell):
    """The input cells that change the output's cell when they change, tried one at a time from many points."""
    found = np.zeros(X.shape[1:3], bool)
    run = jax.jit(lambda x: module(x)[0, cell[0], cell[1]])
    for seed in range(12):
        base = jax.random.normal(jax.random.key(seed), X.shape) * 3
        before = run(base)
        for row, column in np.ndindex(*found.shape):
            if not found[row, column]:
                found[row, column] = bool(jnp.any(run(base.at[0, row, column].add(5.0)) != before))
    return found


@pytest.mark.parametrize("cell", [(0, 0), (2, 1), (4, 3)])
def test_the_support_is_what_touching_the_input_shows(cell):
    net = Net(nnx.Rngs(3))
    found = trace(net, X).receptive_field("second", cell)
    expected = touched(net, cell)
    assert np.array_equal(found.mask.any(axis=(0, 3)), expected)
    rows, columns = np.nonzero(expected)
    assert found.cells[1:3] == ((rows.min(), rows.max()), (columns.min(), columns.max()))
    assert found.coupled_by is None


def test_the_weights_are_the_gradient_at_the_call_s_own_values():
    net = Net(nnx.Rngs(3))
    found = trace(net, X).receptive_field("second", (1, 2))
    expected = jax.grad(lambda x: net(x)[0, 1, 2].sum())(X)
    np.testing.assert_allclose(found.weights, expected, rtol=1e-4, atol=1e-6)


def test_one_channel_can_be_asked_for():
    net = nnx.Conv(2, 2, (1, 1), feature_group_count=2, rngs=nnx.Rngs(0))
    found = trace(net, X).receptive_field(0, (0, 3, 4, 1))
    assert np.argwhere(found.mask).tolist() == [[0, 3, 4, 1]]


def test_an_abstract_module_has_a_support_too():
    net = nnx.eval_shape(lambda: Net(nnx.Rngs(3)))
    made = trace(net, jax.ShapeDtypeStruct(X.shape, X.dtype))
    concrete = trace(Net(nnx.Rngs(3)), X)
    for cell in ((0, 0), (4, 3)):
        assert np.array_equal(made.receptive_field("second", cell).mask, concrete.receptive_field("second", cell).mask)


def test_the_theoretical_field_holds_the_support():
    made = trace(Net(nnx.Rngs(3)), X)
    stage = made.stages[made.number_of("second")]
    for cell in np.ndindex(5, 4):
        found = made.receptive_field("second", cell)
        for (first, last), field, at in zip(found.cells[1:3], stage.receptive_field, cell, strict=True):
            low, high = field.interval(at)
            assert low <= first <= last <= high


def test_batch_statistics_couple_the_whole_image_and_it_says_so():
    made = trace(BasicBlock(2, rngs=nnx.Rngs(0)), X[0])
    before, after = made.receptive_field("conv1", (4, 4)), made.receptive_field("relu", (4, 4))
    assert before.mask.any(axis=2).sum() == 9
    assert before.explanation == ""
    assert after.mask.any(axis=2).all()
    assert made.stages[after.coupled_by].path == "bn1"
    assert after.explanation.startswith("bn1 normalises by statistics of the whole batch")


@pytest.mark.parametrize(
    ("stage", "cell", "words"),
    [
        ("nosuch", (0, 0), "there is no stage 'nosuch'.*first"),
        (99, (0, 0), "stages 0 to"),
        ("second", (0,), "2 .*or 4"),
        ("second", (5, 0), "outside"),
    ],
)
def test_what_is_not_there_is_refused(stage, cell, words):
    with pytest.raises(ValueError, match=words):
        trace(Net(nnx.Rngs(3)), X).receptive_field(stage, cell)


def test_a_folded_trace_says_that_its_program_is_gone():
    with pytest.raises(ValueError, match="lost its program"):
        trace(Net(nnx.Rngs(3)), X).at(1).receptive_field(0, (0, 0))
