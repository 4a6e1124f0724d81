"""The state of an explorer refuses what it does not know."""

import pytest
import traitlets

from shapelab.engine.spec import check
from shapelab.explorers.state import ExplorerState


def test_an_unknown_trait_is_refused():
    with pytest.raises(TypeError, match="lesson"):
        ExplorerState(spec=check("conv2d", {}), lesson="conv2d")


def test_a_specification_is_one():
    state = ExplorerState(spec=check("conv2d", {}))
    with pytest.raises(traitlets.TraitError):
        state.spec = "conv2d"


def test_nothing_is_selected_before_the_first_answer():
    state = ExplorerState(spec=check("conv2d", {}), stage=3)
    assert state.selected_stage is None
    assert state.activations is None
