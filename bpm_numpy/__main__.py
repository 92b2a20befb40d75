"""``python -m bpm_numpy``: see ``--help``."""

import argparse
import importlib
import sys

COMMANDS = ("quickstart", "tutorial", "check", "figures", "bench", "train", "evaluate", "gather", "study")


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m bpm_numpy",
        description="Differentiable neuromodulated plasticity in NumPy, with every gradient by hand.",
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
    try:
        return modules[parsed.command].run(parsed)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
