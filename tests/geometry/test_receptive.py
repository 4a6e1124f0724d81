"""Receptive fields: against the exact support of chains of windows that run."""

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from oracles.running import convolution, support
from shapelab.geometry import Padding, ReceptiveField, Window

windows = st.builds(
    Window,
    size=st.integers(1, 4),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    base_dilation=st.sampled_from([1, 1, 1, 2, 3]),
    padding=st.builds(Padding, st.integers(0, 3), st.integers(0, 3)),
)
plain = st.builds(
    Window,
    size=st.integers(1, 4),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    padding=st.builds(Padding, st.integers(0, 3), st.integers(0, 3)),
)
RUNS = settings(max_examples=30, derandomize=True, deadline=None)


def running(chain):
    layers = [
        convolution((w.size,), (w.stride,), [(w.padding.lo, w.padding.hi)], (w.dilation,), (w.base_dilation,))
        for w in chain
    ]

    def run(x):
        for layer in layers:
            x = (layer(x) > 0).astype(x.dtype)
        return x

    return run


def fits(chain, size):
    for window in chain:
        if window.padded_size(size) < window.span:
            return False
        size = window.output_size(size)
    return True


def field_of(chain):
    field = ReceptiveField.identity()
    for window in chain:
        field = field.then(window)
    return field


@RUNS
@given(chain=st.lists(windows, min_size=1, max_size=3), size=st.integers(4, 24))
def test_no_cell_outside_the_interval_is_seen(chain, size):
    assume(fits(chain, size))
    field = field_of(chain)
    for i, seen in enumerate(support(running(chain), size)):
        interval = field.interval(i)
        if interval is None:
            assert len(seen) == 0
            continue
        assert all(interval[0] <= cell <= interval[1] for cell in seen)
        assert len(seen) <= field.size


@RUNS
@given(chain=st.lists(plain, min_size=1, max_size=3), size=st.integers(8, 40))
def test_both_ends_of_an_interior_interval_are_seen(chain, size):
    assume(fits(chain, size))
    field = field_of(chain)
    inside = 0
    for i, seen in enumerate(support(running(chain), size)):
        first, last = field.interval(i)
        assert last - first + 1 == field.size
        if first >= 0 and last < size:
            assert (seen[0], seen[-1]) == (first, last)
            inside += 1
    assume(inside)


def test_well_known_networks_by_hand():
    three = Window(3, padding=Padding(1, 1))
    found = field_of([three, three])
    assert (found.size, found.stride, found.start) == (5, 1, -2)
    pool = Window(2, stride=2)
    assert field_of([three, three, pool, three, three]).size == 14  # VGG to conv2_2
    stem = [Window(7, 2, padding=Padding(3, 3)), Window(3, 2, padding=Padding(1, 1))]
    assert field_of(stem).size == 11  # ResNet behind its max pool
    assert field_of(stem).stride == 4


def test_a_transposed_convolution_halves_the_step():
    """Each output cell of a 2-wide kernel at stride 2 reads one input cell: nothing is added to the field."""
    field = field_of([Window(2, stride=2), Window(2, base_dilation=2, padding=Padding(1, 1))])
    assert field.size == 2
    assert [field.interval(i) for i in range(4)] == [(0, 1), (0, 1), (2, 3), (2, 3)]
    assert field.stride == 1
    assert field.interval(4)[0] <= 4 <= field.interval(4)[1]


@RUNS
@given(left=plain, right=plain, size=st.integers(8, 30))
def test_a_join_sees_what_either_branch_sees(left, right, size):
    assume(fits([left], size) and fits([right], size) and left.stride == right.stride)
    joined = field_of([left]).union(field_of([right]))
    for i, cells in enumerate(zip(support(running([left]), size), support(running([right]), size), strict=False)):
        first, last = joined.interval(i)
        seen = sorted({*cells[0], *cells[1]})
        assert all(first <= cell <= last for cell in seen)
        if all(0 <= end < size for branch in (left, right) for end in field_of([branch]).interval(i)):
            assert (seen[0], seen[-1]) == (first, last)


def test_branches_that_step_differently_have_no_one_interval():
    assert field_of([Window(3, stride=2)]).union(field_of([Window(3)])) is None
