"""What goes wrong as one line on stderr, in the words of who typed the command."""

import contextlib
import re
import sys
import warnings

from .. import plugins
from ..files import FilesWarning

# What a person can type, and what a disk, an installation or the memory can refuse. All else is a fault of the program.
EXPECTED = (OSError, TypeError, ValueError, RuntimeError, ArithmeticError, MemoryError, ImportError)


def say(line):
    """Print a line on stderr, if there is still one to print on."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def say_stopped(line):
    """The line that ends a command before its end, below the line of progress that a terminal shows."""
    say("\n" * sys.stderr.isatty() + line)


def explain(error, typed):
    """The message of an error as one line; ``typed(name)`` is how an argument that it begins with was typed."""
    if isinstance(error, MemoryError):
        return f"expected something that fits into memory ({error or 'no more details'})"
    if isinstance(error, ImportError):
        return f"expected an installation with all of requirements.txt ({error})"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    message = " ".join(str(error).split()) or type(error).__name__
    message = message if len(message) < 2000 else message[:2000] + " ..."
    place = plugins.place_in(error, plugins.PLUGINS)
    if place:
        return message + place
    unknown = re.search(r"unexpected keyword argument '(\w+)'", message)
    if unknown:
        return f"{typed(unknown[1])}: expected the name of an option ({message})"
    name = re.match(r"([\w.]+(?:\['?\w+'?\])*): ", message)
    return f"{typed(name[1])}: {message[name.end() :]}" if name else message


def typed_as(name, arguments, usage, names):
    """How the argument ``name`` of a function was typed: ``names`` (dict) says so, or there is such an option.

    arguments: the parsed ones; usage: the command's. A change by ``--set`` is found by its whole name or a part of it:
    start['eta'] is start.eta, block[0] is task_options.block.
    """
    changes = [change for change, _ in getattr(arguments, "set", ())]
    whole, part = re.sub(r"\['?(\w+)'?\]", r".\1", name), re.split(r"[.\[]", name)[0]
    for change in [change for change in changes if change == whole] or changes:
        if part in change.split("."):
            return f"--set {change}"
    if name in names:
        return names[name]
    option = "--" + name.replace("_", "-")
    return option if re.search(rf"{option}\b", usage) else name


@contextlib.contextmanager
def warnings_as_lines(command):
    """FilesWarnings are lines on stderr here."""
    with warnings.catch_warnings():
        otherwise = warnings.showwarning

        def show(message, category, *where):
            if issubclass(category, FilesWarning):
                say(f"{command}: {message}")
            else:
                otherwise(message, category, *where)

        warnings.simplefilter("always", FilesWarning)
        warnings.showwarning = show
        yield
