"""What a notebook calls: ``explore`` for one lesson, ``dashboard`` for all of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from shapelab.engine.spec import check
from shapelab.explorers.doors import close_doors
from shapelab.explorers.explorer import Explorer
from shapelab.explorers.gallery import Gallery
from shapelab.explorers.links import Link, read


def explore(subject: Any, *args: Any, method: str | Callable[..., Any] | None = None, **settings: Any) -> Explorer:
    """A widget for a lesson, or for any module.

    ``explore("conv2d", H=7, stride=2)`` shows a lesson; ``explore(module, x)`` the caller's own module, called as
    ``shapelab.trace(module, x)`` calls it, with the sizes of its input as sliders.

    Args:
      subject: a name in ``shapelab.LESSONS`` ("conv1d", "conv2d", "resnet", "unet"), or an ``nnx.Module``, a Linen
        module or a function.
      *args: what the module is called with: arrays or ``jax.ShapeDtypeStruct``, and anything else as it is.
      method: the module's method to call instead of ``__call__``.
      **settings: of a lesson, values of its fields to begin with; of a module, arguments by name.

    Raises:
      ShapeError: for an unknown lesson or field, a value out of its bounds, or a module given no array.
      TypeError: for something that cannot be called, or arguments given to a lesson.
    """
    if isinstance(subject, str):
        if args or method is not None:
            raise TypeError(f"the lesson {subject!r} takes settings by name alone, such as explore('conv2d', H=7)")
        return Explorer(check(subject, settings))
    from shapelab.engine.any_module import subject_of

    spec, engine = subject_of(subject, args, settings, method)
    return Explorer(spec, engine=lambda: engine)


def dashboard(lesson: str = "conv2d") -> Gallery:
    """The dashboard's widget: every lesson behind one picker; on a page, as the page's address says.

    Args:
      lesson: the lesson to begin with.

    Raises:
      ShapeError: for an unknown lesson.
    """
    close_doors()
    if "VOILA_REQUEST_URL" not in os.environ:  # a notebook, which has no address
        return Gallery(lesson)
    query = os.environ.get("QUERY_STRING", "")
    return Gallery(link=read(query) if query else Link(check(lesson, {})))
