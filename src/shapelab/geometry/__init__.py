"""The arithmetic of one spatial axis: padding, windows, receptive fields, and the cost of a convolution.

Standard library only. Everything here works on one axis in whole numbers; callers zip over axes.
"""

from shapelab.geometry.padding import Fill, Padding
from shapelab.geometry.receptive import ReceptiveField
from shapelab.geometry.window import Window

__all__ = ["Fill", "Padding", "ReceptiveField", "Window"]
