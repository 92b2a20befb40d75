"""``python -m bpm_numpy``, or ``bpm``: see ``--help``."""

# Nothing else is imported here: until ``run_in_a_shell`` runs, Ctrl-C prints a traceback.
import atexit
import os
import signal
import sys

COMMANDS = ("quickstart", "tutorial", "check", "figures", "bench", "train", "evaluate", "gather", "study")
INTERRUPTED, NOBODY_READS = 130, 141  # 128 and the number of the signal, as shells have it


def main(arguments=None):
    """Run a command -> its exit code: 2 for what cannot be, 130 after Ctrl-C, each with one line on stderr."""
    modules = load_commands()
    from . import __version__
    from .commands.messages import (
        EXPECTED,
        explain,
        option_that_leads_to,
        say,
        say_stopped,
        typed_as,
        warnings_as_lines,
    )
    from .commands.options import Parser, plain
    from .plugins import PLUGINS, load_plugins, place_in

    plugins = Parser(prog="python -m bpm_numpy", add_help=False, allow_abbrev=False)
    plugins.add_argument(
        "--plugin", action="append", default=[], metavar="FILE", help="run this Python file first, to register parts"
    )
    given, arguments = plugins.parse_known_args(arguments)  # their names are choices of the commands below
    try:
        load_plugins(given.plugin)
    except EXPECTED as error:
        say(explain(error, lambda name: f"--{name}"))
        return 2
    parser = Parser(
        prog="python -m bpm_numpy",
        description="Differentiable neuromodulated plasticity in NumPy, with every gradient by hand.",
        parents=[plugins],
        epilog="What a command does, takes and prints: python -m bpm_numpy COMMAND --help",
    )
    version = f"bpm_numpy {__version__}, NumPy {sys.modules['numpy'].__version__}, Python {sys.version.split()[0]}"
    parser.add_argument("--version", action="version", version=version, help="print the version, NumPy's and Python's")
    subparsers = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    for name, module in modules.items():
        command = subparsers.add_parser(name, help=module.HELP, description=plain(module.__doc__))
        module.add_arguments(command)
        command.epilog = "\n\n".join(filter(None, (command.epilog, f"examples:\n{module.EXAMPLES}")))
    parsed, unknown = parser.parse_known_args(arguments)
    if parsed.command is None:
        if unknown:
            parser.refuse(unknown[0])
        parser.print_help()
        return 0
    command, options = modules[parsed.command], subparsers.choices[parsed.command]
    if unknown and not hasattr(parsed, "further"):
        options.refuse(unknown[0])
    parsed.further = unknown
    try:
        with warnings_as_lines(parsed.command):
            return command.run(parsed)
    except KeyboardInterrupt:
        say_stopped(f"{parsed.command}: interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        return NOBODY_READS
    except BaseException as error:
        if not isinstance(error, EXPECTED) and not place_in(error, PLUGINS):
            raise  # a fault of the program
        words = parsed, parser.format_usage() + options.format_usage(), command.TYPED
        line = explain(error, lambda name: typed_as(name, *words), lambda path: option_that_leads_to(path, *words))
        say(f"{parsed.command}: {line}")
        return 2


def load_commands():
    """dict: name of a command -> its module. NumPy is loaded with them."""
    import importlib

    return {name: importlib.import_module(f".commands.{name}", __package__) for name in COMMANDS}


def run_in_a_shell():
    """``main`` of the command line -> exit code, whatever stdin, stdout and stderr are."""
    interrupts = signal.getsignal(signal.SIGINT)
    if interrupts is signal.default_int_handler:  # and not ignored, as in the background of a shell
        signal.signal(signal.SIGINT, end_at_once)
    from .commands.threads import use_one_thread

    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed; its number would be the next file's
            setattr(sys, name, open(os.devnull, mode))
    sys.stdout.reconfigure(errors="backslashreplace")  # it may not be able to print all letters
    use_one_thread()
    load_commands()
    try:
        signal.signal(signal.SIGINT, interrupts)
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


def end_at_once(*_):
    """Ctrl-C while modules are loaded, where an exception may come out as another one: there is nothing to save."""
    try:
        print("interrupted", file=sys.stderr, flush=True)
    finally:
        os._exit(INTERRUPTED)


if __name__ == "__main__":
    code = run_in_a_shell()
    if code == INTERRUPTED:  # sys.exit would end by the signal instead, where that has met code made from a string
        atexit._run_exitfuncs()
        os._exit(code)
    sys.exit(code)
