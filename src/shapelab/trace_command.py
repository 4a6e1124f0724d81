"""``shapelab trace``: the stages of a lesson's module, or of one of the user's own."""

from __future__ import annotations

import argparse
import ast
import contextlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shapelab.errors import ShapeError
from shapelab.lessons import LESSONS
from shapelab.lessons.base import Bounds, Choices, Lesson

if TYPE_CHECKING:
    from shapelab.tracing.records import Trace

ABOVE = 3
OWN_OPTIONS = {"depth"}  # of the command, which are also fields of a lesson
USAGE = """shapelab trace FILE.py:NAME [--input [NAME=]SIZE ... [DTYPE]] [--arg NAME=VALUE] [--set NAME=VALUE]
                      [--method METHOD] [--depth N] [--json | --markdown]
                      [--fail-above-params N] [--fail-above-macs N]
       shapelab trace LESSON [--H N ...] [--depth N] [--json | --markdown] ..."""
INPUT = (
    "an array's shape as the forward takes it, batch axis and all, and its dtype (default: float32); once for each "
    "array, in order, or by name: --input mask=1 12 bool"
)
EPILOG = """\
examples:
  shapelab trace net.py:Net --input 1 224 224 3
  shapelab trace net.py:Net --arg width=64 --arg "kernel=(3, 3)" --input 8 32 32 3 --depth 1
  shapelab trace package.models:Captioner --input image=1 64 64 3 --input tokens=1 12 int32 --set train=False
  shapelab trace net.py:make_net --arg size=tiny --input 1 32 32 3 --json
  shapelab trace unet --H 64

NAME is a class that derives from nnx.Module or from a Linen Module, a module, or a function; with dots also what lies
in one (Outer.Inner, model.encoder). A function is called to build the module when each of its parameters without a
default is given with --arg (rngs is filled in); when one is left for --input the function itself is traced.
Classes of nnx are built as shapes, without allocating anything; one whose constructor looks at numbers that it has
drawn is built for real. Nothing is compiled or run.

exit codes:
  0  the forward works at these shapes
  1  the forward fails at them, or there is no such file or name, or its code raises: a sentence says which
  2  the command line is misused
  3  above --fail-above-params or --fail-above-macs
"""


def add_trace(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command for modules of the user's own; lessons have parsers of their own (``parsed_as_lesson``)."""
    command = commands.add_parser(
        "trace",
        help="print every stage of a lesson's module, or of your own",
        description="Print every stage of a module with its shape, window, padding, parameters and cost.",
        usage=USAGE,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = command.add_argument
    add(
        "target",
        metavar="FILE.py:NAME",
        help="what to trace; also package.module:NAME, or a lesson "
        f"({', '.join(LESSONS)}: shapelab trace LESSON --help)",
    )
    add("--input", dest="inputs", action="append", nargs="+", default=[], metavar="SIZE", help=INPUT)
    says = "an argument of the constructor or function: a Python literal, or else a string"
    add("--arg", action="append", type=_setting, default=[], metavar="NAME=VALUE", help=says)
    says = "an argument of the forward that is no array, such as train=False"
    add("--set", action="append", type=_setting, default=[], metavar="NAME=VALUE", help=says)
    add("--method", help="the method to trace (default: __call__)")
    _add_output(command)
    command.set_defaults(run=_trace_own)


def parsed_as_lesson(arguments: Sequence[str]) -> argparse.Namespace | None:
    """The arguments of ``shapelab trace LESSON``; None where they are those of another command."""
    if len(arguments) < 2 or arguments[0] != "trace" or arguments[1] not in LESSONS:
        return None
    lesson: Lesson = LESSONS[arguments[1]]
    parser = argparse.ArgumentParser(prog=f"shapelab trace {lesson.name}", description=lesson.title)
    for name, rule in lesson.Config.rules().items():
        kind = _number if isinstance(rule, Bounds) else str
        says = f"{allowed(rule)} (default: {getattr(lesson.Config.of({}), name)})"
        parser.add_argument(option(lesson, name), dest=f"set_{name}", type=kind, metavar="N", help=says)
    _add_output(parser)
    parser.set_defaults(run=_trace_lesson, lesson=lesson)
    return parser.parse_args(arguments[2:])


def option(lesson: Lesson, name: str) -> str:
    """The option that sets a field of a lesson: its name, behind the lesson's where the command has one so named."""
    return f"--{lesson.name}-{name}" if name in OWN_OPTIONS else f"--{name.replace('_', '-')}"


def allowed(rule: Bounds | Choices) -> str:
    """What a setting of a lesson may be."""
    if isinstance(rule, Bounds):
        return f"{rule.low} to {rule.high}"
    return " or ".join((", ".join(rule.values[:-1]), rule.values[-1]))


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--depth", type=_count, metavar="N", help="fold calls of modules that lie N deep; 0: all in one"
    )
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="print the record as JSON (docs/json.md)")
    shape.add_argument("--markdown", action="store_true", help="print a Markdown table")
    for what, noun in (("params", "trainable parameters"), ("macs", "MACs")):
        parser.add_argument(
            f"--fail-above-{what}", type=_count, metavar="N", help=f"end with exit code {ABOVE} above so many {noun}"
        )
    parser.set_defaults(parser=parser)


def _trace_lesson(args: argparse.Namespace) -> int:
    from shapelab.engine.spec import check

    settings = {name: getattr(args, f"set_{name}") for name in args.lesson.Config.rules()}
    given = {name: value for name, value in settings.items() if value is not None}
    try:
        spec = check(args.lesson.name, given)
    except ShapeError as error:
        return _refuse(error)
    from shapelab.engine.in_process import Engine

    return _tell(Engine().trace(spec), args)


def _trace_own(args: argparse.Namespace) -> int:
    place, _, name = args.target.rpartition(":")
    if args.target in LESSONS:
        args.parser.error(f"a lesson comes first: shapelab trace {args.target} ...")
    if args.target.endswith(".py"):
        args.parser.error(f"name what to trace in it: {args.target}:NAME")
    if not place or not all(part.isidentifier() or part.isdecimal() for part in name.split(".")):
        lessons = ", ".join(LESSONS)
        args.parser.error(f"{args.target!r} is neither FILE.py:NAME nor package.module:NAME, nor a lesson ({lessons})")
    for option, settings in (("--arg", args.arg), ("--set", args.set)):
        if len(dict(settings)) < len(settings):
            args.parser.error(f"{option} is given twice for one name")
    from shapelab.loading.sentences import ArgumentError, LoadError

    try:
        with contextlib.redirect_stdout(sys.stderr):  # what the user's code prints is no part of the answer
            trace = _traced(args)
    except ArgumentError as error:
        args.parser.error(str(error))
    except LoadError as error:
        return _refuse(error)
    return _tell(trace, args)


def _traced(args: argparse.Namespace) -> Trace:
    from shapelab.loading.arrays import arrays
    from shapelab.loading.building import build, fitting
    from shapelab.loading.finding import found
    from shapelab.loading.sentences import LoadError, what_was_raised
    from shapelab.tracing.tracer import trace

    name = args.target.rpartition(":")[2]
    given, by_name = arrays(args.inputs)
    with found(args.target) as target:
        module, settings = build(target, name, dict(args.arg))
        for taken in (settings | by_name).keys() & dict(args.set).keys() | settings.keys() & by_name.keys():
            args.parser.error(f"{taken} is given twice")
        kwargs = fitting(module, name, args.method, given, {**settings, **by_name, **dict(args.set)})
        try:
            return trace(module, *given, method=args.method, **kwargs)
        except Exception as error:
            raise LoadError(f"{name} could not be traced: {what_was_raised(error)}") from error


def _tell(trace: Trace, args: argparse.Namespace) -> int:
    """Print the trace; the exit code."""
    from shapelab import report

    tell = report.to_json if args.json else report.markdown if args.markdown else report.text_table
    print(tell(trace, depth=args.depth))
    if trace.error is not None:
        return 1
    above = [
        f"{trace.name} has {found:,} {noun}, {found - most:,} more than the {most:,} of --fail-above-{what}"
        for what, noun, found in (("params", "trainable parameters", trace.params), ("macs", "MACs", trace.macs))
        if (most := getattr(args, f"fail_above_{what}")) is not None and found > most
    ]
    sys.stdout.flush()
    for sentence in above:
        print(f"shapelab: {sentence}", file=sys.stderr)
    return ABOVE if above else 0


def _refuse(error: Exception) -> int:
    print(f"shapelab: {error}", file=sys.stderr)
    return 1


def _setting(text: str) -> tuple[str, Any]:
    """``name=value``, the value a Python literal or else a string."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    if value in ("true", "false", "none", "null"):
        raise argparse.ArgumentTypeError(f"{text!r}: Python writes True, False and None")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if number < 0:
        raise argparse.ArgumentTypeError(f"{number} is below 0")
    return number


def _number(text: str) -> int | float:
    """A whole number where it is one; anything else is left for the lesson's rules to refuse in its own words."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
