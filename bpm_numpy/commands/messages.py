"""What goes wrong as one line on stderr, in the words of who typed the command."""

import contextlib
import os
import re
import shlex
import shutil
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


def shell_line(*words):
    """A command of this program as it can be typed, with the plugins that are in use."""
    return shlex.join([interpreter(), "-m", "bpm_numpy", *plugins.plugin_words(), *words])


def interpreter():
    """How this Python can be typed here: "python" if a shell finds it so, or its path."""
    if shutil.which("python") == sys.executable:
        return "python"
    inside = sys.executable.startswith(os.getcwd() + os.sep)
    return os.path.relpath(sys.executable) if inside else sys.executable


def red(text):
    """Text for stdout, in red where that is a terminal and NO_COLOR (no-color.org) isn't set."""
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return f"\033[31m{text}\033[0m" if coloured else text


def explain(error, typed, option_of=lambda path: ""):
    """The message of an error as one line; ``typed(name)`` is how an argument that it begins with was typed.

    ``option_of(path)``: the option that leads to the file which the system has refused, as it was typed, or "".
    """
    if isinstance(error, MemoryError):
        return f"expected something that fits into memory ({str(error) or 'no more details'})"
    if isinstance(error, ImportError):
        return f"expected an installation with all of requirements.txt ({error})"
    if FileNotFoundError in (type(error), type(error.__cause__)) and _current_folder_is_gone():
        return "expected a current folder, got one that was removed; cd to another one"
    if isinstance(error, OSError) and error.strerror:
        option = option_of(error.filename) if isinstance(error.filename, str) else ""
        message = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
        return f"{option}: {message}" if option else message
    message = " ".join(str(error).split()) or type(error).__name__
    if not isinstance(error, EXPECTED):
        message = f"{type(error).__name__}: {message}"
    message = message if len(message) < 2000 else message[:2000] + " ..."
    place = plugins.place_in(error, plugins.PLUGINS)
    if place:
        return message + place
    name = re.match(r"([\w.]+(?:\['?\w+'?\])*(?:(?:, | and )\w+)*): ", message)
    return f"{typed(name[1])}: {message[name.end() :]}" if name else message


def typed_as(name, arguments, usage, names):
    """How the argument ``name`` of a function was typed: ``names`` (dict) says so, or there is such an option.

    arguments: the parsed ones; usage: the command's. A change by ``--set`` is found by its whole name or a part of it:
    start['eta'] is start.eta, block[0] is task_options.block; "batch and T" is all of them that were changed.
    """
    changes = [change for change, _ in getattr(arguments, "set", ())]
    whole, parts = re.sub(r"\['?(\w+)'?\]", r".\1", name), re.split(", | and ", re.split(r"[.\[]", name)[0])
    changes = [change for change in changes if change == whole] or changes
    typed = dict.fromkeys(f"--set {change}" for change in changes if set(parts) & set(change.split(".")))
    if typed:
        return " and ".join(typed)
    if name in names:
        return names[name]
    option = "--" + name.replace("_", "-")
    return option if re.search(rf"{option}\b", usage) else name


def option_that_leads_to(path, arguments, usage, names):
    """The option, as it was typed, whose value is this path or the nearest folder above it, or ""; arguments as
    ``typed_as``.
    """
    above = {}  # folder -> the option that leads there
    for name, value in vars(arguments).items():
        for place in value if isinstance(value, list) else [value]:
            if isinstance(place, str) and place and _is_inside(path, place):
                above.setdefault(os.path.realpath(place), name)
    return typed_as(above[max(above, key=len)], arguments, usage, names) if above else ""


def _is_inside(path, place):
    path, place = os.path.realpath(path), os.path.realpath(place)
    return path == place or path.startswith(place + os.sep)


def _current_folder_is_gone():
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


@contextlib.contextmanager
def calling(name, other):
    """A ValueError or TypeError of what is inside that begins with the argument ``name`` begins with ``other``."""
    try:
        yield
    except (TypeError, ValueError) as error:
        if not str(error).startswith(f"{name}:"):
            raise
        raise type(error)(other + str(error).removeprefix(name)) from error


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
