"""Bring PyTorch to an environment's tests where that is cheap: ``torch_cpu.py PYTHON``. Standard library only.

PyTorch is an oracle of the tests and nothing else, so only a build for the CPU alone is taken. On Linux that is one
whose version says ``+cpu``, from a folder or an index that pip is set up with: the one on PyPI brings gigabytes of
CUDA. Elsewhere PyPI's own is for the CPU. To ask for a version by its whole name costs nothing, while a dry run of pip
downloads all of what it would then refuse.
"""

import subprocess
import sys

VERSION = "2.13.0"


def main() -> int:
    """Install it, or say that its tests will be skipped; neither is a failure."""
    python = sys.argv[1]
    if asked(python, "-c", "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"):
        return 0
    wanted = f"torch=={VERSION}" + ("+cpu" if sys.platform == "linux" else "")
    how = ["--quiet", "--disable-pip-version-check", "--only-binary", "torch"]
    print(f"looking for {wanted} …", flush=True)
    if not asked(python, "-m", "pip", "install", *how, wanted):
        print(f"shapelab: pip finds no {wanted} for {python}, so the tests that compare with PyTorch will be skipped.")
    return 0


def asked(python: str, *words: str) -> bool:
    """Whether an interpreter does it; what it says is kept back."""
    return subprocess.run([python, *words], capture_output=True).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
