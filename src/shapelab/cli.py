"""The ``shapelab`` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 for success, 1 for what a sentence explains, 2 for a misuse of the command line."""
    parser = argparse.ArgumentParser(
        prog="shapelab", description="See what convolutions and networks do to the shape of a tensor."
    )
    parser.add_argument("--version", action="version", version=f"shapelab {version('shapelab')}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_serve(commands)
    args = parser.parse_args(argv)
    try:
        return int(args.run(args))
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0].replace("_", "-")
        print(f"shapelab: the package {package!r} is missing: pip install {package}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("serve", help="open the dashboard in a browser")
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    command.add_argument("--port", type=_port, default=8866, help="port to listen on (default: %(default)s)")
    command.add_argument("--no-browser", action="store_true", help="do not open a browser")
    command.set_defaults(run=_serve)


def _serve(args: argparse.Namespace) -> int:
    import importlib.util

    from shapelab.hosting.serve import CannotServe, serve

    for needed in ("ipykernel", "ipywidgets", "anywidget", "plotly"):  # what the page needs before it says so itself
        if importlib.util.find_spec(needed) is None:
            raise ModuleNotFoundError(needed, name=needed)
    try:
        serve(host=args.host, port=args.port, browser=not args.no_browser)
    except CannotServe as error:
        print(f"shapelab: {error}", file=sys.stderr)
        return 1
    return 0


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number: a port is 1 to 65535") from None
    if not 1 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{port} is out of range: a port is 1 to 65535")
    return port
