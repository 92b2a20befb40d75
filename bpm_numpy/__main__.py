"""``python -m bpm_numpy``: see ``--help``."""

import argparse
import importlib
import os
import sys

COMMANDS = ("quickstart", "tutorial", "check", "figures", "bench", "train", "evaluate", "gather", "study")
INTERRUPTED, NOBODY_READS = 130, 141  # 128 and the number of the signal, as shells have it


def main(arguments=None):
    """Run a command -> its exit code: 2 for what cannot be, 130 after Ctrl-C, each with one line on stderr."""
    from .commands.messages import EXPECTED, explain, say, say_stopped, typed_as, warnings_as_lines
    from .plugins import load_plugins

    plugins = argparse.ArgumentParser(prog="python -m bpm_numpy", add_help=False, allow_abbrev=False)
    plugins.add_argument(
        "--plugin", action="append", default=[], metavar="FILE", help="run this Python file first, to register parts"
    )
    given, arguments = plugins.parse_known_args(arguments)  # their names are choices of the commands below
    try:
        load_plugins(given.plugin)
    except EXPECTED as error:
        say(explain(error, lambda name: f"--{name}"))
        return 2
    parser = argparse.ArgumentParser(
        prog="python -m bpm_numpy",
        description="Differentiable neuromodulated plasticity in NumPy, with every gradient by hand.",
        epilog="NumPy's matrix products use one thread, unless OPENBLAS_NUM_THREADS says how many.",
        parents=[plugins],
    )
    subparsers = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    modules = {}
    for name in COMMANDS:
        modules[name] = importlib.import_module(f".commands.{name}", __package__)
        modules[name].add_arguments(
            subparsers.add_parser(name, help=modules[name].HELP, description=modules[name].__doc__)
        )
    parsed = parser.parse_args(arguments)
    if parsed.command is None:
        parser.print_help()
        return 0
    command = modules[parsed.command]
    usage = subparsers.choices[parsed.command].format_usage()
    try:
        with warnings_as_lines(parsed.command):
            return command.run(parsed)
    except KeyboardInterrupt:
        say_stopped(f"{parsed.command}: interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        return NOBODY_READS
    except EXPECTED as error:
        say(f"{parsed.command}: {explain(error, lambda name: typed_as(name, parsed, usage, command.TYPED))}")
        return 2


def run_in_a_shell():
    """``main`` of the command line -> exit code, whatever stdin, stdout and stderr are."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed; its number would be the next file's
            setattr(sys, name, open(os.devnull, mode))
    sys.stdout.reconfigure(errors="backslashreplace")  # it may not be able to print all letters
    try:
        from .commands.threads import one_blas_thread

        one_blas_thread()
        code = main()
    except KeyboardInterrupt:  # before the command began
        print("interrupted", file=sys.stderr)
        code = INTERRUPTED
    except SystemExit as end:  # argparse's
        code = end.code
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            code = NOBODY_READS if isinstance(error, BrokenPipeError) else code or 2
            if stream is sys.stdout and code == 2:
                print(f"stdout: {error.strerror}", file=sys.stderr)
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # so that what is left can be flushed
    return code


if __name__ == "__main__":
    sys.exit(run_in_a_shell())
