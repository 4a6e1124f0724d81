"""Which processes are kernels: those that the nursery forked, those that were started as one, and plain Voila's."""

from __future__ import annotations

import psutil

NURSERY = "shapelab.hosting.nursery"
STARTED = {"shapelab.hosting.kernel_process", "ipykernel", "ipykernel_launcher"}


def is_kernel(process: psutil.Process) -> bool:
    """Whether it is a kernel, and has not ended; one that was forked bears the nursery's name."""
    try:
        parent = process.parent()
        forked = parent is not None and is_nursery(process) and is_nursery(parent)
        return forked or not STARTED.isdisjoint(process.cmdline())
    except psutil.Error:
        return False


def is_nursery(process: psutil.Process) -> bool:
    """Whether it is the nursery, or was forked by it.

    Raises:
      psutil.Error: when it has ended.
    """
    return NURSERY in process.cmdline()
