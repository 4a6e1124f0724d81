"""The ``shapelab`` command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from shapelab.trace_command import add_trace, allowed, option, parsed_as_lesson

PUBLIC_IDLE = 15.0  # minutes
PUBLIC_DRAIN = 25.0  # seconds; who stops a container waits for 30


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
      0 for success, 1 for what a sentence explains, 2 for a misuse of the command line, 3 for a trace above a limit.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="shapelab", description="See what convolutions and networks do to the shape of a tensor."
    )
    parser.add_argument("--version", action="version", version=f"shapelab {version('shapelab')}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_serve(commands)
    add_trace(commands)
    _add_list(commands)
    _add_warm(commands)
    args = parsed_as_lesson(given) or parser.parse_args(given)
    try:
        code = int(args.run(args))
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader, such as head, has seen enough; what is left goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
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
    public = command.add_argument_group("for a server that others use")
    public.add_argument("--public", action="store_true", help="strangers come: see deploy/README.md for what changes")
    public.add_argument(
        "--max-visitors", type=_count, metavar="N", help="visitors at once (default: what memory allows)"
    )
    public.add_argument(
        "--token", default=os.environ.get("SHAPELAB_TOKEN", ""), help="a password (or set SHAPELAB_TOKEN)"
    )
    public.add_argument("--base-url", default="/", metavar="/PATH/", help="path under which a proxy serves it")
    public.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="name it may be called by; may be repeated"
    )
    public.add_argument(
        "--frame-ancestors",
        action="append",
        default=[],
        metavar="SOURCE",
        help="site that may embed it; may be repeated",
    )
    public.add_argument(
        "--idle-minutes",
        type=float,
        metavar="M",
        help="after which a page that is left alone loses its kernel (default: 60; public: 15)",
    )
    public.add_argument(
        "--drain-seconds",
        type=float,
        metavar="S",
        help="how long visitors may go on after SIGTERM (default: 0; public: 25)",
    )
    command.set_defaults(run=_serve)


def _serve(args: argparse.Namespace) -> int:
    import importlib.util

    # What kernels need: found missing there, it would be a page that says nothing.
    for needed in ("ipykernel", "ipywidgets", "anywidget", "plotly", "jax", "flax"):
        if importlib.util.find_spec(needed) is None:
            raise ModuleNotFoundError(needed, name=needed)
    from shapelab.hosting.options import CannotServeError, Options, base_url
    from shapelab.hosting.serve import serve

    drain, idle = args.drain_seconds, args.idle_minutes
    try:
        options = Options(
            host=args.host,
            port=args.port,
            browser=not args.no_browser and not args.public,
            public=args.public,
            max_visitors=args.max_visitors,
            token=args.token,
            base_url=base_url(args.base_url),
            allowed_hosts=tuple(args.allow_host),
            frame_ancestors=("'self'", *args.frame_ancestors),
            idle_minutes=(PUBLIC_IDLE if args.public else 60.0) if idle is None else idle,
            drain_seconds=(PUBLIC_DRAIN if args.public else 0.0) if drain is None else drain,
        )
        serve(options)
    except CannotServeError as error:
        print(f"shapelab: {error}", file=sys.stderr)
        return 1
    return 0


def _add_list(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("list", help="list the lessons and what can be set in each")
    command.set_defaults(run=_list)


def _list(args: argparse.Namespace) -> int:
    from shapelab.lessons import LESSONS

    for lesson in LESSONS.values():
        print(f"{lesson.name:<8} {lesson.title}")
        for name, rule in lesson.Config.rules().items():
            words, says = allowed(rule), rule.help
            if len(words) > 14:
                words, says = "a word", f"{says} ({words})"
            print(f"  {option(lesson, name):<17} {words:<14} {says}")
    return 0


def _add_warm(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("warm", help="compile what first visitors ask for, so that a server finds it on disk")
    command.set_defaults(run=_warm)


def _warm(args: argparse.Namespace) -> int:
    from shapelab.errors import EngineAwayError
    from shapelab.hosting.warm import warm

    try:
        print(f"{warm()} settings and mistakes computed; what took long to compile is kept on disk")
    except EngineAwayError as error:
        print(f"shapelab: {error}: see what it printed above", file=sys.stderr)
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


def _count(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number: visitors are counted") from None
