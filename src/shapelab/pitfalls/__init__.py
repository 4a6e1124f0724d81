"""The classic mistakes: what is said of each here, run for real by ``engine.pitfalls``. Imports no jax."""

from shapelab.errors import ShapeError
from shapelab.pitfalls.convolution import CONVOLUTION
from shapelab.pitfalls.records import Pitfall
from shapelab.pitfalls.residual import RESIDUAL
from shapelab.pitfalls.unet import UNET

GROUPS: dict[str, tuple[Pitfall, ...]] = {
    "Convolution": CONVOLUTION,
    "ResNet block": RESIDUAL,
    "U-Net": UNET,
}
PITFALLS: dict[str, Pitfall] = {each.name: each for group in GROUPS.values() for each in group}


def pitfall(name: str) -> Pitfall:
    """A mistake by its name.

    Raises:
      ShapeError: for one that is not in the gallery.
    """
    if not isinstance(name, str) or name not in PITFALLS:
        raise ShapeError(f"there is no pitfall {str(name)[:40]!r}: choose from {', '.join(PITFALLS)}")
    return PITFALLS[name]
