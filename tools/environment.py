"""Make a virtual environment with pinned packages and this project: ``environment.py FOLDER REQUIREMENTS``.

Runs on any Python 3, so that one that is too old is told so in a sentence. Standard library only.
"""

import os
import shutil
import subprocess
import sys

LOWEST = (3, 11)


def main():
    """Make or mend the environment; the exit code says whether it is whole."""
    if sys.version_info < LOWEST:
        return sorry(
            "Python %d.%d or newer is needed, this is %d.%d: install one, then say  make PYTHON=python3.12 dashboard"
            % (LOWEST + tuple(sys.version_info[:2]))
        )
    folder, requirements = sys.argv[1], sys.argv[2]
    python = os.path.join(folder, "Scripts" if os.name == "nt" else "bin", "python")
    if not works(python):
        print("making %s …" % folder, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        made = subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True, text=True)
        if made.returncode or not works(python):
            version = "%d.%d" % tuple(sys.version_info[:2])
            return sorry(
                "%s cannot make virtual environments: on Debian and Ubuntu  apt install python%s-venv  brings what it "
                "lacks.\n%s" % (sys.executable, version, (made.stdout + made.stderr).strip())
            )
    print("installing %s into %s (a minute or two the first time) …" % (requirements, folder), flush=True)
    quiet = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for what in (["-r", requirements], ["--no-deps", "--editable", "."]):
        if subprocess.run(quiet + what).returncode:
            return sorry("pip could not install %s; its words stand above. Is the network there?" % " ".join(what))
    return 0


def works(python):
    """Whether an environment's interpreter runs and has pip; one broken off half-made does not."""
    try:
        return subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0
    except OSError:
        return False


def sorry(sentence):
    """Say it, and fail."""
    print("shapelab: " + sentence, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
