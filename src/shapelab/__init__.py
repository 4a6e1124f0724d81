"""See what convolutions and networks do to the shape of a tensor, read from the program that JAX runs.

Names are loaded when first used: ``import shapelab`` imports neither jax, flax nor plotly.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
