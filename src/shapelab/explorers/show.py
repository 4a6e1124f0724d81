"""What a notebook calls: ``explore`` for one lesson, ``dashboard`` for all of them."""

from __future__ import annotations

from typing import Any

from shapelab.engine.spec import check
from shapelab.explorers.explorer import Explorer
from shapelab.explorers.gallery import Gallery


def explore(lesson: str, **settings: Any) -> Explorer:
    """A lesson's widget.

    Args:
      lesson: a name in ``shapelab.LESSONS``: "conv1d", "conv2d", "resnet" or "unet".
      **settings: values of its fields to begin with, such as ``H=7, stride=2``.

    Raises:
      ShapeError: for an unknown lesson or field, or a value out of its bounds.
    """
    return Explorer(check(lesson, settings))


def dashboard(lesson: str = "conv2d") -> Gallery:
    """The dashboard's widget: every lesson behind one picker.

    Args:
      lesson: the lesson to begin with.

    Raises:
      ShapeError: for an unknown lesson.
    """
    return Gallery(lesson)
