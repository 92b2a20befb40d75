"""What the options of all commands have in common: errors of one line, help without markup, types."""

import argparse
import re
import sys

from ..arguments import nearest
from .messages import say


class Help(argparse.HelpFormatter):
    """Paragraphs are filled each by itself, and indented ones, such as examples, stay as they are."""

    def _fill_text(self, text, width, indent):
        fill, paragraphs = super()._fill_text, re.split(r"\n\s*\n", text.strip("\n"))
        return "\n\n".join(p if re.search("^ ", p, re.M) else fill(p, width, indent) for p in paragraphs)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, which names the option that was typed and says where help is."""

    def __init__(self, **options):
        super().__init__(formatter_class=Help, **options)

    def error(self, message):
        message = message.removeprefix("argument ").replace("the following arguments are required:", "expected")
        say(f"{self.prog.split()[-1]}: {message}; see {self.prog} --help")
        sys.exit(2)

    def refuse(self, unknown):
        """Exit with the error that a word, typed where none like it is expected, deserves."""
        word = unknown.partition("=")[0]
        if word.startswith("-"):
            options = re.findall(r"--[\w-]+", self.format_usage())
            self.error(f"{word}: expected an option of this command{nearest(word, options)}")
        self.error(f"expected no more arguments, got {word}")

    def _check_value(self, action, value):
        if action.choices is not None and value not in action.choices:
            expected = " | ".join(map(str, action.choices))
            message = f"expected {expected}, got {value!r}{nearest(value, action.choices)}"
            raise argparse.ArgumentError(action, message)


def integer(text):
    """The type of options that count."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected an integer, got {text!r}") from None


def plain(text):
    """A docstring as text for people: without the marks of code, and without its "``command``: "."""
    return re.sub(r"^``[^`]*``: (.)", lambda match: match[1].upper(), text).replace("``", "")
