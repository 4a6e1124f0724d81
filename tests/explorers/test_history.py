"""Undo and redo, without a page."""

from shapelab.engine.spec import check
from shapelab.explorers.history import MOST, TOGETHER, History


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def heights(*values: int):
    return [check("conv2d", {"H": value}) for value in values]


def test_what_was_set_comes_back_in_order_and_again():
    clock = Clock()
    first, second, third = heights(7, 8, 9)
    history = History(first, clock=clock)
    assert not history.can_undo
    assert not history.can_redo
    for spec in (second, third):
        clock.now += 10 * TOGETHER
        history.record(spec)
    assert history.undo() == second
    assert history.undo() == first
    assert history.undo() is None
    assert history.redo() == second
    assert history.redo() == third
    assert history.redo() is None


def test_a_drag_is_one_step_and_what_follows_it_another():
    clock = Clock()
    specs = heights(*range(7, 20))
    history = History(specs[0], clock=clock)
    for spec in specs[1:]:
        clock.now += TOGETHER / 10
        history.record(spec)
    clock.now += 2 * TOGETHER
    history.record(check("conv2d", {"H": 30}))
    assert history.undo() == specs[-1]
    assert history.undo() == specs[0]


def test_two_controls_moved_at_once_are_two_steps():
    history = History(check("conv2d", {}), clock=Clock())
    history.record(check("conv2d", {"H": 9}))
    history.record(check("conv2d", {"H": 9, "kernel_h": 5}))
    assert history.undo() == check("conv2d", {"H": 9})
    assert history.undo() == check("conv2d", {})


def test_a_change_after_an_undo_ends_what_could_be_redone():
    clock = Clock()
    first, second, third = heights(7, 8, 9)
    history = History(first, clock=clock)
    history.record(second)
    history.undo()
    history.record(third)
    assert not history.can_redo
    assert history.undo() == first


def test_what_undo_shows_is_no_new_step():
    first, second = heights(7, 8)
    history = History(first, clock=Clock())
    history.record(second)
    back = history.undo()
    assert back is not None
    history.record(back)
    assert history.can_redo
    assert not history.can_undo


def test_another_lesson_is_a_step_and_the_oldest_steps_are_forgotten():
    clock = Clock()
    history = History(check("unet", {}), clock=clock)
    for seed in range(MOST + 50):
        clock.now += 10 * TOGETHER
        history.record(check("conv2d", {"seed": seed % 100, "H": 1 + seed // 100}))
    count = 0
    while history.undo() is not None:
        count += 1
    assert count == MOST
