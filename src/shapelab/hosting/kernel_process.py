"""``python -m shapelab.hosting.kernel_process``: one visitor's kernel, with no more of the machine than it needs."""

from __future__ import annotations

import contextlib
import os
import sys

DATA_VARIABLE = "SHAPELAB_KERNEL_BYTES"
FILE_BYTES = 2**20  # of the largest file that it may write: it has none to write
OPEN_FILES = 256
NICENESS = 1  # behind the server, which answers everyone


def limit() -> None:
    """Bound what this process may take, where the system can: memory of its own, files, no core dump."""
    try:
        import resource
    except ImportError:  # not on this system
        return
    data = int(os.environ.pop(DATA_VARIABLE, "0"))
    bounds = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": FILE_BYTES, "RLIMIT_NOFILE": OPEN_FILES, "RLIMIT_DATA": data or None}
    for name, most in bounds.items():
        kind = getattr(resource, name, None)
        if kind is not None and most is not None:
            hard = resource.getrlimit(kind)[1]
            least = most if hard == resource.RLIM_INFINITY else min(most, hard)
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(kind, (least, least))
    os.nice(NICENESS)


def main() -> None:
    """Run the kernel. What C libraries print in it is not gathered for a page, which would take two threads."""
    limit()
    from ipykernel.kernelapp import IPKernelApp

    from shapelab.hosting.lean_kernel import LeanKernel

    sys.path[:] = [path for path in sys.path if path not in ("", os.getcwd())]
    IPKernelApp.launch_instance(kernel_class=LeanKernel, capture_fd_output=False)


if __name__ == "__main__":
    main()
