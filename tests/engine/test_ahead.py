"""What is computed before anybody asks: one move away, and never out of bounds."""

from hypothesis import given
from hypothesis import strategies as st

from shapelab.engine.ahead import constructions, neighbours
from shapelab.engine.spec import check
from shapelab.lessons import LESSONS


def changes(spec, other):
    return {
        name: getattr(other.config, name)
        for name in spec.config.rules()
        if getattr(other.config, name) != getattr(spec.config, name)
    }


@given(data=st.data(), name=st.sampled_from(sorted(LESSONS)))
def test_a_neighbour_is_one_or_two_steps_of_one_slider_away(data, name):
    rules = LESSONS[name].Config.rules()
    numbers = [field for field, rule in rules.items() if hasattr(rule, "low")]
    spec = check(name, {})
    for field in data.draw(st.lists(st.sampled_from(numbers))):
        stop = data.draw(st.sampled_from(list(spec.config.limits(field).stops)))
        spec = spec.changed({field: stop})
    found = list(neighbours(spec))
    assert spec not in found
    assert len(set(found)) == len(found)
    for other in found:
        changed = changes(spec, other)
        assert len(changed) == 1 or set(changed) in [set(group) for group in spec.lesson.linked]
        for field, value in changed.items():
            limits, present = spec.config.limits(field, tuple(changed)), getattr(spec.config, field)
            between = [stop for stop in limits.stops if min(value, present) < stop < max(value, present)]
            assert value in limits.stops
            assert len(between) <= 1
            assert spec.config.counts(field)


def test_the_next_stop_of_every_slider_comes_before_the_one_after():
    spec = check("unet", {})
    first = [changes(spec, other) for other in neighbours(spec, reach=1)]
    assert {"H": 68} in first
    assert {"H": 60} in first
    assert {"base_features": 9} in first
    assert [changes(spec, other) for other in neighbours(spec)][: len(first)] == first


def test_linked_kernels_move_together_and_unlinked_ones_apart():
    linked = [changes(check("conv2d", {}), other) for other in neighbours(check("conv2d", {}), reach=1)]
    assert {"kernel_h": 4, "kernel_w": 4} in linked
    assert {"kernel_h": 4} not in linked
    apart = check("conv2d", {"kernel_w": 5})
    assert {"kernel_h": 4} in [changes(apart, other) for other in neighbours(apart, reach=1)]


def test_every_width_of_a_network_is_prepared():
    widths = {spec.config.base_features for spec in constructions() if spec.lesson_name == "unet"}
    rule = LESSONS["unet"].Config.rules()["base_features"]
    assert widths == set(range(rule.low, rule.high + 1))
    blocks = [spec.config for spec in constructions() if spec.lesson_name == "resnet"]
    assert {config.features for config in blocks} == set(range(1, 65))
    assert all(config.plain for config in blocks)
